package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.ProtocolContext;
import io.pinhole.rule.Range;
import io.pinhole.rule.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the fields of a rule, what is computed from them, and the sets they are looked up in. */
abstract class FieldParser extends ValueParser {
    private static final Set<String> STATEMENTS =
            Set.of(
                    "accept",
                    "drop",
                    "return",
                    "continue",
                    "jump",
                    "goto",
                    "reject",
                    "counter",
                    "limit",
                    "quota",
                    "log",
                    "notrack",
                    "comment",
                    "ip",
                    "ip6",
                    "tcp",
                    "udp",
                    "udplite",
                    "sctp",
                    "dccp",
                    "th",
                    "icmp",
                    "icmpv6",
                    "meta",
                    "ct",
                    "iif",
                    "oif",
                    "iifname",
                    "oifname",
                    "mark",
                    "snat",
                    "dnat",
                    "masquerade",
                    "redirect",
                    "flow");

    /** Statements and matches that nft knows and Pinhole does not evaluate. */
    private static final Set<String> FOREIGN =
            Set.of(
                    "queue",
                    "dup",
                    "fwd",
                    "synproxy",
                    "tproxy",
                    "meter",
                    "add",
                    "update",
                    "delete",
                    "set",
                    "last",
                    "xt",
                    "secmark",
                    "ether",
                    "vlan",
                    "arp",
                    "ah",
                    "esp",
                    "comp",
                    "rt",
                    "rt0",
                    "rt2",
                    "srh",
                    "rt4",
                    "hbh",
                    "dst",
                    "frag",
                    "mh",
                    "fib",
                    "socket",
                    "osf",
                    "ipsec",
                    "numgen",
                    "jhash",
                    "symhash",
                    "tunnel",
                    "exthdr",
                    "vxlan",
                    "gre",
                    "gretap",
                    "geneve",
                    "igmp",
                    "ibrname",
                    "obrname",
                    "ibriport",
                    "obriport",
                    "skuid",
                    "skgid",
                    "nftrace",
                    "rtclassid",
                    "iiftype",
                    "oiftype",
                    "iifgroup",
                    "oifgroup",
                    "cgroup",
                    "cpu",
                    "map",
                    "destroy");

    private static final Set<String> META =
            Set.of(
                    "iif",
                    "oif",
                    "iifname",
                    "oifname",
                    "l4proto",
                    "nfproto",
                    "protocol",
                    "length",
                    "mark",
                    "pkttype");
    private static final Set<String> FOREIGN_META =
            Set.of(
                    "priority",
                    "random",
                    "secmark",
                    "ibriport",
                    "obriport",
                    "ibrname",
                    "obrname",
                    "ibrvproto",
                    "ibrpvid",
                    "iiftype",
                    "oiftype",
                    "skuid",
                    "skgid",
                    "nftrace",
                    "rtclassid",
                    "cpu",
                    "iifgroup",
                    "oifgroup",
                    "cgroup",
                    "ipsec",
                    "secpath",
                    "iifkind",
                    "oifkind",
                    "time",
                    "hour",
                    "day",
                    "sdif",
                    "sdifname",
                    "broute",
                    "ibrhwaddr");

    private static final Set<String> CT =
            Set.of("state", "status", "direction", "helper", "mark", "expiration", "id");
    private static final Set<String> FOREIGN_CT =
            Set.of(
                    "count",
                    "label",
                    "event",
                    "zone",
                    "expectation",
                    "timeout",
                    "l3proto",
                    "protocol",
                    "bytes",
                    "packets",
                    "avgpkt",
                    "secmark",
                    "proto-src",
                    "proto-dst",
                    "saddr",
                    "daddr");
    private static final Set<String> FOREIGN_CT_DIRECTED =
            Set.of("l3proto", "protocol", "bytes", "packets", "avgpkt", "zone");

    final TableState table;
    final Typing typing;
    final ProtocolContext protocols;
    final List<Statement> out = new ArrayList<>();
    private final Map<String, ElementSet> sets;

    FieldParser(TableState.PendingRule pending, Map<String, ElementSet> sets, Budget budget) {
        super(lexer(pending), pending.view, budget);
        this.table = pending.table;
        this.sets = sets;
        typing = new Typing(budget);
        protocols = new ProtocolContext(table.family);
    }

    static Lexer lexer(TableState.PendingRule pending) {
        Lexer lexer = new Lexer(pending.mark);
        lexer.blankDepth(pending.blankDepth);
        return lexer;
    }

    Field field() {
        Token token = in.next();
        if (token.kind() != Token.Kind.WORD) {
            throw token.at().fault("expected a field of the packet, found " + token.found());
        }
        String word = token.text();
        switch (word) {
            case "meta" -> {
                return metaField(in.next());
            }
            case "iif", "oif", "iifname", "oifname", "mark" -> {
                return metaField(token);
            }
            case "ct" -> {
                return ctField();
            }
            default -> {}
        }
        for (Field.Header header : Field.Header.values()) {
            if (header.label().equals(word)) {
                return headerField(word);
            }
        }
        if (FOREIGN.contains(word)) {
            throw token.at().fault("'" + word + "' is " + NOT_EVALUATED);
        }
        throw token.at()
                .fault(
                        "unknown match, statement or verdict '"
                                + word
                                + "'"
                                + Words.hint(word, STATEMENTS));
    }

    Field headerField(String header) {
        Token token = in.next();
        Field field =
                token.kind() == Token.Kind.WORD ? Field.named(header + " " + token.text()) : null;
        if (field != null) {
            return field;
        }
        Set<String> known = new HashSet<>();
        for (Field f : Field.values()) {
            if (f.text().startsWith(header + " ")) {
                known.add(f.text().substring(header.length() + 1));
            }
        }
        if (header.equals("icmpv6") && token.is("packet-too-big")) {
            return Field.ICMPV6_MTU;
        }
        if (token.is("option")
                || token.is("chunk")
                || token.is("vtag")
                || token.is("taddr")
                || token.is("daddr")
                || token.is("csumcov")
                || token.is("nexthdr")
                || (header.equals("dccp") && token.is("type"))
                || (header.equals("sctp") && token.is("checksum"))
                || (header.equals("udplite") && token.is("checksum"))) {
            throw token.at().fault("'" + header + " " + token.text() + "' is " + NOT_EVALUATED);
        }
        throw token.at()
                .fault(
                        "expected a field of the "
                                + header
                                + " header, found "
                                + token.found()
                                + Words.hint(token.text(), known));
    }

    Field metaField(Token token) {
        Field field = META.contains(token.text()) ? Field.named("meta " + token.text()) : null;
        if (field != null) {
            return field;
        }
        if (FOREIGN_META.contains(token.text())) {
            throw token.at().fault("'meta " + token.text() + "' is " + NOT_EVALUATED);
        }
        throw token.at()
                .fault(
                        "expected a meta key, found "
                                + token.found()
                                + Words.hint(token.text(), META));
    }

    Field ctField() {
        Token token = in.next();
        if (token.is("original") || token.is("reply")) {
            return directedField(token.text());
        }
        Field field = CT.contains(token.text()) ? Field.named("ct " + token.text()) : null;
        if (field != null) {
            return field;
        }
        if (FOREIGN_CT.contains(token.text())) {
            throw token.at().fault("'ct " + token.text() + "' is " + NOT_EVALUATED);
        }
        throw token.at()
                .fault("expected a ct key, found " + token.found() + Words.hint(token.text(), CT));
    }

    Field directedField(String direction) {
        Token token = in.next();
        if (token.is("saddr") || token.is("daddr")) {
            if (!protocols.isNetwork(4) && !protocols.isNetwork(6)) {
                throw token.at()
                        .fault(
                                "IPv4 or IPv6? Write 'ct "
                                        + direction
                                        + " ip "
                                        + token.text()
                                        + "' or 'ct "
                                        + direction
                                        + " ip6 "
                                        + token.text()
                                        + "'");
            }
            String family = protocols.isNetwork(4) ? "ip" : "ip6";
            return required("ct " + direction + " " + family + " " + token.text(), token);
        }
        if (token.is("ip") || token.is("ip6")) {
            Token which = in.next();
            return required("ct " + direction + " " + token.text() + " " + which.text(), which);
        }
        if (token.is("proto-src") || token.is("proto-dst")) {
            if (!protocols.knowsTransport()) {
                throw token.at()
                        .fault(
                                "ports of which protocol? Put 'meta l4proto tcp' before 'ct "
                                        + direction
                                        + " "
                                        + token.text()
                                        + "'");
            }
            return required("ct " + direction + " " + token.text(), token);
        }
        if (FOREIGN_CT_DIRECTED.contains(token.text())) {
            throw token.at()
                    .fault("'ct " + direction + " " + token.text() + "' is " + NOT_EVALUATED);
        }
        throw token.at()
                .fault("expected saddr, daddr, proto-src or proto-dst, found " + token.found());
    }

    static Field required(String text, Token token) {
        Field field = Field.named(text);
        if (field == null) {
            throw token.at().fault("expected saddr or daddr, found " + token.found());
        }
        return field;
    }

    static boolean startsField(Token token) {
        if (token.kind() != Token.Kind.WORD) {
            return false;
        }
        String word = token.text();
        if (Set.of("meta", "ct", "iif", "oif", "iifname", "oifname", "mark").contains(word)
                || FOREIGN.contains(word)) {
            return true;
        }
        for (Field.Header header : Field.Header.values()) {
            if (header.label().equals(word)) {
                return true;
            }
        }
        return false;
    }

    Expr afterField(Field field, Span at) {
        String conflict = protocols.require(field, out, at.pos());
        if (conflict != null) {
            throw at.fault(conflict);
        }
        Expr left = new Expr.Load(field);
        return binary(left, field.type(), 0);
    }

    /** Operators between a field and constants, by precedence: shifts, then and, xor, or. */
    Expr binary(Expr first, DataType type, int level) {
        Expr left = level == 3 ? first : binary(first, type, level + 1);
        while (true) {
            Expr.Operator operator = operatorAt(level);
            if (operator == null) {
                return left;
            }
            Token token = in.next();
            if (type.kind() == DataType.Kind.NAME) {
                throw token.at().fault("no bits to combine in an " + type.text());
            }
            boolean shift = level == 3;
            if (type.bits() > 64 && operator != Expr.Operator.AND) {
                throw token.at()
                        .fault("only '&' of an " + type.text() + " is evaluated by Pinhole");
            }
            Raw raw = shift();
            Range value = typing.range(raw, shift ? DataType.INTEGER_8 : type);
            if (!value.isSingle()) {
                throw raw.at().fault("expected one value, found a range");
            }
            left =
                    new Expr.Binary(
                            operator,
                            left,
                            new Expr.Constant(
                                    shift ? DataType.INTEGER_8 : type,
                                    value.lowHigh(),
                                    value.lowLow()));
        }
    }

    Expr.@Nullable Operator operatorAt(int level) {
        Token token = in.peek();
        return switch (level) {
            case 0 -> token.is("|") || token.is("or") ? Expr.Operator.OR : null;
            case 1 -> token.is("^") || token.is("xor") ? Expr.Operator.XOR : null;
            case 2 -> token.is("&") || token.is("and") ? Expr.Operator.AND : null;
            default ->
                    token.is("<<") || token.is("lshift")
                            ? Expr.Operator.SHIFT_LEFT
                            : token.is(">>") || token.is("rshift")
                                    ? Expr.Operator.SHIFT_RIGHT
                                    : null;
        };
    }

    // ---- sets ----

    ElementSet rightSet(List<Expr> key, ElementSet.Holds holds, List<DataType> data, String what) {
        Token token = in.peek();
        Raw raw = token.is("{") ? braces() : value();
        if (!(raw instanceof Raw.Braces) && !(raw instanceof Raw.Named)) {
            throw token.at()
                    .fault("expected '{' or '@' after '" + what + "', found " + token.found());
        }
        return set(raw, types(key), holds, data, key, what);
    }

    ElementSet set(
            Raw raw,
            List<DataType> types,
            ElementSet.Holds holds,
            List<DataType> dataTypes,
            List<Expr> key,
            String what) {
        if (raw instanceof Raw.Named(String name, Span at)) {
            ElementSet set = sets.get(name);
            if (set == null) {
                throw at.fault(
                        "no set or map '"
                                + name
                                + "' in this table"
                                + Words.hint(name, sets.keySet()));
            }
            if (set.holds() != holds) {
                throw at.fault(
                        switch (set.holds()) {
                            case NOTHING -> "'" + name + "' is a set, '" + what + "' needs a map";
                            case VERDICT -> "'" + name + "' is a verdict map; it goes with 'vmap'";
                            case VALUE, OBJECT -> "'" + name + "' is a map; it goes with 'map'";
                        });
            }
            if (!compatible(set.keyTypes(), types)) {
                throw at.fault(
                        "'"
                                + name
                                + "' holds "
                                + describe(set.keyTypes())
                                + ", this compares "
                                + describe(types));
            }
            DataType data = set.dataType();
            if (data != null
                    && !dataTypes.isEmpty()
                    && data.bits() != dataTypes.getFirst().bits()) {
                throw at.fault(
                        "'"
                                + name
                                + "' gives "
                                + data.text()
                                + ", needed is "
                                + dataTypes.getFirst().text());
            }
            return set;
        }
        if (!(raw instanceof Raw.Braces braces)) {
            throw raw.at().fault("expected '{' or '@'");
        }
        if (braces.items().isEmpty()) {
            throw braces.at().fault("set is empty");
        }
        ElementSet set =
                new ElementSet(
                        null,
                        types,
                        holds,
                        dataTypes.isEmpty() ? null : dataTypes.getFirst(),
                        typing.elements(braces, types, holds, dataTypes),
                        braces.at().pos());
        if (set.elements().isEmpty()) {
            throw braces.at().fault("set is empty");
        }
        if (key.isEmpty()) {
            throw braces.at().fault("nothing to look up");
        }
        Typing.overlaps(set, true, braces.at());
        return set;
    }

    /** Names of an interface are one type to us, whether nft compares the index or the name. */
    static boolean compatible(List<DataType> a, List<DataType> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            boolean integers =
                    a.get(i).label().equals("integer") && b.get(i).label().equals("integer");
            boolean same = a.get(i) == b.get(i) || (integers && a.get(i).bits() == b.get(i).bits());
            if (!same) {
                return false;
            }
        }
        return true;
    }

    static String describe(List<DataType> types) {
        return String.join(" . ", types.stream().map(DataType::text).toList());
    }

    static List<DataType> types(List<Expr> key) {
        return key.stream().map(Expr::type).toList();
    }
}
