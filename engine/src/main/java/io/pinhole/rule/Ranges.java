package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Sets of values as ranges in ascending order that neither overlap nor touch. */
public final class Ranges {
    private static final Comparator<Range> BY_START =
            (a, b) -> Range.compare(a.lowHigh(), a.lowLow(), b.lowHigh(), b.lowLow());

    private Ranges() {}

    /** The union of any ranges. */
    public static List<Range> union(List<Range> ranges) {
        List<Range> sorted = new ArrayList<>(ranges.size());
        for (Range range : ranges) {
            if (!range.isEmpty()) {
                sorted.add(range);
            }
        }
        sorted.sort(BY_START);
        List<Range> out = new ArrayList<>(sorted.size());
        for (Range range : sorted) {
            Range last = out.isEmpty() ? null : out.getLast();
            if (last != null && reaches(last, range)) {
                if (Range.compare(
                                range.highHigh(), range.highLow(), last.highHigh(), last.highLow())
                        > 0) {
                    out.set(
                            out.size() - 1,
                            new Range(
                                    last.lowHigh(),
                                    last.lowLow(),
                                    range.highHigh(),
                                    range.highLow()));
                }
            } else {
                out.add(range);
            }
        }
        return out;
    }

    /** True if b, which starts no earlier, overlaps or touches a. */
    private static boolean reaches(Range a, Range b) {
        Range next = after(a);
        return next == null
                || Range.compare(b.lowHigh(), b.lowLow(), next.lowHigh(), next.lowLow()) <= 0;
    }

    /** Everything that is not in {@code of}, a union. */
    public static List<Range> complement(List<Range> of) {
        List<Range> out = new ArrayList<>(of.size() + 1);
        Range rest = new Range(0, 0, -1, -1);
        for (Range range : of) {
            if (range.lowHigh() != 0 || range.lowLow() != 0) {
                Range gap =
                        new Range(
                                rest.lowHigh(),
                                rest.lowLow(),
                                range.lowHigh() - (range.lowLow() == 0 ? 1 : 0),
                                range.lowLow() - 1);
                if (!gap.isEmpty()) {
                    out.add(gap);
                }
            }
            Range next = after(range);
            if (next == null) {
                return out;
            }
            rest = next;
        }
        out.add(rest);
        return out;
    }

    /** What both hold, each a union. */
    public static List<Range> intersection(List<Range> a, List<Range> b) {
        List<Range> out = new ArrayList<>();
        int i = 0;
        int j = 0;
        while (i < a.size() && j < b.size()) {
            Range x = a.get(i);
            Range y = b.get(j);
            if (x.overlaps(y)) {
                Range start = BY_START.compare(x, y) >= 0 ? x : y;
                Range end = endsFirst(x, y) ? x : y;
                out.add(new Range(start.lowHigh(), start.lowLow(), end.highHigh(), end.highLow()));
            }
            if (endsFirst(x, y)) {
                i++;
            } else {
                j++;
            }
        }
        return out;
    }

    private static boolean endsFirst(Range a, Range b) {
        return Range.compare(a.highHigh(), a.highLow(), b.highHigh(), b.highLow()) < 0;
    }

    /** From the value after the last of this range to the last of all; null where there is none. */
    private static @Nullable Range after(Range range) {
        if (range.highHigh() == -1 && range.highLow() == -1) {
            return null;
        }
        return new Range(
                range.highHigh() + (range.highLow() == -1 ? 1 : 0), range.highLow() + 1, -1, -1);
    }
}
