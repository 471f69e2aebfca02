package io.pinhole.rule.nft;

import io.pinhole.rule.Action;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Family;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.RejectWith;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads one rule, left to right, with the types that its table's sets give. */
final class RuleParser extends MatchParser {
    private static final long MAX_U32 = 0xffff_ffffL;

    RuleParser(TableState.TextRule pending, Map<String, ElementSet> sets, Budget budget) {
        super(pending, sets, budget);
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
            int before = make.out.size();
            statement(token);
            for (Statement added : make.out.subList(before, make.out.size())) {
                terminal |=
                        (added instanceof Statement.Verdict v && v.action().isTerminal())
                                || added instanceof Statement.Reject
                                || added instanceof Statement.Nat;
            }
        }
        if (make.out.isEmpty()) {
            throw start.fault("expected a rule, found " + in.peek().found());
        }
        SourcePos at = start.pos();
        String source =
                oneLine(start.source().text.substring(start.offset(), in.peek().at().offset()));
        return new Rule(make.out, comment, new RuleOrigin(at.shortText(), source), at);
    }

    /** Without comments, blanks collapsed. */
    private static String oneLine(String text) {
        if (text.indexOf('#') < 0
                && text.indexOf('\n') < 0
                && text.indexOf('\t') < 0
                && !text.contains("  ")) {
            return text.strip();
        }
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
            if (token.is("(")) {
                match();
                return;
            }
            boolean raw = token.is("@") || token.is("$") || token.is("{");
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
            make.out.add(new Statement.Verdict(action, token.at().pos()));
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
                make.out.add(new Statement.Notrack(token.at().pos()));
            }
            case "snat", "dnat", "masquerade", "redirect" -> nat();
            case "flow" -> flow();
            case "add", "update", "delete" -> writeSet(token.at());
            case "set" -> {
                in.next();
                writeSetLater(token.at());
            }
            case "meter" -> meter(token.at());
            case "ct" -> {
                if (second().is("count")) {
                    make.out.add(new StateParser(this).connections());
                } else {
                    match();
                }
            }
            default -> match();
        }
    }

    /** The token behind the next one. */
    private Token second() {
        Lexer ahead = new Lexer(in.mark());
        ahead.next();
        return ahead.next();
    }

    // ---- sets that rules write to ----

    /** {@code add @blacklist { ip saddr timeout 1h limit rate over 10/minute }}. */
    private void writeSet(Span at) {
        Statement.UpdateSet.Operation operation = operation();
        expect("@", "before the name of a set");
        Token name = name("a set");
        expect("{", "before the key of an element");
        List<Expr> key = keyOfElement();
        Element.Life life = new StateParser(this).life();
        if (in.peek().is(":")) {
            throw in.peek().at().fault("writing to a map is " + NOT_EVALUATED);
        }
        expect("}", "after the element");
        make.write(operation, key, name.text(), name.at(), life, at.pos());
    }

    /** {@code set add ip saddr timeout 1h @blacklist}, as it was written once. */
    private void writeSetLater(Span at) {
        Statement.UpdateSet.Operation operation = operation();
        List<Expr> key = keyOfElement();
        Element.Life life = new StateParser(this).life();
        expect("@", "before the name of a set");
        Token name = name("a set");
        make.write(operation, key, name.text(), name.at(), life, at.pos());
    }

    private List<Expr> keyOfElement() {
        Token token = in.peek();
        if (token.kind() != Token.Kind.WORD && !token.is("(")) {
            throw token.at().fault("a constant as a key is " + NOT_EVALUATED);
        }
        return concatenation();
    }

    private Statement.UpdateSet.Operation operation() {
        Token token = in.next();
        return switch (token.text()) {
            case "add" -> Statement.UpdateSet.Operation.ADD;
            case "update" -> Statement.UpdateSet.Operation.UPDATE;
            case "delete" -> Statement.UpdateSet.Operation.DELETE;
            default ->
                    throw token.at()
                            .fault("expected add, update or delete, found " + token.found());
        };
    }

    /** {@code meter flood size 1000 { ip saddr timeout 1m limit rate 10/second }}. */
    private void meter(Span at) {
        in.next();
        Token name = name("a meter");
        long size = accept("size") ? number("a size", MAX_U32) : ElementSet.Living.DEFAULT_SIZE;
        expect("{", "before the key of a meter");
        List<Expr> key = keyOfElement();
        Element.Life life = new StateParser(this).life();
        expect("}", "after the statement of a meter");
        make.meter(key, name.text(), name.at(), size, life, at.pos());
    }

    private void reject() {
        Span start = in.next().at();
        SourcePos at = start.pos();
        if (!accept("with")) {
            make.out.add(new Statement.Reject(RejectWith.DEFAULT, at));
            return;
        }
        Token token = in.next();
        RejectWith.Kind kind;
        DataType codes;
        String conflict = null;
        switch (token.text()) {
            case "tcp" -> {
                expect("reset", "after 'reject with tcp'");
                conflict = make.protocols.requireTransport(6, make.out, at);
                if (conflict != null) {
                    throw token.at().fault("tcp reset answers TCP only; " + conflict);
                }
                make.out.add(
                        new Statement.Reject(new RejectWith(RejectWith.Kind.TCP_RESET, 0), at));
                return;
            }
            case "icmp" -> {
                kind = RejectWith.Kind.ICMP;
                codes = DataType.ICMP_CODE;
                conflict = make.protocols.requireNetwork(4, make.out, at);
            }
            case "icmpv6" -> {
                kind = RejectWith.Kind.ICMPV6;
                codes = DataType.ICMPV6_CODE;
                conflict = make.protocols.requireNetwork(6, make.out, at);
            }
            case "icmpx" -> {
                kind = RejectWith.Kind.ICMPX;
                codes = DataType.ICMPX_CODE;
                conflict =
                        table.family == Family.INET
                                ? null
                                : "icmpx is for tables of family inet; write icmp or icmpv6";
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
        int code = (int) make.typing.range(raw, codes).lowLow();
        make.out.add(new Statement.Reject(new RejectWith(kind, code), at));
    }

    private void counter() {
        Span at = in.next().at();
        if (accept("name")) {
            objectReference(ObjectKind.COUNTER, at);
            return;
        }
        long[] counted = new StateParser(this).counted();
        make.out.add(new Statement.Counter(counted[0], counted[1], at.pos()));
    }

    private void limitStatement() {
        Span at = in.next().at();
        if (accept("name")) {
            objectReference(ObjectKind.LIMIT, at);
            return;
        }
        make.out.add(new Statement.Limit(new RateParser(this).limit(), at.pos()));
    }

    private void quotaStatement() {
        Span at = in.next().at();
        if (accept("name")) {
            objectReference(ObjectKind.QUOTA, at);
            return;
        }
        make.out.add(new Statement.Quota(new RateParser(this).quota(), at.pos()));
    }

    private void log() {
        Span at = in.next().at();
        StringBuilder options = new StringBuilder();
        String prefix = null;
        boolean level = false;
        boolean group = false;
        while (true) {
            Token token = in.peek();
            String word = token.kind() == Token.Kind.WORD ? token.text() : "";
            String value;
            switch (word) {
                case "prefix" -> {
                    in.next();
                    prefix = prefix();
                    value = '"' + prefix + '"';
                }
                case "level" -> {
                    in.next();
                    value = level();
                    level = true;
                }
                case "group" -> {
                    in.next();
                    value = Long.toString(number("a group", 0xffff));
                    group = true;
                }
                case "snaplen" -> {
                    in.next();
                    value = Long.toString(number("a length", MAX_U32));
                }
                case "queue-threshold" -> {
                    in.next();
                    value = Long.toString(number("a number", 0xffff));
                }
                case "flags" -> {
                    in.next();
                    value = logFlags();
                }
                default -> {
                    make.log(options.toString(), prefix, level, group, at);
                    return;
                }
            }
            options.append(options.isEmpty() ? "" : " ").append(word).append(' ').append(value);
        }
    }

    /** Defines are put in where their names stand: {@code log prefix "$zone: "}. */
    private String prefix() {
        Token token = in.peek();
        String text = token.is("$") ? definedText(token) : string("a prefix");
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            int end = i + 1;
            while (text.charAt(i) == '$'
                    && end < text.length()
                    && Character.isJavaIdentifierPart(text.charAt(end))
                    && text.charAt(end) != '$') {
                end++;
            }
            if (end == i + 1) {
                out.append(text.charAt(i));
            } else {
                out.append(definedText(text.substring(i + 1, end), token));
                i = end - 1;
            }
        }
        return out.toString();
    }

    private String definedText(Token dollar) {
        if (variable() instanceof Raw.Text(String text, boolean quoted, Span at)) {
            return text;
        }
        throw dollar.at().fault("this define is no text");
    }

    private String definedText(String name, Token in) {
        budget.uses(name);
        Raw value = Scope.lookup(view, name);
        return switch (value) {
            case Raw.Text(String text, boolean quoted, Span at) -> text;
            case Raw.Int(long number, Span at) -> Long.toString(number);
            case null ->
                    throw in.at()
                            .fault(
                                    "no define of '"
                                            + name
                                            + "' above"
                                            + Words.hint(name, Scope.names(view)));
            default -> throw in.at().fault("define '" + name + "' is no text");
        };
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

    /**
     * {@code tcp sequence,options}, {@code ip options}, {@code skuid}, {@code ether}, {@code all}.
     */
    private String logFlags() {
        Token token = in.next();
        return switch (token.text()) {
            case "all", "skuid", "ether" -> token.text();
            case "ip" -> {
                expect("options", "after 'flags ip'");
                yield "ip options";
            }
            case "tcp" -> {
                StringBuilder flags = new StringBuilder("tcp ");
                do {
                    Token detail = in.next();
                    if (!detail.is("sequence") && !detail.is("options")) {
                        throw detail.at()
                                .fault("expected sequence or options, found " + detail.found());
                    }
                    flags.append(flags.length() == 4 ? "" : ",").append(detail.text());
                } while (accept(","));
                yield flags.toString();
            }
            default ->
                    throw token.at()
                            .fault(
                                    "expected tcp sequence, tcp options, ip options, skuid, ether"
                                            + " or all, found "
                                            + token.found());
        };
    }

    private void flow() {
        Span at = in.next().at();
        Token word = in.next();
        if (!word.is("add") && !word.is("offload")) {
            throw word.at().fault("expected 'add' after 'flow', found " + word.found());
        }
        expect("@", "before the name of a flowtable");
        make.out.add(new Statement.FlowAdd(name("a flowtable").text(), at.pos()));
    }

    /**
     * {@code dnat [ip|ip6] to ADDRESS[:PORT]}, {@code snat …}, {@code masquerade [to :PORTS]},
     * {@code redirect [to :PORT]}: read so that mistakes show, kept as text.
     */
    private void nat() {
        Token kind = in.next();
        boolean address = kind.is("snat") || kind.is("dnat");
        DataType type = make.protocols.isNetwork(6) ? DataType.IPV6_ADDR : DataType.IPV4_ADDR;
        if (address && (in.peek().is("ip") || in.peek().is("ip6"))) {
            Token family = in.next();
            int version = family.is("ip") ? 4 : 6;
            String conflict = make.protocols.requireNetwork(version, make.out, kind.at().pos());
            if (conflict != null) {
                throw family.at().fault(conflict);
            }
            type = version == 4 ? DataType.IPV4_ADDR : DataType.IPV6_ADDR;
        }
        if (accept("prefix")) {
            accept("to");
            skipNat();
        } else if (address) {
            accept("interval");
            accept("addr");
            boolean to = accept("to");
            if (!to && ended()) {
                throw in.peek().at().fault("expected 'to' after '" + kind.text() + "'");
            }
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
        make.out.add(
                new Statement.Nat(
                        oneLine(kind.at().source().text.substring(from, to)), kind.at().pos()));
    }

    /** A translation that is looked up or computed: kept as text to the end of the rule. */
    private void skipNat() {
        int depth = 0;
        while (true) {
            Token token = in.peek();
            if (token.kind() == Token.Kind.END || (depth == 0 && ended())) {
                return;
            }
            if (token.is("{")) {
                depth++;
            } else if (token.is("}")) {
                depth--;
            }
            in.next();
        }
    }

    private void natTarget(DataType type, Token kind) {
        if (in.peek().is(":")) {
            natPorts();
            return;
        }
        if (accept("[")) {
            Raw raw = shift();
            make.typing.range(raw, DataType.IPV6_ADDR);
            expect("]", "after an IPv6 address");
        } else {
            Token token = in.peek();
            if (startsField(token) || bracketedField(token)) {
                skipNat();
                return;
            }
            Raw raw = shift();
            DataType actual = type;
            if (raw instanceof Raw.Address(var a, Span at)) {
                actual = a.isV4() ? DataType.IPV4_ADDR : DataType.IPV6_ADDR;
                String conflict =
                        make.protocols.requireNetwork(a.isV4() ? 4 : 6, make.out, kind.at().pos());
                if (conflict != null) {
                    throw at.fault(conflict);
                }
            }
            make.typing.range(raw, actual);
            if (accept("-")) {
                make.typing.range(shift(), actual);
            }
        }
        if (in.peek().is(":")) {
            natPorts();
        }
    }

    private void natPorts() {
        expect(":", "before a port");
        if (!make.protocols.knowsTransport()) {
            throw in.peek().at().fault("a port needs a protocol: put 'meta l4proto tcp' before it");
        }
        make.typing.range(shift(), DataType.INET_SERVICE);
        if (accept("-")) {
            make.typing.range(shift(), DataType.INET_SERVICE);
        }
    }
}
