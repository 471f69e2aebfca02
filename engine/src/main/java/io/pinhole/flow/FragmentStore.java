package io.pinhole.flow;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The bytes of fragments, in chains of equal blocks. A fragment is named by the number of its first
 * block, which begins with what is known of it. Owned by {@link Fragments}.
 */
final class FragmentStore {
    /** Bytes of one block. */
    static final int BLOCK = 512;

    /** No block. */
    static final int NONE = -1;

    private static final int BLOCKS_PER_SLAB = 128;

    private static final int POSITION = 0;
    private static final int NEXT_FRAGMENT = POSITION + 8;
    private static final int STORED = NEXT_FRAGMENT + 4;
    private static final int HEADER_LENGTH = STORED + 4;
    private static final int OFFSET = HEADER_LENGTH + 4;
    private static final int LENGTH = OFFSET + 4;
    private static final int FRAME_LENGTH = LENGTH + 4;
    private static final int BYTES = FRAME_LENGTH + 4;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final int maxBlocks;
    private MemorySegment[] slabs = new MemorySegment[0];

    /** The next block of a fragment's chain or of the chain of free blocks. */
    private int[] next = new int[0];

    private int freeHead = NONE;
    private int used;

    FragmentStore(int maxBytes) {
        maxBlocks = Math.max(0, maxBytes) / BLOCK;
    }

    long bytesInUse() {
        return (long) used * BLOCK;
    }

    /** True if a fragment of which so many bytes are to be kept fits beside the others. */
    boolean hasRoomFor(int bytes) {
        return used + blocksFor(bytes) <= maxBlocks;
    }

    /** True if it would fit into an empty store. */
    boolean couldHold(int bytes) {
        return blocksFor(bytes) <= maxBlocks;
    }

    private static int blocksFor(int bytes) {
        return (BYTES + bytes + BLOCK - 1) / BLOCK;
    }

    /**
     * Keeps a fragment. The caller has asked {@link #hasRoomFor}.
     *
     * @param stored bytes to keep, of which the first {@code headerLength} are IP headers
     * @param offset of its data in the datagram
     * @param length of its data on the wire
     */
    int put(
            MemorySegment from,
            long start,
            int stored,
            int headerLength,
            int offset,
            int length,
            int frameLength,
            long position) {
        int first = take();
        MemorySegment slab = slab(first);
        long at = place(first);
        slab.set(LONG, at + POSITION, position);
        slab.set(INT, at + NEXT_FRAGMENT, NONE);
        slab.set(INT, at + STORED, stored);
        slab.set(INT, at + HEADER_LENGTH, headerLength);
        slab.set(INT, at + OFFSET, offset);
        slab.set(INT, at + LENGTH, length);
        slab.set(INT, at + FRAME_LENGTH, frameLength);
        int block = first;
        int skip = BYTES;
        for (int done = 0; ; ) {
            int n = Math.min(stored - done, BLOCK - skip);
            MemorySegment.copy(from, start + done, slab(block), place(block) + skip, n);
            done += n;
            if (done == stored) {
                next[block] = NONE;
                return first;
            }
            int following = take();
            next[block] = following;
            block = following;
            skip = 0;
        }
    }

    /**
     * Copies {@code n} of the kept bytes, the headers counted, beginning with byte {@code from}.
     */
    void copy(int fragment, int from, MemorySegment to, long at, int n) {
        int block = fragment;
        int within = BYTES + from;
        for (int done = 0; done < n; ) {
            while (within >= BLOCK) {
                within -= BLOCK;
                block = next[block];
            }
            int piece = Math.min(n - done, BLOCK - within);
            MemorySegment.copy(slab(block), place(block) + within, to, at + done, piece);
            done += piece;
            within += piece;
        }
    }

    /** Whether {@code n} bytes of data from byte {@code from} on equal those at {@code at}. */
    boolean sameData(int fragment, int from, MemorySegment other, long at, int n) {
        int block = fragment;
        int within = BYTES + headerLength(fragment) + from;
        for (int done = 0; done < n; ) {
            while (within >= BLOCK) {
                within -= BLOCK;
                block = next[block];
            }
            int piece = Math.min(n - done, BLOCK - within);
            long mine = place(block) + within;
            if (MemorySegment.mismatch(
                            slab(block), mine, mine + piece, other, at + done, at + done + piece)
                    >= 0) {
                return false;
            }
            done += piece;
            within += piece;
        }
        return true;
    }

    /**
     * The byte at {@code header} of the kept headers: for IPv6 the next-header field of the
     * fragment header that begins there.
     */
    int headerByte(int fragment, int header) {
        int block = fragment;
        int within = BYTES + header;
        while (within >= BLOCK) {
            within -= BLOCK;
            block = next[block];
        }
        return Byte.toUnsignedInt(slab(block).get(ValueLayout.JAVA_BYTE, place(block) + within));
    }

    void free(int fragment) {
        int last = fragment;
        used--;
        while (next[last] != NONE) {
            last = next[last];
            used--;
        }
        next[last] = freeHead;
        freeHead = fragment;
    }

    long position(int fragment) {
        return slab(fragment).get(LONG, place(fragment) + POSITION);
    }

    int nextFragment(int fragment) {
        return get(fragment, NEXT_FRAGMENT);
    }

    void setNextFragment(int fragment, int following) {
        slab(fragment).set(INT, place(fragment) + NEXT_FRAGMENT, following);
    }

    /** Bytes of headers that are kept before the data; 0 unless {@link #offset} is 0. */
    int headerLength(int fragment) {
        return get(fragment, HEADER_LENGTH);
    }

    int offset(int fragment) {
        return get(fragment, OFFSET);
    }

    /** Bytes of data on the wire. */
    int length(int fragment) {
        return get(fragment, LENGTH);
    }

    /** Bytes of data that are kept; fewer than {@link #length} where the capture was cut. */
    int captured(int fragment) {
        return get(fragment, STORED) - headerLength(fragment);
    }

    int frameLength(int fragment) {
        return get(fragment, FRAME_LENGTH);
    }

    private int get(int fragment, int field) {
        return slab(fragment).get(INT, place(fragment) + field);
    }

    private MemorySegment slab(int block) {
        return slabs[block / BLOCKS_PER_SLAB];
    }

    private static long place(int block) {
        return (long) (block % BLOCKS_PER_SLAB) * BLOCK;
    }

    private int take() {
        if (freeHead == NONE) {
            grow();
        }
        int block = freeHead;
        freeHead = next[block];
        used++;
        return block;
    }

    private void grow() {
        int first = next.length;
        int blocks = Math.min(BLOCKS_PER_SLAB, maxBlocks - first);
        next = Arrays.copyOf(next, first + blocks);
        slabs = Arrays.copyOf(slabs, slabs.length + 1);
        slabs[slabs.length - 1] = MemorySegment.ofArray(new byte[blocks * BLOCK]);
        for (int block = first + blocks - 1; block >= first; block--) {
            next[block] = freeHead;
            freeHead = block;
        }
    }
}
