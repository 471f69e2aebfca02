package io.pinhole.flow;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Memory for the {@link StreamReassembler}s of one shard: bounded, handed back and re-used, so that
 * idle streams hold nothing. Owned by the shard.
 */
public final class StreamBuffers {
    private static final int SMALLEST = 256;
    private static final int LARGEST_SHIFT = 30;
    private static final int KEPT_BYTES_PER_SIZE = 1 << 20;

    private final long maxBytes;
    private final List<ArrayDeque<byte[]>> spare = new ArrayList<>();
    private long inUse;

    /**
     * @param maxBytes lent out at one time, to all reassemblers together; beside them at most 1 MiB
     *     of each size (a power of two) is kept for re-use
     */
    public StreamBuffers(long maxBytes) {
        this.maxBytes = maxBytes;
        for (int shift = 0; shift <= LARGEST_SHIFT; shift++) {
            spare.add(new ArrayDeque<>());
        }
    }

    /** Bytes lent out now. */
    public long bytesInUse() {
        return inUse;
    }

    /** A buffer whose length is a power of two and at least {@code size}; null at the limit. */
    byte @Nullable [] take(int size) {
        int shift = 32 - Integer.numberOfLeadingZeros(Math.max(size, SMALLEST) - 1);
        if (shift > LARGEST_SHIFT || inUse + (1L << shift) > maxBytes) {
            return null;
        }
        inUse += 1L << shift;
        byte[] used = spare.get(shift).pollLast();
        return used != null ? used : new byte[1 << shift];
    }

    void give(byte[] buffer) {
        inUse -= buffer.length;
        ArrayDeque<byte[]> row = spare.get(Integer.numberOfTrailingZeros(buffer.length));
        if ((row.size() + 1L) * buffer.length <= KEPT_BYTES_PER_SIZE) {
            row.addLast(buffer);
        }
    }
}
