package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds, among many items that each ask for ranges in some dimensions, the few that may hold a
 * point: rules for a packet, elements of a concatenation for a key.
 *
 * <p>A tree. Each inner node divides its items by one dimension, the one that leaves fewest
 * together in the worst case: the items' bounds cut it into intervals, a segment tree over these
 * takes each item at O(log n) places, and a look-up is one binary search and the walk from that
 * interval to the root. Items that do not ask for the dimension are kept apart and divided by
 * another one. So no item is copied for what it leaves open, and memory is O(n log n) for each
 * dimension used, under a fixed bound.
 */
final class RangeIndex {
    /** Fewer items than this are tried one by one. */
    private static final int LEAF = 4;

    /** A division must save this many trials to be worth its search. */
    private static final int WORTH = 4;

    /** From this many intervals on, values of 16 bits are looked up in a table. */
    private static final int DIRECT = 32;

    private final int dimensions;
    private final int root;
    private final int maxLists;
    private final Split[] splits;
    private final int[] leafStart;
    private final int[] pool;

    private RangeIndex(int dimensions, Builder builder, int root) {
        this.dimensions = dimensions;
        this.root = root;
        maxLists = builder.lists(root);
        splits = builder.splits.toArray(Split[]::new);
        leafStart = Arrays.copyOf(builder.leafStart, builder.leaves + 1);
        pool = Arrays.copyOf(builder.pool, builder.pooled);
    }

    /** What items ask for. */
    interface Items {
        int size();

        /**
         * The values an item asks for in a dimension, as {@link Ranges#union}; null where it asks
         * for nothing.
         */
        @Nullable List<Range> asked(int item, int dimension);
    }

    /**
     * @param bits by dimension the width of its values
     */
    static RangeIndex of(Items items, int[] bits) {
        Builder builder = new Builder(items, bits);
        int[] all = new int[items.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = i;
        }
        int root = builder.build(all, (1 << bits.length) - 1);
        return new RangeIndex(bits.length, builder, root);
    }

    int dimensions() {
        return dimensions;
    }

    int[] pool() {
        return pool;
    }

    /** Lists of items that one look-up finds at most. */
    int maxLists() {
        return maxLists;
    }

    /** True if it leaves everything to be tried one by one. */
    boolean isFlat() {
        return root <= 0;
    }

    /** True if the dimension is looked at anywhere. */
    boolean uses(int dimension) {
        for (Split split : splits) {
            if (split.dimension == dimension) {
                return true;
            }
        }
        return false;
    }

    /** Finds the items that may hold the key that is set in {@code c}. */
    void find(Candidates c) {
        c.clear();
        visit(root, c);
    }

    private void visit(int from, Candidates c) {
        int ref = from;
        while (ref > 0) {
            Split split = splits[ref - 1];
            int d = split.dimension;
            if ((c.present >>> d & 1) != 0) {
                int interval = split.interval(c.high[d], c.low[d]);
                if (interval >= 0) {
                    int at = interval + split.intervals;
                    if (split.refs[at] == 0) {
                        at = split.up[at];
                    }
                    while (at > 0) {
                        visit(split.refs[at], c);
                        at = split.up[at];
                    }
                }
            }
            ref = split.rest;
        }
        if (ref < 0) {
            c.add(leafStart[-ref - 1], leafStart[-ref]);
        }
    }

    /** An inner node. */
    private static final class Split {
        final int dimension;
        final int intervals;

        // First value of each interval; the upper half is null where all fit into 64 bits.
        private final long @Nullable [] startHigh;
        private final long[] startLow;
        // Interval of each 16-bit value, plus one.
        private final int @Nullable [] direct;

        /** By place in the segment tree: a node, a leaf, or 0. */
        final int[] refs;

        /** By place: the next one above that has something, or 0. */
        final int[] up;

        int rest;

        Split(int dimension, Bounds bounds, int bits) {
            this.dimension = dimension;
            intervals = bounds.size;
            startLow = Arrays.copyOf(bounds.low, intervals);
            long[] high = bounds.high;
            startHigh = high == null ? null : Arrays.copyOf(high, intervals);
            refs = new int[intervals * 2];
            up = new int[intervals * 2];
            direct = bits <= 16 && intervals >= DIRECT ? table(startLow) : null;
        }

        private static int[] table(long[] start) {
            int[] out = new int[1 << 16];
            for (int i = 0; i < start.length && start[i] < out.length; i++) {
                long end = i + 1 < start.length ? Math.min(start[i + 1], out.length) : out.length;
                Arrays.fill(out, (int) start[i], (int) end, i + 1);
            }
            return out;
        }

        /** The interval that holds the value; -1 if it lies before the first. */
        int interval(long high, long low) {
            if (direct != null) {
                return direct[(int) low & 0xffff] - 1;
            }
            return startHigh == null ? narrow(low) : wide(startHigh, high, low);
        }

        private int narrow(long low) {
            long[] start = startLow;
            int from = 0;
            int length = start.length;
            // Without a branch that the processor could guess wrong.
            while (length > 1) {
                int half = length >>> 1;
                from += start[from + half] <= low ? half : 0;
                length -= half;
            }
            return start[from] <= low ? from : -1;
        }

        private int wide(long[] startHighs, long high, long low) {
            int from = 0;
            int to = intervals - 1;
            while (from <= to) {
                int middle = (from + to) >>> 1;
                if (Range.compare(high, low, startHighs[middle], startLow[middle]) < 0) {
                    to = middle - 1;
                } else {
                    from = middle + 1;
                }
            }
            return to;
        }
    }

    /** First values of the intervals into which ranges cut a dimension, ascending. */
    private static final class Bounds {
        // The upper halves are null where all values fit into 63 bits.
        private long @Nullable [] high;
        private long[] low;
        private int size;

        Bounds(int capacity, boolean wide) {
            low = new long[capacity];
            high = wide ? new long[capacity] : null;
        }

        void add(long valueHigh, long valueLow) {
            if (size == low.length) {
                low = Arrays.copyOf(low, Math.max(16, size * 2));
                high = high == null ? null : Arrays.copyOf(high, low.length);
            }
            if (high != null) {
                high[size] = valueHigh;
            }
            low[size++] = valueLow;
        }

        void sort() {
            long[] highs = high;
            if (highs == null) {
                Arrays.sort(low, 0, size);
            } else {
                List<Range> all = new ArrayList<>(size);
                for (int i = 0; i < size; i++) {
                    all.add(Range.of(highs[i], low[i]));
                }
                all.sort((a, b) -> Range.compare(a.lowHigh(), a.lowLow(), b.lowHigh(), b.lowLow()));
                for (int i = 0; i < size; i++) {
                    highs[i] = all.get(i).lowHigh();
                    low[i] = all.get(i).lowLow();
                }
            }
            int n = 0;
            for (int i = 0; i < size; i++) {
                if (n == 0 || low[i] != low[n - 1] || (highs != null && highs[i] != highs[n - 1])) {
                    low[n] = low[i];
                    if (highs != null) {
                        highs[n] = highs[i];
                    }
                    n++;
                }
            }
            size = n;
        }

        /** The interval that holds a value. */
        int place(long valueHigh, long valueLow) {
            long[] highs = high;
            if (highs == null && valueHigh != 0) {
                return size - 1;
            }
            int from = 0;
            int to = size - 1;
            while (from <= to) {
                int middle = (from + to) >>> 1;
                long at = highs == null ? 0 : highs[middle];
                if (Range.compare(valueHigh, valueLow, at, low[middle]) < 0) {
                    to = middle - 1;
                } else {
                    from = middle + 1;
                }
            }
            return to;
        }
    }

    /** Builds the tree. */
    private static final class Builder {
        private final Items asked;
        private final int[] bits;
        final List<Split> splits = new ArrayList<>();
        private final List<Integer> splitLists = new ArrayList<>();
        int[] leafStart = new int[16];
        int leaves;
        int[] pool = new int[64];
        int pooled;
        // Places that may still be taken; what comes after is tried one by one.
        private long budget;

        Builder(Items asked, int[] bits) {
            this.asked = asked;
            this.bits = bits;
            budget = 64L * asked.size() + (1 << 20);
        }

        /** Builds a node of these items, ascending, over the given dimensions. */
        int build(int[] items, int dims) {
            if (items.length == 0) {
                return 0;
            }
            int best = -1;
            Bounds bounds = new Bounds(0, false);
            int least = items.length - WORTH;
            if (items.length > LEAF && budget > 0) {
                for (int d = 0; d < bits.length; d++) {
                    if ((dims >>> d & 1) == 0) {
                        continue;
                    }
                    Bounds cut = bounds(items, d);
                    int cost = cut.size == 0 ? items.length : worst(items, d, cut);
                    if (cost <= least && (best < 0 || cost < least)) {
                        least = cost;
                        best = d;
                        bounds = cut;
                    }
                }
            }
            return best < 0 ? leaf(items) : split(items, best, bounds, dims & ~(1 << best));
        }

        private int leaf(int[] items) {
            if (pooled + items.length > pool.length) {
                pool = Arrays.copyOf(pool, Math.max(pool.length * 2, pooled + items.length));
            }
            if (leaves + 2 > leafStart.length) {
                leafStart = Arrays.copyOf(leafStart, leafStart.length * 2);
            }
            System.arraycopy(items, 0, pool, pooled, items.length);
            pooled += items.length;
            leafStart[++leaves] = pooled;
            return -leaves;
        }

        private Bounds bounds(int[] items, int d) {
            // No value lies beyond the dimension's width, so no interval need start there.
            boolean wide = bits[d] > 63;
            Bounds out = new Bounds(items.length, wide);
            for (int item : items) {
                List<Range> ranges = asked.asked(item, d);
                if (ranges == null) {
                    continue;
                }
                for (Range r : ranges) {
                    if (wide || (r.lowHigh() == 0 && r.lowLow() >= 0)) {
                        out.add(r.lowHigh(), r.lowLow());
                    }
                    boolean last =
                            wide
                                    ? r.highHigh() == -1 && r.highLow() == -1
                                    : r.highHigh() != 0
                                            || r.highLow() < 0
                                            || r.highLow() == Long.MAX_VALUE;
                    if (!last) {
                        out.add(r.highHigh() + (r.highLow() == -1 ? 1 : 0), r.highLow() + 1);
                    }
                }
            }
            out.sort();
            return out;
        }

        /** Most items that one value leaves to be tried. */
        private int worst(int[] items, int d, Bounds bounds) {
            int[] change = new int[bounds.size + 1];
            int open = 0;
            for (int item : items) {
                List<Range> ranges = asked.asked(item, d);
                if (ranges == null) {
                    open++;
                    continue;
                }
                for (Range r : ranges) {
                    change[bounds.place(r.lowHigh(), r.lowLow())]++;
                    change[bounds.place(r.highHigh(), r.highLow()) + 1]--;
                }
            }
            int most = 0;
            int now = 0;
            for (int c : change) {
                now += c;
                most = Math.max(most, now);
            }
            return open + most;
        }

        private int split(int[] items, int d, Bounds bounds, int dims) {
            Split split = new Split(d, bounds, bits[d]);
            splits.add(split);
            splitLists.add(0);
            int number = splits.size();
            int n = bounds.size;
            int[][] at = new int[2 * n][];
            int[] size = new int[2 * n];
            int[] open = new int[items.length];
            int opened = 0;
            for (int item : items) {
                List<Range> ranges = asked.asked(item, d);
                if (ranges == null) {
                    open[opened++] = item;
                    continue;
                }
                for (Range r : ranges) {
                    int from = bounds.place(r.lowHigh(), r.lowLow()) + n;
                    int to = bounds.place(r.highHigh(), r.highLow()) + n + 1;
                    for (; from < to; from >>= 1, to >>= 1) {
                        if ((from & 1) == 1) {
                            put(at, size, from++, item);
                        }
                        if ((to & 1) == 1) {
                            put(at, size, --to, item);
                        }
                    }
                }
            }
            for (int place = 1; place < 2 * n; place++) {
                if (size[place] > 0) {
                    split.refs[place] = build(Arrays.copyOf(at[place], size[place]), dims);
                    at[place] = null;
                }
            }
            split.rest = build(Arrays.copyOf(open, opened), dims);
            int[] lists = new int[2 * n];
            int most = 0;
            for (int place = 1; place < 2 * n; place++) {
                int above = place >> 1;
                split.up[place] = above > 0 && split.refs[above] != 0 ? above : split.up[above];
                lists[place] = lists[above] + lists(split.refs[place]);
                most = Math.max(most, lists[place]);
            }
            splitLists.set(number - 1, most + lists(split.rest));
            return number;
        }

        private void put(int[][] at, int[] size, int place, int item) {
            int[] list = at[place];
            if (list == null) {
                list = new int[1];
                at[place] = list;
            } else if (size[place] == list.length) {
                list = Arrays.copyOf(list, list.length * 2);
                at[place] = list;
            }
            list[size[place]++] = item;
            budget--;
        }

        int lists(int ref) {
            return ref == 0 ? 0 : ref < 0 ? 1 : splitLists.get(ref - 1);
        }
    }
}
