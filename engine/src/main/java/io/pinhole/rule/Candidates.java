package io.pinhole.rule;

/**
 * A key to look up in a {@link RangeIndex}, and the items found for it, in ascending order. Made
 * once for each place that looks up; re-used for each packet.
 */
final class Candidates {
    /** The key, by dimension. */
    final long[] high;

    final long[] low;

    /** Bit d: the packet has a value in dimension d. */
    int present;

    // Lists of items: from and to in the index's pool.
    private final int[] pool;
    private final int[] at;
    private final int[] end;
    private int count;

    Candidates(RangeIndex index) {
        high = new long[index.dimensions()];
        low = new long[index.dimensions()];
        pool = index.pool();
        at = new int[index.maxLists()];
        end = new int[index.maxLists()];
    }

    void clear() {
        count = 0;
    }

    void add(int from, int to) {
        at[count] = from;
        end[count++] = to;
    }

    /** The first item not yet given, or -1. */
    int next() {
        int best = Integer.MAX_VALUE;
        int list = -1;
        for (int i = 0; i < count; i++) {
            if (at[i] < end[i] && pool[at[i]] < best) {
                best = pool[at[i]];
                list = i;
            }
        }
        if (list < 0) {
            return -1;
        }
        at[list]++;
        return best;
    }
}
