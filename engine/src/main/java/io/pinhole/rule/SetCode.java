package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Compiled form of a set or map: which of its elements holds a key. A hash table where all elements
 * are single values, a binary search over intervals where there is one part, a {@link RangeIndex}
 * where a concatenation has ranges.
 */
abstract class SetCode {
    /** Index of the catch-all element, or -1. */
    private final int catchAll;

    private SetCode(int catchAll) {
        this.catchAll = catchAll;
    }

    /** Index of the element that contains the key, or -1. The parts must be present. */
    final int find(Value[] key, PacketFacts facts) {
        int found = search(key, facts);
        return found >= 0 ? found : catchAll;
    }

    abstract int search(Value[] key, PacketFacts facts);

    /** Takes one more word of a key into a hash that begins with 0. */
    static long mix(long hash, long word) {
        long h = (hash ^ word) * 0x9e37_79b9_7f4a_7c15L;
        return h ^ h >>> 32;
    }

    /** A number whose low bits depend on all of the hash. */
    static int spread(long hash) {
        return (int) (hash * 0x9e37_79b9_7f4a_7c15L >>> 33);
    }

    static SetCode of(ElementSet set) {
        int catchAll = -1;
        boolean exact = true;
        List<Element> elements = set.elements();
        for (int i = 0; i < elements.size(); i++) {
            Element element = elements.get(i);
            if (element.isCatchAll()) {
                catchAll = i;
            }
            for (Range range : element.key()) {
                exact &= range.isSingle();
            }
        }
        int parts = set.keyTypes().size();
        if (exact) {
            return new Exact(catchAll, set.keyTypes(), elements);
        }
        return parts == 1
                ? new Intervals(catchAll, set.keyTypes().getFirst(), elements)
                : new Concatenation(catchAll, set.keyTypes(), elements);
    }

    /** Open addressing; a key is one or two words for each part. */
    private static final class Exact extends SetCode {
        private final boolean[] wide;
        private final int words;
        // Element by place, plus one; their keys by element.
        private final int[] table;
        private final long[] keys;

        Exact(int catchAll, List<DataType> types, List<Element> elements) {
            super(catchAll);
            wide = new boolean[types.size()];
            int n = 0;
            for (int p = 0; p < wide.length; p++) {
                wide[p] = types.get(p).bits() > 64;
                n += wide[p] ? 2 : 1;
            }
            words = n;
            keys = new long[elements.size() * words];
            table = new int[Integer.highestOneBit(Math.max(4, elements.size()) * 2 - 1) * 2];
            for (int i = 0; i < elements.size(); i++) {
                List<Range> key = elements.get(i).key();
                if (key.isEmpty()) {
                    continue;
                }
                int at = i * words;
                long hash = 0;
                for (int p = 0; p < wide.length; p++) {
                    Range value = key.get(p);
                    if (wide[p]) {
                        keys[at++] = value.lowHigh();
                        hash = mix(hash, value.lowHigh());
                    }
                    keys[at++] = value.lowLow();
                    hash = mix(hash, value.lowLow());
                }
                insert(i, place(hash));
            }
        }

        /** The first of equal elements stays. */
        private void insert(int element, int from) {
            int at = from;
            int key = element * words;
            while (table[at] != 0) {
                int other = (table[at] - 1) * words;
                if (Arrays.equals(keys, other, other + words, keys, key, key + words)) {
                    return;
                }
                at = at + 1 & table.length - 1;
            }
            table[at] = element + 1;
        }

        private int place(long hash) {
            return spread(hash) & table.length - 1;
        }

        @Override
        int search(Value[] key, PacketFacts facts) {
            long hash = 0;
            for (int p = 0; p < wide.length; p++) {
                if (wide[p]) {
                    hash = mix(hash, key[p].high(facts));
                }
                hash = mix(hash, key[p].low(facts));
            }
            int at = place(hash);
            while (table[at] != 0) {
                int element = table[at] - 1;
                if (equal(element * words, key, facts)) {
                    return element;
                }
                at = at + 1 & table.length - 1;
            }
            return -1;
        }

        private boolean equal(int from, Value[] key, PacketFacts facts) {
            int at = from;
            for (int p = 0; p < wide.length; p++) {
                if (wide[p] && keys[at++] != key[p].high(facts)) {
                    return false;
                }
                if (keys[at++] != key[p].low(facts)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Disjoint intervals in ascending order. */
    private static final class Intervals extends SetCode {
        // The upper halves are null where all values fit into 63 bits.
        private final long @Nullable [] lowHigh;
        private final long[] lowLow;
        private final long @Nullable [] highHigh;
        private final long[] highLow;
        private final int[] index;

        Intervals(int catchAll, DataType type, List<Element> elements) {
            super(catchAll);
            List<Integer> order = new ArrayList<>(elements.size());
            for (int i = 0; i < elements.size(); i++) {
                if (!elements.get(i).isCatchAll() && !elements.get(i).key().getFirst().isEmpty()) {
                    order.add(i);
                }
            }
            order.sort(
                    (a, b) -> {
                        Range x = elements.get(a).key().getFirst();
                        Range y = elements.get(b).key().getFirst();
                        return Range.compare(x.lowHigh(), x.lowLow(), y.lowHigh(), y.lowLow());
                    });
            int size = order.size();
            long[] startHigh = new long[type.bits() > 63 ? size : 0];
            long[] startLow = new long[size];
            long[] endHigh = new long[startHigh.length];
            long[] endLow = new long[size];
            int[] at = new int[size];
            int n = 0;
            Range last = Range.EMPTY;
            for (int i : order) {
                Range range = elements.get(i).key().getFirst();
                // Maps have no overlaps; those of sets are merged, as nft's auto-merge does.
                if (n > 0 && last.overlaps(range)) {
                    if (Range.compare(
                                    range.highHigh(),
                                    range.highLow(),
                                    last.highHigh(),
                                    last.highLow())
                            <= 0) {
                        continue;
                    }
                    range =
                            new Range(
                                    last.lowHigh(),
                                    last.lowLow(),
                                    range.highHigh(),
                                    range.highLow());
                    n--;
                } else {
                    at[n] = i;
                }
                startLow[n] = range.lowLow();
                endLow[n] = range.highLow();
                if (startHigh.length > 0) {
                    startHigh[n] = range.lowHigh();
                    endHigh[n] = range.highHigh();
                }
                n++;
                last = range;
            }
            boolean wide = startHigh.length > 0;
            lowHigh = wide ? Arrays.copyOf(startHigh, n) : null;
            highHigh = wide ? Arrays.copyOf(endHigh, n) : null;
            lowLow = n == size ? startLow : Arrays.copyOf(startLow, n);
            highLow = n == size ? endLow : Arrays.copyOf(endLow, n);
            index = n == size ? at : Arrays.copyOf(at, n);
        }

        @Override
        int search(Value[] key, PacketFacts facts) {
            long low = key[0].low(facts);
            if (lowHigh == null || highHigh == null) {
                return narrow(low);
            }
            long high = key[0].high(facts);
            int from = 0;
            int to = index.length - 1;
            while (from <= to) {
                int middle = (from + to) >>> 1;
                if (Range.compare(high, low, lowHigh[middle], lowLow[middle]) < 0) {
                    to = middle - 1;
                } else if (Range.compare(high, low, highHigh[middle], highLow[middle]) > 0) {
                    from = middle + 1;
                } else {
                    return index[middle];
                }
            }
            return -1;
        }

        private int narrow(long low) {
            int from = 0;
            int length = lowLow.length;
            if (length == 0) {
                return -1;
            }
            while (length > 1) {
                int half = length >>> 1;
                from += lowLow[from + half] <= low ? half : 0;
                length -= half;
            }
            return lowLow[from] <= low && low <= highLow[from] ? index[from] : -1;
        }
    }

    private static final class Concatenation extends SetCode {
        private final int parts;
        private final int[] elements;
        // Four longs for each part of each element: low bound, then high bound.
        private final long[] bounds;
        private final RangeIndex tree;
        private final Candidates candidates;

        Concatenation(int catchAll, List<DataType> types, List<Element> of) {
            super(catchAll);
            parts = types.size();
            int size = of.size() - (catchAll >= 0 ? 1 : 0);
            elements = new int[size];
            bounds = new long[size * parts * 4];
            int n = 0;
            for (int i = 0; i < of.size(); i++) {
                List<Range> key = of.get(i).key();
                if (key.isEmpty()) {
                    continue;
                }
                for (int p = 0; p < parts; p++) {
                    Range range = key.get(p);
                    int at = (n * parts + p) * 4;
                    bounds[at] = range.lowHigh();
                    bounds[at + 1] = range.lowLow();
                    bounds[at + 2] = range.highHigh();
                    bounds[at + 3] = range.highLow();
                }
                elements[n++] = i;
            }
            tree =
                    RangeIndex.of(
                            new RangeIndex.Items() {
                                @Override
                                public int size() {
                                    return size;
                                }

                                @Override
                                public List<Range> asked(int item, int part) {
                                    Range range = of.get(elements[item]).key().get(part);
                                    return range.isEmpty() ? List.of() : List.of(range);
                                }
                            },
                            types.stream().mapToInt(DataType::bits).toArray());
            candidates = new Candidates(tree);
        }

        @Override
        int search(Value[] key, PacketFacts facts) {
            Candidates c = candidates;
            for (int p = 0; p < parts; p++) {
                c.high[p] = key[p].high(facts);
                c.low[p] = key[p].low(facts);
            }
            c.present = -1;
            tree.find(c);
            for (int i = c.next(); i >= 0; i = c.next()) {
                if (contains(i, c)) {
                    return elements[i];
                }
            }
            return -1;
        }

        private boolean contains(int element, Candidates c) {
            for (int p = 0; p < parts; p++) {
                int at = (element * parts + p) * 4;
                if (Range.compare(c.high[p], c.low[p], bounds[at], bounds[at + 1]) < 0
                        || Range.compare(c.high[p], c.low[p], bounds[at + 2], bounds[at + 3]) > 0) {
                    return false;
                }
            }
            return true;
        }
    }
}
