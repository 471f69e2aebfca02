package io.pinhole.rule;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Statements that do nothing but test, as the values they let pass. */
public final class PureTests {
    private static final List<Range> ALL = List.of(new Range(0, 0, -1, -1));

    /** Of a set with more elements nothing is told: a look-up in it is quick enough. */
    private static final int MAX_ELEMENTS = 4096;

    private PureTests() {}

    /** Values of a field outside which a rule certainly breaks. */
    public record Asked(Field field, List<Range> ranges) {}

    /**
     * For a test of the TCP flags and nothing else one bit for each of the 256 values that passes;
     * null for others.
     */
    public static long @Nullable [] flags(Statement statement) {
        return FlagTest.of(statement);
    }

    /** True if a rule that breaks at this statement has changed nothing by it. */
    static boolean isPure(Statement statement) {
        return switch (statement) {
            case Statement.InRange s -> true;
            case Statement.AnyBit s -> true;
            case Statement.InSet s -> s.set().living() == null;
            case Statement.VerdictMap s -> true;
            case Statement.Log s -> true;
            case Statement.FlowAdd s -> true;
            case Statement.Nat s -> true;
            case Statement.Verdict s -> false;
            case Statement.Reject s -> false;
            case Statement.Counter s -> false;
            case Statement.Limit s -> false;
            case Statement.ConnLimit s -> false;
            case Statement.UpdateSet s -> false;
            case Statement.Quota s -> false;
            case Statement.UseObject s -> false;
            case Statement.Notrack s -> false;
            case Statement.SetMark s -> false;
            case Statement.SetCtMark s -> false;
        };
    }

    /** What a pure statement asks for; at most a part of it where it is more than ranges. */
    public static List<Asked> of(Statement statement) {
        return switch (statement) {
            case Statement.InRange(
                            Expr.Load(Field f),
                            Range range,
                            boolean negated,
                            var i,
                            var a) ->
                    List.of(asked(f, List.of(range), negated));
            case Statement.AnyBit(Expr.Load(Field f), long mask, boolean negated, var at)
                    when f == Field.CT_STATE ->
                    List.of(asked(f, states(mask), negated));
            case Statement.InSet(List<Expr> key, ElementSet set, boolean negated, var i, var a) ->
                    key.size() == 1 || !negated ? of(key, set, negated) : List.of();
            case Statement.VerdictMap(List<Expr> key, ElementSet map, var at) ->
                    of(key, map, false);
            default -> List.of();
        };
    }

    /**
     * What each element of a concatenation asks for, where that says more than all of them
     * together: the rule breaks unless one of them holds. Empty for other statements, and for sets
     * with more elements than {@code most}.
     */
    static List<List<Asked>> alternatives(Statement statement, int most) {
        return switch (statement) {
            case Statement.InSet(List<Expr> key, ElementSet set, boolean negated, var i, var a) ->
                    negated ? List.of() : alternatives(key, set, most);
            case Statement.VerdictMap(List<Expr> key, ElementSet map, var at) ->
                    alternatives(key, map, most);
            default -> List.of();
        };
    }

    private static List<List<Asked>> alternatives(List<Expr> key, ElementSet set, int most) {
        List<List<Asked>> out = new ArrayList<>();
        if (key.size() == 1 || set.elements().size() > most || set.living() != null) {
            return out;
        }
        for (Element element : set.elements()) {
            if (element.isCatchAll()) {
                return List.of();
            }
            List<Asked> row = new ArrayList<>();
            for (int p = 0; p < key.size(); p++) {
                if (key.get(p) instanceof Expr.Load(Field field)) {
                    row.add(asked(field, List.of(element.key().get(p)), false));
                }
            }
            out.add(row);
        }
        return out;
    }

    private static Asked asked(Field field, List<Range> ranges, boolean negated) {
        List<Range> union = Ranges.union(ranges);
        return new Asked(field, negated ? Ranges.complement(union) : union);
    }

    /** A packet has exactly one state, each a bit. */
    private static List<Range> states(long mask) {
        List<Range> out = new ArrayList<>();
        for (int bit = 0; bit < 64; bit++) {
            if ((mask >>> bit & 1) != 0) {
                out.add(Range.of(1L << bit));
            }
        }
        return out;
    }

    private static List<Asked> of(List<Expr> key, ElementSet set, boolean negated) {
        List<Asked> out = new ArrayList<>();
        if (set.elements().size() > MAX_ELEMENTS || set.living() != null) {
            return out;
        }
        for (int p = 0; p < key.size(); p++) {
            if (!(key.get(p) instanceof Expr.Load(Field field))) {
                continue;
            }
            List<Range> ranges = new ArrayList<>();
            boolean all = false;
            for (Element element : set.elements()) {
                if (element.isCatchAll()) {
                    all = true;
                } else {
                    ranges.add(element.key().get(p));
                }
            }
            out.add(asked(field, all ? ALL : ranges, negated));
        }
        return out;
    }
}
