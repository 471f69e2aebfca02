package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Compiled form of a set or map: where in it a key lies. A key of one part is found by binary
 * search over disjoint intervals; a concatenation by going through the elements.
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

    static SetCode of(ElementSet set) {
        int catchAll = -1;
        for (int i = 0; i < set.elements().size(); i++) {
            if (set.elements().get(i).isCatchAll()) {
                catchAll = i;
            }
        }
        return set.keyTypes().size() == 1
                ? new Intervals(catchAll, set.elements())
                : new Concatenation(catchAll, set.keyTypes().size(), set.elements());
    }

    private static final class Intervals extends SetCode {
        private final long[] lowHigh;
        private final long[] lowLow;
        private final long[] highHigh;
        private final long[] highLow;
        private final int[] index;

        Intervals(int catchAll, List<Element> elements) {
            super(catchAll);
            record Entry(Range range, int index) {}
            List<Entry> sorted = new ArrayList<>();
            for (int i = 0; i < elements.size(); i++) {
                if (!elements.get(i).isCatchAll()) {
                    sorted.add(new Entry(elements.get(i).key().getFirst(), i));
                }
            }
            sorted.sort(
                    Comparator.comparing(
                            Entry::range,
                            (a, b) ->
                                    Range.compare(
                                            a.lowHigh(), a.lowLow(), b.lowHigh(), b.lowLow())));
            // Maps have no overlaps; those of sets are merged, as nft's auto-merge does.
            List<Entry> merged = new ArrayList<>();
            for (Entry entry : sorted) {
                Entry last = merged.isEmpty() ? null : merged.getLast();
                if (last != null && last.range().overlaps(entry.range())) {
                    Range a = last.range();
                    Range b = entry.range();
                    if (Range.compare(b.highHigh(), b.highLow(), a.highHigh(), a.highLow()) > 0) {
                        Range both = new Range(a.lowHigh(), a.lowLow(), b.highHigh(), b.highLow());
                        merged.set(merged.size() - 1, new Entry(both, last.index()));
                    }
                } else {
                    merged.add(entry);
                }
            }
            int n = merged.size();
            lowHigh = new long[n];
            lowLow = new long[n];
            highHigh = new long[n];
            highLow = new long[n];
            index = new int[n];
            for (int i = 0; i < n; i++) {
                Range range = merged.get(i).range();
                lowHigh[i] = range.lowHigh();
                lowLow[i] = range.lowLow();
                highHigh[i] = range.highHigh();
                highLow[i] = range.highLow();
                index[i] = merged.get(i).index();
            }
        }

        @Override
        int search(Value[] key, PacketFacts facts) {
            long high = key[0].high(facts);
            long low = key[0].low(facts);
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
    }

    private static final class Concatenation extends SetCode {
        private final int parts;
        private final int count;
        private final int[] index;
        // Four longs for each part of each element: low bound, then high bound.
        private final long[] bounds;

        Concatenation(int catchAll, int parts, List<Element> elements) {
            super(catchAll);
            this.parts = parts;
            index = new int[elements.size()];
            bounds = new long[elements.size() * parts * 4];
            int n = 0;
            for (int i = 0; i < elements.size(); i++) {
                Element element = elements.get(i);
                if (element.isCatchAll()) {
                    continue;
                }
                for (int p = 0; p < parts; p++) {
                    Range range = element.key().get(p);
                    int at = (n * parts + p) * 4;
                    bounds[at] = range.lowHigh();
                    bounds[at + 1] = range.lowLow();
                    bounds[at + 2] = range.highHigh();
                    bounds[at + 3] = range.highLow();
                }
                index[n++] = i;
            }
            count = n;
        }

        @Override
        int search(Value[] key, PacketFacts facts) {
            for (int i = 0; i < count; i++) {
                if (contains(i, key, facts)) {
                    return index[i];
                }
            }
            return -1;
        }

        private boolean contains(int element, Value[] key, PacketFacts facts) {
            for (int p = 0; p < parts; p++) {
                int at = (element * parts + p) * 4;
                long high = key[p].high(facts);
                long low = key[p].low(facts);
                if (Range.compare(high, low, bounds[at], bounds[at + 1]) < 0
                        || Range.compare(high, low, bounds[at + 2], bounds[at + 3]) > 0) {
                    return false;
                }
            }
            return true;
        }
    }
}
