package io.pinhole.flow;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Finds slots of a {@link FlowTable} by fingerprint: open addressing with linear probing, eight
 * bytes an entry (fingerprint, slot number), eight entries a cache line. Owned by the table.
 *
 * <p>The upper bits of a fingerprint choose a segment. Each grows by itself when three quarters of
 * it are full, so that growth never stops the table for longer than one small segment takes.
 * Nothing but {@link #add} may be called before the first entry.
 */
final class FlowIndex implements AutoCloseable {
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final int ENTRY = 8;
    private static final int FIRST_ENTRIES = 32;
    private static final int SMALL_BITS = 4;
    private static final int LARGE_BITS = 8;
    private static final int LARGE = 1 << 19;
    private static final int MAX_BITS = 28;
    private static final long NO_BLOCK = -1;

    private final int shift;
    private final long[] base;
    private final int[] mask;
    private final int[] entries;
    private final Region region;
    private MemorySegment memory = MemorySegment.NULL;

    // Blocks that were outgrown, linked through their first entry, by the logarithm of their size.
    private final long[] free = new long[MAX_BITS + 1];

    FlowIndex(int maxFlows, TableMemory source) {
        int bits = maxFlows < LARGE ? SMALL_BITS : LARGE_BITS;
        shift = 32 - bits;
        base = new long[1 << bits];
        mask = new int[1 << bits];
        entries = new int[1 << bits];
        // Between 3/8 and 3/4 full, as much again in outgrown blocks, as much again to be safe.
        region = new Region(source, 64L * maxFlows + (4L * FIRST_ENTRIES * ENTRY << bits));
        Arrays.fill(free, NO_BLOCK);
    }

    private void begin() {
        for (int s = 0; s < base.length; s++) {
            base[s] = block(FIRST_ENTRIES);
            mask[s] = FIRST_ENTRIES - 1;
        }
    }

    long held() {
        return region.held();
    }

    /** The first entry that a search for the fingerprint reads: brings its line into the cache. */
    long touch(int fingerprint) {
        int s = fingerprint >>> shift;
        return memory.get(I64, base[s] + (long) (fingerprint & mask[s]) * ENTRY);
    }

    /**
     * Where a search for the fingerprint begins; go on with {@link #next}. Entries are read with
     * {@link #entry}: 0 ends the search, {@link #is} tells whether it is a match, {@link #slot}
     * which slot it names.
     */
    int home(int fingerprint) {
        return fingerprint & mask[fingerprint >>> shift];
    }

    int next(int fingerprint, int i) {
        return i + 1 & mask[fingerprint >>> shift];
    }

    long entry(int fingerprint, int i) {
        return memory.get(I64, base[fingerprint >>> shift] + (long) i * ENTRY);
    }

    static boolean is(long entry, int fingerprint) {
        return (int) (entry >>> 32) == fingerprint;
    }

    static int slot(long entry) {
        return (int) entry;
    }

    /** Enters a slot; the fingerprint is not 0. */
    void add(int fingerprint, int slot) {
        if (region.used() == 0) {
            begin();
        }
        int s = fingerprint >>> shift;
        if ((entries[s] + 1) * 4L > (mask[s] + 1) * 3L) {
            grow(s);
        }
        place(base[s], mask[s], (long) fingerprint << 32 | slot);
        entries[s]++;
    }

    private void place(long block, int blockMask, long entry) {
        int i = (int) (entry >>> 32) & blockMask;
        while (memory.get(I64, block + (long) i * ENTRY) != 0) {
            i = i + 1 & blockMask;
        }
        memory.set(I64, block + (long) i * ENTRY, entry);
    }

    /** Takes a slot out, and closes the hole so that every search stays whole. */
    void remove(int fingerprint, int slot) {
        int s = fingerprint >>> shift;
        long block = base[s];
        int m = mask[s];
        long entry = (long) fingerprint << 32 | slot;
        int hole = fingerprint & m;
        while (memory.get(I64, block + (long) hole * ENTRY) != entry) {
            hole = hole + 1 & m;
        }
        for (int i = hole + 1 & m; ; i = i + 1 & m) {
            long moved = memory.get(I64, block + (long) i * ENTRY);
            if (moved == 0) {
                break;
            }
            int home = (int) (moved >>> 32) & m;
            if ((i - home & m) >= (i - hole & m)) {
                memory.set(I64, block + (long) hole * ENTRY, moved);
                hole = i;
            }
        }
        memory.set(I64, block + (long) hole * ENTRY, 0);
        entries[s]--;
    }

    private void grow(int s) {
        int old = mask[s] + 1;
        long from = base[s];
        long to = block(2 * old);
        for (int i = 0; i < old; i++) {
            long entry = memory.get(I64, from + (long) i * ENTRY);
            if (entry != 0) {
                place(to, 2 * old - 1, entry);
            }
        }
        int size = Integer.numberOfTrailingZeros(old);
        memory.set(I64, from, free[size]);
        free[size] = from;
        base[s] = to;
        mask[s] = 2 * old - 1;
    }

    private long block(int count) {
        int size = Integer.numberOfTrailingZeros(count);
        long block = free[size];
        if (block == NO_BLOCK) {
            block = region.extend((long) count * ENTRY);
            memory = region.segment();
            return block;
        }
        free[size] = memory.get(I64, block);
        memory.asSlice(block, (long) count * ENTRY).fill((byte) 0);
        return block;
    }

    @Override
    public void close() {
        region.close();
    }
}
