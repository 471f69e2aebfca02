package io.pinhole.rule.explain;

import io.pinhole.rule.Action;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.PureTests;
import io.pinhole.rule.Range;
import io.pinhole.rule.Ranges;
import io.pinhole.rule.Reading;
import io.pinhole.rule.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the tests of one way through the rules ask of a packet, and the nearest values to that. */
final class Demand {
    private final PacketFacts facts;
    private final Reading reading = new Reading();
    private final Map<Field, List<Range>> asked = new LinkedHashMap<>();

    Demand(PacketFacts facts) {
        this.facts = facts;
    }

    /** Another value for a field. */
    record Edit(Field field, long high, long low, String text) {}

    /** False if the test fails and no change of the packet is known that mends it. */
    boolean add(Statement test) {
        List<PureTests.Asked> tests = PureTests.of(test);
        if (test instanceof Statement.InSet s && s.set().living() != null) {
            return true; // only a trial can tell
        }
        if (test instanceof Statement.InSet(var key, ElementSet set, boolean negated, var i, var a)
                && key.size() > 1) {
            if (negated) {
                return true;
            }
            tests = nearestElement(key, set);
        }
        for (PureTests.Asked one : tests) {
            asked.merge(one.field(), one.ranges(), Ranges::intersection);
        }
        long[] flags = PureTests.flags(test);
        if (flags != null) {
            return flags(flags);
        }
        return switch (test) {
            case Statement.InRange s -> s.value() instanceof Expr.Load || holds(s);
            case Statement.AnyBit s -> !tests.isEmpty() || holds(s);
            case Statement.InSet s -> !tests.isEmpty() || s.negated();
            case Statement.VerdictMap s -> !tests.isEmpty();
            default -> true;
        };
    }

    private boolean holds(Statement.InRange s) {
        Reading.Wide n = reading.value(s.value(), facts);
        return n != null && s.range().contains(n.high(), n.low()) != s.negated();
    }

    private boolean holds(Statement.AnyBit s) {
        Reading.Wide n = reading.value(s.value(), facts);
        return n != null && ((n.low() & s.mask()) != 0) != s.negated();
    }

    /** The flags nearest to those that are there. */
    private boolean flags(long[] passing) {
        List<Range> out = new ArrayList<>();
        for (int v = 0; v < 256; v++) {
            if ((passing[v >>> 6] >>> (v & 63) & 1) != 0) {
                out.add(Range.of(v));
            }
        }
        asked.merge(Field.TCP_FLAGS, Ranges.union(out), Ranges::intersection);
        return !out.isEmpty();
    }

    /** Of a concatenation, the element that needs the fewest changes. */
    private List<PureTests.Asked> nearestElement(List<Expr> key, ElementSet set) {
        List<PureTests.Asked> best = List.of();
        int fewest = Integer.MAX_VALUE;
        int seen = 0;
        for (Element element : set.elements()) {
            if (element.isCatchAll() || seen++ > 1000) {
                continue;
            }
            List<PureTests.Asked> row = new ArrayList<>();
            int misses = 0;
            for (int p = 0; p < key.size(); p++) {
                Range range = element.key().get(p);
                Reading.Wide n = reading.value(key.get(p), facts);
                misses += n != null && range.contains(n.high(), n.low()) ? 0 : 1;
                if (key.get(p) instanceof Expr.Load(Field field)) {
                    row.add(new PureTests.Asked(field, List.of(range)));
                }
            }
            if (misses < fewest) {
                fewest = misses;
                best = row;
            }
        }
        return best;
    }

    /** The changes; null if two tests contradict each other or a field cannot be there. */
    @Nullable List<Edit> edits() {
        List<Edit> out = new ArrayList<>();
        for (Map.Entry<Field, List<Range>> entry : asked.entrySet()) {
            Field field = entry.getKey();
            Expr load = new Expr.Load(field);
            List<Range> ranges =
                    Ranges.intersection(
                            entry.getValue(),
                            List.of(
                                    new Range(
                                            0, 0, field.type().maxHigh(), field.type().maxLow())));
            if (ranges.isEmpty()) {
                return null;
            }
            Reading.Wide now = reading.value(load, facts);
            if (now == null) {
                if (field.header() != null && !isOfOtherProtocol(field)) {
                    return null;
                }
                now = new Reading.Wide(0, 0);
                Range first = nearest(field, ranges, now);
                out.add(edit(field, first.lowHigh(), first.lowLow(), null));
                continue;
            }
            Reading.Wide here = now;
            if (ranges.stream().noneMatch(r -> r.contains(here.high(), here.low()))) {
                Range to = nearest(field, ranges, now);
                out.add(edit(field, to.lowHigh(), to.lowLow(), now));
            }
        }
        return out;
    }

    /** A field of another transport protocol comes with that protocol. */
    private boolean isOfOtherProtocol(Field field) {
        Field.Header header = field.header();
        return header != null && !header.isNetwork();
    }

    private static Edit edit(Field field, long high, long low, Reading.@Nullable Wide now) {
        String to = field.type().format(high, low);
        String name = field == Field.META_L4PROTO ? "protocol" : field.text();
        String text = name + " " + to;
        String from = now == null ? "" : field.type().format(now.high(), now.low());
        return new Edit(
                field,
                high,
                low,
                from.isEmpty() || from.equals("\"\"") ? text : text + " instead of " + from);
    }

    /** A single value near the present one. */
    private static Range nearest(Field field, List<Range> ranges, Reading.Wide now) {
        if (field == Field.TCP_FLAGS) {
            return flagsNear(ranges, (int) now.low());
        }
        if (field == Field.CT_STATE) {
            return state(ranges);
        }
        for (Range range : ranges) {
            if (Range.compare(range.lowHigh(), range.lowLow(), now.high(), now.low()) > 0) {
                return first(field, range);
            }
        }
        Range last = ranges.getLast();
        return field.type().kind() == DataType.Kind.ADDRESS
                ? first(field, last)
                : Range.of(last.highHigh(), last.highLow());
    }

    /** The first value, of a network its first host. */
    private static Range first(Field field, Range range) {
        boolean host = field.type().kind() == DataType.Kind.ADDRESS && !range.isSingle();
        return host && range.lowLow() != -1
                ? Range.of(range.lowHigh(), range.lowLow() + 1)
                : Range.of(range.lowHigh(), range.lowLow());
    }

    /** What is easiest to bring about: an announcement, then a first packet, then a reply. */
    private static Range state(List<Range> ranges) {
        for (long bit : new long[] {4, 8, 2, 64, 1}) {
            for (Range range : ranges) {
                if (range.contains(0, bit)) {
                    return Range.of(bit);
                }
            }
        }
        return Range.of(ranges.getFirst().lowHigh(), ranges.getFirst().lowLow());
    }

    private static Range flagsNear(List<Range> ranges, int now) {
        int best = -1;
        for (int v = 0; v < 256; v++) {
            int value = v;
            if (ranges.stream().anyMatch(r -> r.contains(0, value))
                    && (best < 0 || Integer.bitCount(v ^ now) < Integer.bitCount(best ^ now))) {
                best = v;
            }
        }
        return Range.of(best);
    }

    // ---- the opposite of a test ----

    /** Tests that hold where this one fails; empty where that is no change of the packet. */
    static List<Statement> opposites(Statement test) {
        return switch (test) {
            case Statement.InRange s ->
                    List.of(
                            new Statement.InRange(
                                    s.value(), s.range(), !s.negated(), s.implied(), s.at()));
            case Statement.AnyBit s ->
                    List.of(new Statement.AnyBit(s.value(), s.mask(), !s.negated(), s.at()));
            case Statement.InSet s ->
                    s.key().size() == 1
                            ? List.of(
                                    new Statement.InSet(
                                            s.key(), s.set(), !s.negated(), s.implied(), s.at()))
                            : List.of();
            default -> List.of();
        };
    }

    /** The test that a verdict map makes for one of its elements. */
    static Statement inElement(Statement.VerdictMap map, Element element) {
        ElementSet one =
                new ElementSet(
                        null,
                        map.map().keyTypes(),
                        ElementSet.Holds.VERDICT,
                        null,
                        List.of(
                                new Element(
                                        element.key(),
                                        new Element.Data.ToVerdict(new Action.Accept()),
                                        element.at())),
                        map.at());
        return new Statement.InSet(map.key(), one, false, false, map.at());
    }
}
