package io.pinhole.rule;

import java.util.List;
import java.util.function.Predicate;

/** Which fields a rule reads. */
final class Reads {
    private Reads() {}

    static boolean any(Rule rule, Predicate<Field> wanted) {
        return rule.statements().stream().anyMatch(s -> any(s, wanted));
    }

    private static boolean any(Statement statement, Predicate<Field> wanted) {
        return switch (statement) {
            case Statement.InRange s -> any(s.value(), wanted);
            case Statement.AnyBit s -> any(s.value(), wanted);
            case Statement.InSet s -> any(s.key(), wanted);
            case Statement.VerdictMap s -> any(s.key(), wanted);
            case Statement.SetMark s -> any(s.value(), wanted);
            case Statement.SetCtMark s -> any(s.value(), wanted);
            case Statement.UseObject s -> {
                Statement.ObjectMap map = s.map();
                yield map != null && any(map.key(), wanted);
            }
            case Statement.Verdict s -> false;
            case Statement.Reject s -> false;
            case Statement.Counter s -> false;
            case Statement.Limit s -> false;
            case Statement.Quota s -> false;
            case Statement.Log s -> false;
            case Statement.Notrack s -> false;
            case Statement.FlowAdd s -> false;
            case Statement.Nat s -> false;
        };
    }

    private static boolean any(List<Expr> parts, Predicate<Field> wanted) {
        return parts.stream().anyMatch(e -> any(e, wanted));
    }

    private static boolean any(Expr expr, Predicate<Field> wanted) {
        return switch (expr) {
            case Expr.Load(Field field) -> wanted.test(field);
            case Expr.Constant c -> false;
            case Expr.Binary(var operator, Expr left, Expr right) ->
                    any(left, wanted) || any(right, wanted);
            case Expr.Lookup(List<Expr> key, ElementSet map) -> any(key, wanted);
        };
    }
}
