package io.pinhole.rule.nft;

import io.pinhole.rule.Action;
import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.ProtocolContext;
import io.pinhole.rule.Range;
import io.pinhole.rule.RejectWith;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads one rule, left to right, with the types that its table's sets give. Long because the
 * language has many statements; each is one short method.
 */
final class RuleParser extends ValueParser {
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

    private static final long MAX_U32 = 0xffff_ffffL;

    private final TableState table;
    private final Map<String, ElementSet> sets;
    private final Typing typing;
    private final ProtocolContext protocols;
    private final List<Statement> out = new ArrayList<>();

    RuleParser(TableState.PendingRule pending, Map<String, ElementSet> sets, Budget budget) {
        super(lexer(pending), pending.view, budget);
        this.table = pending.table;
        this.sets = sets;
        typing = new Typing(budget);
        protocols = new ProtocolContext(table.family);
    }

    private static Lexer lexer(TableState.PendingRule pending) {
        Lexer lexer = new Lexer(pending.mark);
        lexer.blankDepth(pending.blankDepth);
        return lexer;
    }

    /** Reads up to the end of the statement. */
    Rule rule() {
        Span start = in.peek().at();
        String comment = null;
        boolean terminal = false;
        while (!ended()) {
            Token token = in.peek();
            if (comment != null) {
                throw token.at()
                        .fault(
                                "expected the end of the rule after its comment, found "
                                        + token.found());
            }
            if (token.is("comment")) {
                in.next();
                comment = string("a comment");
                continue;
            }
            if (terminal) {
                throw token.at().fault("a statement after the verdict has no effect");
            }
            int before = out.size();
            statement(token);
            for (Statement added : out.subList(before, out.size())) {
                terminal |=
                        (added instanceof Statement.Verdict v && v.action().isTerminal())
                                || added instanceof Statement.Reject
                                || added instanceof Statement.Nat;
            }
        }
        if (out.isEmpty()) {
            throw start.fault("expected a rule, found " + in.peek().found());
        }
        SourcePos at = start.pos();
        String source =
                oneLine(start.source().text.substring(start.offset(), in.peek().at().offset()));
        return new Rule(out, comment, new RuleOrigin(at.shortText(), source), at);
    }

    private boolean ended() {
        Token token = in.peek();
        return token.endsStatement() || token.is("}");
    }

    /** Without comments, blanks collapsed. */
    private static String oneLine(String text) {
        StringBuilder lines = new StringBuilder();
        for (String line : text.split("\n")) {
            boolean quoted = false;
            int end = line.length();
            for (int i = 0; i < line.length(); i++) {
                if (line.charAt(i) == '"') {
                    quoted = !quoted;
                } else if (line.charAt(i) == '#' && !quoted) {
                    end = i;
                    break;
                }
            }
            String code = line.substring(0, end).strip();
            lines.append(code.endsWith("\\") ? code.substring(0, code.length() - 1) : code);
            lines.append(' ');
        }
        return lines.toString().strip().replaceAll("[ \t]+", " ");
    }

    private void statement(Token token) {
        if (token.kind() != Token.Kind.WORD) {
            boolean raw = token.is("@") || token.is("(") || token.is("$") || token.is("{");
            throw token.at()
                    .fault(
                            raw
                                    ? "a rule that starts with "
                                            + token.found()
                                            + " is "
                                            + NOT_EVALUATED
                                    : "expected a match, a statement or a verdict, found "
                                            + token.found());
        }
        Action action = verdictOrNull();
        if (action != null) {
            out.add(new Statement.Verdict(action, token.at().pos()));
            return;
        }
        switch (token.text()) {
            case "reject" -> reject();
            case "counter" -> counter();
            case "limit" -> limitStatement();
            case "quota" -> quotaStatement();
            case "log" -> log();
            case "notrack" -> {
                in.next();
                out.add(new Statement.Notrack(token.at().pos()));
            }
            case "snat", "dnat", "masquerade", "redirect" -> nat();
            case "flow" -> flow();
            default -> match();
        }
    }

    // ---- matches ----

    private void match() {
        Span start = in.peek().at();
        List<Expr> key = new ArrayList<>();
        Field special = settable();
        if (special == null) {
            return;
        }
        key.add(afterField(special, start));
        while (accept(".")) {
            Span at = in.peek().at();
            key.add(afterField(field(), at));
        }
        SourcePos at = start.pos();
        Token token = in.peek();
        if (token.is("vmap")) {
            in.next();
            ElementSet map = rightSet(key, ElementSet.Holds.VERDICT, List.of(), "vmap");
            out.add(new Statement.VerdictMap(key, map, at));
            return;
        }
        if (token.is("map")) {
            throw token.at().fault("comparing the result of a map is " + NOT_EVALUATED);
        }
        compare(key, at);
    }

    /**
     * Reads a field; null if it was {@code … set …}, which is done then, like {@code ct helper
     * set}.
     */
    private @Nullable Field settable() {
        Span at = in.peek().at();
        Field field;
        if (accept("ct")) {
            if (accept("timeout")) {
                expect("set", "after 'ct timeout'");
                objectReference(ObjectKind.TIMEOUT, at);
                return null;
            }
            field = ctField();
        } else {
            field = field();
        }
        if (!in.peek().is("set")) {
            return field;
        }
        Token set = in.next();
        switch (field) {
            case META_MARK -> out.add(new Statement.SetMark(assigned(DataType.MARK), at.pos()));
            case CT_MARK -> out.add(new Statement.SetCtMark(assigned(DataType.MARK), at.pos()));
            case CT_HELPER -> objectReference(ObjectKind.HELPER, at);
            default -> throw set.at().fault("setting " + field.text() + " is " + NOT_EVALUATED);
        }
        return null;
    }

    private Expr afterField(Field field, Span at) {
        String conflict = protocols.require(field, out, at.pos());
        if (conflict != null) {
            throw at.fault(conflict);
        }
        Expr left = new Expr.Load(field);
        return binary(left, field.type(), 0);
    }

    /** Operators between a field and constants, by precedence: shifts, then and, xor, or. */
    private Expr binary(Expr first, DataType type, int level) {
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

    private Expr.@Nullable Operator operatorAt(int level) {
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

    /** The right side of a comparison. */
    private void compare(List<Expr> key, SourcePos at) {
        String operator = operator();
        boolean negated = operator.equals("!=") || operator.equals("!");
        Token token = in.peek();
        if (ended()) {
            throw token.at().fault("expected a value to compare with, found " + token.found());
        }
        Raw right = value();
        if (right instanceof Raw.Braces || right instanceof Raw.Named) {
            if (!operator.isEmpty() && !operator.equals("==") && !operator.equals("!=")) {
                throw token.at().fault("a set compares with == or !=, not with " + operator);
            }
            ElementSet set =
                    set(right, types(key), ElementSet.Holds.NOTHING, List.of(), key, "match");
            out.add(new Statement.InSet(key, set, negated, false, at));
            return;
        }
        if (key.size() > 1) {
            concatenation(key, right, operator, at);
            return;
        }
        Expr left = key.getFirst();
        DataType type = left.type();
        if (type.kind() == DataType.Kind.FLAGS) {
            flags(left, right, operator, at);
            return;
        }
        Range range = typing.range(right, type);
        switch (operator) {
            case "", "==", "!=" -> {
                out.add(new Statement.InRange(left, range, negated, false, at));
                if (!negated && left instanceof Expr.Load(Field field)) {
                    protocols.learn(field, range);
                }
            }
            case "!" -> throw token.at().fault("'!' is for a single flag; write '!='");
            default -> ordered(left, range, operator, right.at(), at);
        }
    }

    private String operator() {
        Token token = in.peek();
        String text = token.text();
        String operator =
                token.kind() == Token.Kind.SYMBOL
                        ? switch (text) {
                            case "==", "!=", "<", ">", "<=", ">=", "!" -> text;
                            default -> "";
                        }
                        : token.kind() != Token.Kind.WORD
                                ? ""
                                : switch (text) {
                                    case "eq" -> "==";
                                    case "ne" -> "!=";
                                    case "lt" -> "<";
                                    case "gt" -> ">";
                                    case "le" -> "<=";
                                    case "ge" -> ">=";
                                    default -> "";
                                };
        if (!operator.isEmpty()) {
            in.next();
        } else if (token.is("=")) {
            throw token.at().fault("expected a value or an operator, found '='; write '=='");
        }
        return operator;
    }

    private void ordered(Expr left, Range range, String operator, Span value, SourcePos at) {
        DataType type = left.type();
        if (!range.isSingle() || type.kind() == DataType.Kind.NAME) {
            throw value.fault("'" + operator + "' compares with one number or address");
        }
        long high = range.lowHigh();
        long low = range.lowLow();
        boolean isMax = high == type.maxHigh() && low == type.maxLow();
        boolean isMin = high == 0 && low == 0;
        Range result =
                switch (operator) {
                    case ">" ->
                            isMax
                                    ? Range.EMPTY
                                    : new Range(
                                            low == -1 ? high + 1 : high,
                                            low + 1,
                                            type.maxHigh(),
                                            type.maxLow());
                    case ">=" -> new Range(high, low, type.maxHigh(), type.maxLow());
                    case "<" ->
                            isMin
                                    ? Range.EMPTY
                                    : new Range(0, 0, low == 0 ? high - 1 : high, low - 1);
                    default -> new Range(0, 0, high, low);
                };
        out.add(new Statement.InRange(left, result, false, false, at));
    }

    /**
     * {@code ct state new} means "any of these bits" (netlink_gen_flagcmp), {@code ct state != new}
     * and {@code == new} compare the whole, {@code tcp flags syn / syn,ack} compares under a mask.
     */
    private void flags(Expr left, Raw right, String operator, SourcePos at) {
        DataType type = left.type();
        long bits = typing.range(right, type).lowLow();
        boolean negated = operator.equals("!=");
        if (in.peek().is("/")) {
            in.next();
            if (!operator.isEmpty() && !operator.equals("==") && !negated) {
                throw right.at().fault("a mask compares with == or !=");
            }
            long mask = typing.range(value(), type).lowLow();
            Expr masked =
                    new Expr.Binary(Expr.Operator.AND, left, new Expr.Constant(type, 0, mask));
            out.add(new Statement.InRange(masked, Range.of(bits), negated, false, at));
            return;
        }
        if (right instanceof Raw.Between) {
            throw right.at().fault("flags have no range");
        }
        switch (operator) {
            case "" -> {
                if (left instanceof Expr.Load) {
                    out.add(new Statement.AnyBit(left, bits, false, at));
                } else {
                    out.add(new Statement.InRange(left, Range.of(bits), false, false, at));
                }
            }
            case "!" -> {
                if (!(left instanceof Expr.Load)) {
                    throw right.at().fault("'!' cannot be combined with '&'");
                }
                if (Long.bitCount(bits) != 1) {
                    throw right.at().fault("'!' is for a single flag");
                }
                out.add(new Statement.AnyBit(left, bits, true, at));
            }
            case "==", "!=" ->
                    out.add(new Statement.InRange(left, Range.of(bits), negated, false, at));
            default -> ordered(left, Range.of(bits), operator, right.at(), at);
        }
    }

    /** {@code ip saddr . tcp dport 1.2.3.4 . 21}: a set of one element. */
    private void concatenation(List<Expr> key, Raw right, String operator, SourcePos at) {
        if (!operator.isEmpty() && !operator.equals("==") && !operator.equals("!=")) {
            throw right.at().fault("a concatenation compares with == or !=");
        }
        Raw.Braces one = new Raw.Braces(List.of(new Raw.Item(right, null)), right.at());
        ElementSet set = set(one, types(key), ElementSet.Holds.NOTHING, List.of(), key, "match");
        out.add(new Statement.InSet(key, set, operator.equals("!="), false, at));
    }

    private static List<DataType> types(List<Expr> key) {
        return key.stream().map(Expr::type).toList();
    }

    // ---- fields ----

    private Field field() {
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

    private Field headerField(String header) {
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

    private Field metaField(Token token) {
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

    private Field ctField() {
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

    private Field directedField(String direction) {
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

    private static Field required(String text, Token token) {
        Field field = Field.named(text);
        if (field == null) {
            throw token.at().fault("expected saddr or daddr, found " + token.found());
        }
        return field;
    }

    // ---- sets ----

    private ElementSet rightSet(
            List<Expr> key, ElementSet.Holds holds, List<DataType> data, String what) {
        Token token = in.peek();
        Raw raw = token.is("{") ? braces() : value();
        if (!(raw instanceof Raw.Braces) && !(raw instanceof Raw.Named)) {
            throw token.at()
                    .fault("expected '{' or '@' after '" + what + "', found " + token.found());
        }
        return set(raw, types(key), holds, data, key, what);
    }

    private ElementSet set(
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
    private static boolean compatible(List<DataType> a, List<DataType> b) {
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

    private static String describe(List<DataType> types) {
        return String.join(" . ", types.stream().map(DataType::text).toList());
    }

    // ---- assignments ----

    /** {@code 0x1}, {@code meta mark | 0x10}, {@code ct mark}, {@code tcp dport map { … }}. */
    private Expr assigned(DataType type) {
        Token token = in.peek();
        if (!startsField(token)) {
            Raw raw = value();
            Range value = typing.range(raw, type);
            if (!value.isSingle()) {
                throw raw.at().fault("expected one value");
            }
            return new Expr.Constant(type, value.lowHigh(), value.lowLow());
        }
        List<Expr> key = new ArrayList<>();
        key.add(afterField(field(), token.at()));
        while (accept(".")) {
            Span at = in.peek().at();
            key.add(afterField(field(), at));
        }
        if (accept("map")) {
            ElementSet map = rightSet(key, ElementSet.Holds.VALUE, List.of(type), "map");
            return binary(new Expr.Lookup(key, map), type, 0);
        }
        if (key.size() != 1) {
            throw token.at().fault("expected 'map' after a concatenation");
        }
        if (key.getFirst().type().bits() > type.bits()) {
            throw token.at()
                    .fault(
                            "expected "
                                    + Typing.article(type.text())
                                    + ", found "
                                    + Typing.article(key.getFirst().type().text()));
        }
        return key.getFirst();
    }

    private static boolean startsField(Token token) {
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

    private void objectReference(ObjectKind kind, Span at) {
        Token token = in.peek();
        if (startsField(token)) {
            List<Expr> key = new ArrayList<>();
            key.add(afterField(field(), token.at()));
            while (accept(".")) {
                Span part = in.peek().at();
                key.add(afterField(field(), part));
            }
            expect("map", "before the objects to choose from");
            ElementSet map = rightSet(key, ElementSet.Holds.OBJECT, List.of(), "map");
            out.add(
                    new Statement.UseObject(
                            kind, null, new Statement.ObjectMap(key, map), at.pos()));
            return;
        }
        String name;
        if (token.is("$")) {
            Raw raw = variable();
            if (!(raw instanceof Raw.Text(String text, boolean quoted, Span defined))) {
                throw token.at().fault("this define is not a name");
            }
            name = text;
        } else {
            name = string("the name of a " + kind.label() + " object");
        }
        boolean exists = false;
        Set<String> known = new HashSet<>();
        for (NamedObject object : table.objects) {
            if (object.kind() == kind) {
                known.add(object.name());
                exists |= object.name().equals(name);
            }
        }
        if (!exists) {
            throw token.at()
                    .fault(
                            "no "
                                    + kind.label()
                                    + " object '"
                                    + SourceText.printable(name)
                                    + "' in this table"
                                    + Words.hint(name, known));
        }
        out.add(new Statement.UseObject(kind, name, null, at.pos()));
    }

    // ---- statements ----

    private void reject() {
        Span start = in.next().at();
        SourcePos at = start.pos();
        if (!accept("with")) {
            out.add(new Statement.Reject(RejectWith.DEFAULT, at));
            return;
        }
        Token token = in.next();
        RejectWith.Kind kind;
        DataType codes;
        String conflict = null;
        switch (token.text()) {
            case "tcp" -> {
                expect("reset", "after 'reject with tcp'");
                conflict = protocols.requireTransport(6, out, at);
                if (conflict != null) {
                    throw token.at().fault("tcp reset answers TCP only; " + conflict);
                }
                out.add(new Statement.Reject(new RejectWith(RejectWith.Kind.TCP_RESET, 0), at));
                return;
            }
            case "icmp" -> {
                kind = RejectWith.Kind.ICMP;
                codes = DataType.ICMP_CODE;
                conflict = protocols.requireNetwork(4, out, at);
            }
            case "icmpv6" -> {
                kind = RejectWith.Kind.ICMPV6;
                codes = DataType.ICMPV6_CODE;
                conflict = protocols.requireNetwork(6, out, at);
            }
            case "icmpx" -> {
                kind = RejectWith.Kind.ICMPX;
                codes = DataType.ICMPX_CODE;
            }
            default ->
                    throw token.at()
                            .fault(
                                    "expected 'tcp reset', 'icmp', 'icmpv6' or 'icmpx', found "
                                            + token.found());
        }
        if (conflict != null) {
            throw token.at().fault(conflict);
        }
        accept("type");
        Raw raw = shift();
        int code = (int) typing.range(raw, codes).lowLow();
        out.add(new Statement.Reject(new RejectWith(kind, code), at));
    }

    private void counter() {
        Span at = in.next().at();
        if (accept("name")) {
            objectReference(ObjectKind.COUNTER, at);
            return;
        }
        long packets = 0;
        long bytes = 0;
        if (accept("packets")) {
            packets = number("a number of packets", Long.MAX_VALUE);
            expect("bytes", "after the packets of a counter");
            bytes = number("a number of bytes", Long.MAX_VALUE);
        }
        out.add(new Statement.Counter(packets, bytes, at.pos()));
    }

    private void limitStatement() {
        Span at = in.next().at();
        if (accept("name")) {
            objectReference(ObjectKind.LIMIT, at);
            return;
        }
        out.add(new Statement.Limit(new RateParser(this).limit(), at.pos()));
    }

    private void quotaStatement() {
        Span at = in.next().at();
        if (accept("name")) {
            objectReference(ObjectKind.QUOTA, at);
            return;
        }
        out.add(new Statement.Quota(new RateParser(this).quota(), at.pos()));
    }

    private void log() {
        Span at = in.next().at();
        StringBuilder options = new StringBuilder();
        while (true) {
            Token token = in.peek();
            String more =
                    switch (token.kind() == Token.Kind.WORD ? token.text() : "") {
                        case "prefix" -> {
                            in.next();
                            yield "prefix \"" + string("a prefix") + '"';
                        }
                        case "level" -> {
                            in.next();
                            yield "level " + level();
                        }
                        case "group" -> {
                            in.next();
                            yield "group " + number("a group", 0xffff);
                        }
                        case "snaplen" -> {
                            in.next();
                            yield "snaplen " + number("a length", MAX_U32);
                        }
                        case "queue-threshold" -> {
                            in.next();
                            yield "queue-threshold " + number("a number", 0xffff);
                        }
                        case "flags" -> {
                            in.next();
                            yield "flags " + logFlags();
                        }
                        default -> "";
                    };
            if (more.isEmpty()) {
                out.add(new Statement.Log(options.toString(), at.pos()));
                return;
            }
            options.append(options.isEmpty() ? "" : " ").append(more);
        }
    }

    private String level() {
        Token token = in.next();
        Set<String> levels =
                Set.of("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit");
        if (!levels.contains(token.text())) {
            throw token.at()
                    .fault(
                            "expected a log level, found "
                                    + token.found()
                                    + Words.hint(token.text(), levels));
        }
        return token.text();
    }

    private String logFlags() {
        StringBuilder flags = new StringBuilder();
        do {
            Token token = in.next();
            boolean known =
                    switch (token.text()) {
                        case "all", "skuid", "ether" -> true;
                        case "tcp", "ip" -> {
                            String of = token.text();
                            Token detail = in.next();
                            flags.append(flags.isEmpty() ? "" : ",").append(of).append(' ');
                            flags.append(detail.text());
                            yield of.equals("ip")
                                    ? detail.is("options")
                                    : detail.is("sequence") || detail.is("options");
                        }
                        default -> false;
                    };
            if (!known) {
                throw token.at()
                        .fault(
                                "expected tcp sequence, tcp options, ip options, skuid, ether or"
                                        + " all, found "
                                        + token.found());
            }
            if (!token.is("tcp") && !token.is("ip")) {
                flags.append(flags.isEmpty() ? "" : ",").append(token.text());
            }
        } while (accept(","));
        return flags.toString();
    }

    private void flow() {
        Span at = in.next().at();
        Token word = in.next();
        if (!word.is("add") && !word.is("offload")) {
            throw word.at().fault("expected 'add' after 'flow', found " + word.found());
        }
        expect("@", "before the name of a flowtable");
        out.add(new Statement.FlowAdd(name("a flowtable").text(), at.pos()));
    }

    /**
     * {@code dnat [ip|ip6] to ADDRESS[:PORT]}, {@code snat …}, {@code masquerade [to :PORTS]},
     * {@code redirect [to :PORT]}: read so that mistakes show, kept as text.
     */
    private void nat() {
        Token kind = in.next();
        boolean address = kind.is("snat") || kind.is("dnat");
        DataType type = protocols.isNetwork(6) ? DataType.IPV6_ADDR : DataType.IPV4_ADDR;
        if (address && (in.peek().is("ip") || in.peek().is("ip6"))) {
            Token family = in.next();
            int version = family.is("ip") ? 4 : 6;
            String conflict = protocols.requireNetwork(version, out, kind.at().pos());
            if (conflict != null) {
                throw family.at().fault(conflict);
            }
            type = version == 4 ? DataType.IPV4_ADDR : DataType.IPV6_ADDR;
        }
        if (accept("prefix") || in.peek().is("interval")) {
            throw in.peek().at().fault("translation of prefixes is " + NOT_EVALUATED);
        }
        if (address) {
            expect("to", "after '" + kind.text() + "'");
            natTarget(type, kind);
        } else if (accept("to")) {
            natPorts();
        }
        while (in.peek().is("random")
                || in.peek().is("fully-random")
                || in.peek().is("persistent")
                || (in.peek().is(",") && !ended())) {
            in.next();
        }
        int from = kind.at().offset();
        int to = Math.max(from, in.peek().at().offset());
        out.add(
                new Statement.Nat(
                        oneLine(kind.at().source().text.substring(from, to)), kind.at().pos()));
    }

    private void natTarget(DataType type, Token kind) {
        if (in.peek().is(":")) {
            natPorts();
            return;
        }
        if (accept("[")) {
            Raw raw = shift();
            typing.range(raw, DataType.IPV6_ADDR);
            expect("]", "after an IPv6 address");
        } else {
            Token token = in.peek();
            if (startsField(token)) {
                throw token.at().fault("translation by a map is " + NOT_EVALUATED);
            }
            Raw raw = shift();
            DataType actual = type;
            if (raw instanceof Raw.Address(var a, Span at)) {
                actual = a.isV4() ? DataType.IPV4_ADDR : DataType.IPV6_ADDR;
                String conflict = protocols.requireNetwork(a.isV4() ? 4 : 6, out, kind.at().pos());
                if (conflict != null) {
                    throw at.fault(conflict);
                }
            }
            typing.range(raw, actual);
            if (accept("-")) {
                typing.range(shift(), actual);
            }
        }
        if (in.peek().is(":")) {
            natPorts();
        }
    }

    private void natPorts() {
        expect(":", "before a port");
        if (!protocols.knowsTransport()) {
            throw in.peek().at().fault("a port needs a protocol: put 'meta l4proto tcp' before it");
        }
        typing.range(shift(), DataType.INET_SERVICE);
        if (accept("-")) {
            typing.range(shift(), DataType.INET_SERVICE);
        }
    }
}
