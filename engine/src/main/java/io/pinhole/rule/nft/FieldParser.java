package io.pinhole.rule.nft;

import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Family;
import io.pinhole.rule.Field;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
                    "pkttype",
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
    final RuleBuilder make;

    FieldParser(TableState.TextRule pending, Map<String, ElementSet> sets, Budget budget) {
        super(lexer(pending), pending.view, budget);
        table = pending.table;
        make = new RuleBuilder(table, sets, budget);
    }

    static Lexer lexer(TableState.TextRule pending) {
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
            case "iif", "oif", "iifname", "oifname", "mark", "pkttype" -> {
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
            if (!make.protocols.isNetwork(4) && !make.protocols.isNetwork(6)) {
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
            String family = make.protocols.isNetwork(4) ? "ip" : "ip6";
            return required("ct " + direction + " " + family + " " + token.text(), token);
        }
        if (token.is("ip") || token.is("ip6")) {
            Token which = in.next();
            int version = token.is("ip") ? 4 : 6;
            if (table.family != Family.INET && !table.family.sees(version)) {
                throw token.at()
                        .fault(
                                "a table of family "
                                        + table.family.label()
                                        + " has no "
                                        + token.text()
                                        + " flows");
            }
            return required("ct " + direction + " " + token.text() + " " + which.text(), which);
        }
        if (token.is("proto-src") || token.is("proto-dst")) {
            if (!make.protocols.knowsTransport()) {
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

    /** True for the first word of a match that nft knows and Pinhole does not evaluate. */
    static boolean isForeign(String word) {
        return FOREIGN.contains(word);
    }

    static boolean startsField(Token token) {
        if (token.kind() != Token.Kind.WORD) {
            return false;
        }
        String word = token.text();
        if (Set.of("meta", "ct", "iif", "oif", "iifname", "oifname", "mark", "pkttype")
                        .contains(word)
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

    /** A field and what is computed from it; brackets may stand round either. */
    Expr expression() {
        Expr first = operand();
        return binary(first, 0);
    }

    private Expr operand() {
        Token token = in.peek();
        if (token.is("(")) {
            in.next();
            enter(token.at());
            Expr inner = expression();
            leave();
            expect(")", "after the expression in brackets");
            return inner;
        }
        return make.load(field(), token.at());
    }

    /** {@code a . b . c}. */
    List<Expr> concatenation() {
        List<Expr> key = new ArrayList<>(List.of(expression()));
        while (accept(".")) {
            key.add(expression());
        }
        return key;
    }

    /** Operators between a field and constants, by precedence. */
    Expr binary(Expr first, int level) {
        Expr left = level == SHIFTS ? first : binary(first, level + 1);
        for (int terms = 1; ; terms++) {
            Expr.Operator operator = operatorAt(level);
            if (operator == null) {
                return left;
            }
            Token token = in.next();
            if (terms == Raw.MAX_TERMS) {
                throw token.at().fault(Raw.TOO_MANY_TERMS);
            }
            left = make.combine(left, operator, shift(), token.at());
        }
    }

    /** What stands right of {@code vmap} and {@code map}. */
    Raw rightSet(String what) {
        Token token = in.peek();
        Raw raw = token.is("{") ? braces() : value();
        if (!(raw instanceof Raw.Braces) && !(raw instanceof Raw.Named)) {
            throw token.at()
                    .fault("expected '{' or '@' after '" + what + "', found " + token.found());
        }
        return raw;
    }
}
