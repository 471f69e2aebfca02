package io.pinhole.flow;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Memory for the {@link StreamReassembler}s of one shard: bounded, handed back and re-used, so that
 * idle streams hold nothing. Owned by the shard.
 */
public final class StreamBuffers {
    /** One piece of memory, seen both ways. */
    static final class Buffer {
        final byte[] bytes;
        final MemorySegment segment;

        private Buffer(int size) {
            bytes = new byte[size];
            segment = MemorySegment.ofArray(bytes);
        }
    }

    private static final int SMALLEST = 256;
    private static final int LARGEST_SHIFT = 30;
    private static final int KEPT_BYTES_PER_SIZE = 1 << 20;

    private final long maxBytes;
    private final List<ArrayDeque<Buffer>> spare = new ArrayList<>();
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
    @Nullable Buffer take(int size) {
        int shift = 32 - Integer.numberOfLeadingZeros(Math.max(size, SMALLEST) - 1);
        if (shift > LARGEST_SHIFT || inUse + (1L << shift) > maxBytes) {
            return null;
        }
        inUse += 1L << shift;
        Buffer used = spare.get(shift).pollLast();
        return used != null ? used : new Buffer(1 << shift);
    }

    void give(Buffer buffer) {
        int length = buffer.bytes.length;
        inUse -= length;
        ArrayDeque<Buffer> row = spare.get(Integer.numberOfTrailingZeros(length));
        if ((row.size() + 1L) * length <= KEPT_BYTES_PER_SIZE) {
            row.addLast(buffer);
        }
    }
}
