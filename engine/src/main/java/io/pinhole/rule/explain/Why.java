package io.pinhole.rule.explain;

import io.pinhole.rule.Canonical;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.Reading;
import io.pinhole.rule.Statement;
import java.util.List;

/** Says in words why a statement broke its rule. */
final class Why {
    private final Reading reading = new Reading();

    String of(Statement failed, PacketFacts facts) {
        return switch (failed) {
            case Statement.InRange s -> test(s.value(), s.implied(), facts);
            case Statement.AnyBit s -> is(List.of(s.value()), facts, "");
            case Statement.InSet s when s.set().living() != null -> changing(s, facts);
            case Statement.InSet s ->
                    s.implied()
                            ? test(s.key().getFirst(), true, facts)
                            : is(s.key(), facts, s.negated() ? ", in the set" : ", not in the set");
            case Statement.VerdictMap s -> is(s.key(), facts, ", not in the map");
            case Statement.Limit s ->
                    s.rate().over() ? "the rate is not exceeded" : "the rate is used up";
            case Statement.Quota s ->
                    s.size().over() ? "the quota is not used up" : "the quota is used up";
            case Statement.ConnLimit s ->
                    s.over()
                            ? "no more than " + s.most() + " connections are open"
                            : "more than " + s.most() + " connections are open";
            case Statement.UpdateSet s -> is(s.key(), facts, updated(s));
            case Statement.UseObject s -> object(s, facts);
            case Statement.SetMark s -> is(operands(s.value()), facts, ", not in the map");
            case Statement.SetCtMark s -> is(operands(s.value()), facts, ", not in the map");
            default -> "it does not match";
        };
    }

    /** What is in a changing set, and what its elements count, is no longer known here. */
    private String changing(Statement.InSet s, PacketFacts facts) {
        return is(
                s.key(),
                facts,
                s.negated() ? ", in the set" : ", not in the set, or its element's limit says no");
    }

    private static String updated(Statement.UpdateSet s) {
        for (Statement own : s.statements()) {
            if (own instanceof Statement.Limit limit) {
                return limit.rate().over()
                        ? ", whose rate is not exceeded"
                        : ", whose rate is used up";
            }
            if (own instanceof Statement.ConnLimit limit) {
                return limit.over()
                        ? ", of which no more than " + limit.most() + " connections are open"
                        : ", of which more than " + limit.most() + " connections are open";
            }
        }
        return ", and the set is full or its element's limit says no";
    }

    private String test(Expr value, boolean implied, PacketFacts facts) {
        if (implied && value instanceof Expr.Load(Field field)) {
            if (field == Field.META_L4PROTO) {
                return "the packet is " + DataType.INET_PROTO.format(0, facts.packet.protocol());
            }
            if (field == Field.META_NFPROTO) {
                return "the packet is IPv" + facts.packet.ipVersion();
            }
        }
        return is(List.of(value), facts, "");
    }

    private String object(Statement.UseObject use, PacketFacts facts) {
        Statement.ObjectMap map = use.map();
        if (map != null && use.name() == null) {
            String found = reading.text(map.key(), facts);
            if (found == null || use.kind() != ObjectKind.LIMIT) {
                return is(map.key(), facts, ", not in the map");
            }
        }
        return use.kind() == ObjectKind.LIMIT
                ? "the rate says no"
                : use.kind() == ObjectKind.QUOTA ? "the quota says no" : "it does not match";
    }

    private static List<Expr> operands(Expr value) {
        return value instanceof Expr.Lookup(List<Expr> key, var map) ? key : List.of(value);
    }

    /** {@code tcp dport is 2121}. */
    private String is(List<Expr> key, PacketFacts facts, String more) {
        String name = Reading.name(key);
        String text = reading.text(key, facts);
        if (text != null) {
            return name + " is " + (text.equals("\"\"") ? "unknown" : text) + more;
        }
        for (Expr part : key) {
            if (reading.value(part, facts) == null) {
                return missing(part, facts);
            }
        }
        return name + " is missing";
    }

    private static String missing(Expr part, PacketFacts facts) {
        Field field = field(part);
        String name = Canonical.expr(part);
        if (field == null) {
            return name + " has no value";
        }
        if (field == Field.CT_HELPER && facts.hasFlow) {
            return "no helper announced this flow";
        }
        if (field.isConntrack() && !facts.hasFlow) {
            return "the packet belongs to no flow (ct state " + facts.ctState.label() + ")";
        }
        return "the packet has no " + name;
    }

    private static @org.jspecify.annotations.Nullable Field field(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> field;
            case Expr.Binary(var operator, Expr left, Expr right) -> field(left);
            case Expr.Constant c -> null;
            case Expr.Lookup l -> null;
        };
    }
}
