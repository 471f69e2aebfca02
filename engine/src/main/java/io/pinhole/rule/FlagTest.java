package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tests of the TCP flags and nothing else, worked out for all 256 values: so that {@code tcp flags
 * & (fin|syn) == fin|syn drop} in front of all rules does not keep a flow from being remembered.
 */
final class FlagTest {
    private FlagTest() {}

    /** One bit for each value of the flags that passes; null if the test reads anything else. */
    static long @Nullable [] of(Statement statement) {
        return switch (statement) {
            case Statement.InRange(Expr value, Range range, boolean negated, var implied, var at)
                    when isFlags(value) ->
                    where(v -> range.contains(0, apply(value, v)) != negated);
            case Statement.AnyBit(Expr value, long mask, boolean negated, var at)
                    when isFlags(value) ->
                    where(v -> ((apply(value, v) & mask) != 0) != negated);
            case Statement.InSet(List<Expr> key, ElementSet set, boolean negated, var i, var at)
                    when key.size() == 1 && isFlags(key.getFirst()) ->
                    where(v -> holds(set, apply(key.getFirst(), v)) != negated);
            default -> null;
        };
    }

    private static boolean isFlags(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> field == Field.TCP_FLAGS;
            case Expr.Binary(var operator, Expr left, Expr.Constant right) -> isFlags(left);
            case Expr.Binary b -> false;
            case Expr.Constant c -> false;
            case Expr.Lookup l -> false;
        };
    }

    private static long apply(Expr expr, int flags) {
        return switch (expr) {
            case Expr.Binary(Expr.Operator operator, Expr left, Expr.Constant right) ->
                    operator.apply(apply(left, flags), right.low()) & left.type().maxLow();
            default -> flags;
        };
    }

    private static boolean holds(ElementSet set, long value) {
        for (Element element : set.elements()) {
            if (element.isCatchAll() || element.key().getFirst().contains(0, value)) {
                return true;
            }
        }
        return false;
    }

    private interface Test {
        boolean passes(int flags);
    }

    private static long[] where(Test test) {
        long[] out = new long[4];
        for (int v = 0; v < 256; v++) {
            if (test.passes(v)) {
                out[v >>> 6] |= 1L << (v & 63);
            }
        }
        return out;
    }
}
