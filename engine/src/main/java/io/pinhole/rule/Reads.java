package io.pinhole.rule;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** Which fields a rule reads. */
final class Reads {
    private Reads() {}

    static boolean any(Rule rule, Predicate<Field> wanted) {
        return rule.statements().stream().anyMatch(s -> any(s, wanted));
    }

    /**
     * Fields that are the same for all packets of one direction of a flow; ct state is compared
     * whether it is read or not. What is not listed here counts as a thing of each packet.
     */
    private static final Set<Field> OF_FLOW =
            EnumSet.of(
                    Field.IP_VERSION,
                    Field.IP_PROTOCOL,
                    Field.IP_SADDR,
                    Field.IP_DADDR,
                    Field.IP6_VERSION,
                    Field.IP6_SADDR,
                    Field.IP6_DADDR,
                    Field.TCP_SPORT,
                    Field.TCP_DPORT,
                    Field.UDP_SPORT,
                    Field.UDP_DPORT,
                    Field.UDPLITE_SPORT,
                    Field.UDPLITE_DPORT,
                    Field.SCTP_SPORT,
                    Field.SCTP_DPORT,
                    Field.DCCP_SPORT,
                    Field.DCCP_DPORT,
                    Field.TH_SPORT,
                    Field.TH_DPORT,
                    Field.META_L4PROTO,
                    Field.META_NFPROTO,
                    Field.META_PROTOCOL,
                    Field.CT_STATE,
                    Field.CT_DIRECTION,
                    Field.CT_HELPER,
                    Field.CT_ORIGINAL_IP_SADDR,
                    Field.CT_ORIGINAL_IP_DADDR,
                    Field.CT_ORIGINAL_IP6_SADDR,
                    Field.CT_ORIGINAL_IP6_DADDR,
                    Field.CT_ORIGINAL_PROTO_SRC,
                    Field.CT_ORIGINAL_PROTO_DST,
                    Field.CT_REPLY_IP_SADDR,
                    Field.CT_REPLY_IP_DADDR,
                    Field.CT_REPLY_IP6_SADDR,
                    Field.CT_REPLY_IP6_DADDR,
                    Field.CT_REPLY_PROTO_SRC,
                    Field.CT_REPLY_PROTO_DST);

    private static final Map<Field, Integer> WATCHED =
            Map.of(
                    Field.META_IIF, Trail.INPUT,
                    Field.META_IIFNAME, Trail.INPUT,
                    Field.META_OIF, Trail.OUTPUT,
                    Field.META_OIFNAME, Trail.OUTPUT,
                    Field.META_MARK, Trail.MARK,
                    Field.CT_MARK, Trail.CT_MARK,
                    Field.CT_STATUS, Trail.CT_STATUS,
                    Field.CT_ID, Trail.FIRST_PACKET,
                    Field.TCP_FLAGS, Trail.TCP_FLAGS);

    /** What a memo must know of a field that is read: bits of {@link Trail}. */
    static int trail(Field field) {
        return OF_FLOW.contains(field) ? 0 : WATCHED.getOrDefault(field, Trail.PER_PACKET);
    }

    /** What a memo must know of a statement: bits of {@link Trail}. */
    static int trail(Statement statement) {
        int[] bits = {effects(statement)};
        any(
                statement,
                field -> {
                    bits[0] |= trail(field);
                    return false;
                });
        return bits[0];
    }

    private static int effects(Statement statement) {
        return switch (statement) {
            case Statement.Limit s -> Trail.PER_PACKET;
            case Statement.ConnLimit s -> Trail.PER_PACKET;
            case Statement.UpdateSet s -> Trail.PER_PACKET;
            case Statement.Quota s -> Trail.PER_PACKET;
            case Statement.Notrack s -> Trail.PER_PACKET;
            case Statement.SetMark s -> 0;
            case Statement.SetCtMark s -> 0;
            case Statement.UseObject s ->
                    switch (s.kind()) {
                        case LIMIT, QUOTA -> Trail.PER_PACKET;
                        case HELPER, TIMEOUT -> Trail.FIRST_PACKET;
                        case COUNTER, EXPECTATION -> 0;
                    };
            case Statement.InRange s -> 0;
            case Statement.AnyBit s -> 0;
            case Statement.InSet s -> s.set().living() == null ? 0 : Trail.PER_PACKET;
            case Statement.VerdictMap s -> 0;
            case Statement.Verdict s -> 0;
            case Statement.Reject s -> 0;
            case Statement.Counter s -> 0;
            case Statement.Log s -> 0;
            case Statement.FlowAdd s -> 0;
            case Statement.Nat s -> 0;
        };
    }

    static boolean any(Statement statement, Predicate<Field> wanted) {
        return switch (statement) {
            case Statement.InRange s -> any(s.value(), wanted);
            case Statement.AnyBit s -> any(s.value(), wanted);
            case Statement.InSet s -> any(s.key(), wanted);
            case Statement.VerdictMap s -> any(s.key(), wanted);
            case Statement.UpdateSet s -> any(s.key(), wanted);
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
            case Statement.ConnLimit s -> false;
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
