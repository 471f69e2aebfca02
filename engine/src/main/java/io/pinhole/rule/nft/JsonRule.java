package io.pinhole.rule.nft;

import static io.pinhole.rule.nft.JsonValues.fields;
import static io.pinhole.rule.nft.JsonValues.flag;
import static io.pinhole.rule.nft.JsonValues.integer;
import static io.pinhole.rule.nft.JsonValues.items;
import static io.pinhole.rule.nft.JsonValues.required;
import static io.pinhole.rule.nft.JsonValues.text;
import static io.pinhole.rule.nft.JsonValues.value;

import io.pinhole.rule.Action;
import io.pinhole.rule.Canonical;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.LimitRate;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.QuotaSize;
import io.pinhole.rule.RejectWith;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A rule of nft's JSON (libnftables-json(5), "Statements"). */
final class JsonRule extends TableState.PendingRule {
    private static final Set<String> STATEMENTS =
            Set.of(
                    "match",
                    "accept",
                    "drop",
                    "return",
                    "continue",
                    "jump",
                    "goto",
                    "counter",
                    "mangle",
                    "quota",
                    "limit",
                    "vmap",
                    "log",
                    "reject",
                    "notrack",
                    "ct helper",
                    "ct timeout",
                    "ct count",
                    "set",
                    "meter",
                    "flow",
                    "snat",
                    "dnat",
                    "masquerade",
                    "redirect");
    private static final Set<String> FOREIGN =
            Set.of(
                    "fwd",
                    "dup",
                    "queue",
                    "map",
                    "synproxy",
                    "tproxy",
                    "xt",
                    "ct expectation",
                    "last",
                    "secmark",
                    "reset");
    private static final Map<String, Long> UNITS =
            Map.of("second", 1L, "minute", 60L, "hour", 3600L, "day", 86_400L, "week", 604_800L);
    private static final Map<String, Long> SIZES =
            Map.of("bytes", 1L, "kbytes", 1024L, "mbytes", 1024L * 1024);
    private static final long MAX_U32 = 0xffff_ffffL;

    private final Json.Fields json;
    private final String label;

    /**
     * @param label {@code table/chain#handle}
     */
    JsonRule(TableState table, Json.Fields rule, String label) {
        super(table);
        json = rule;
        this.label = label;
        if (rule.get("expr") instanceof Json.Items(List<Json> statements, Span at)) {
            for (Json statement : statements) {
                if (statement instanceof Json.Fields fields
                        && fields.get("set") instanceof Json.Fields set
                        && set.get("set") instanceof Json.Text(String name, Span nameAt)) {
                    table.written.add(setName(name));
                }
            }
        }
    }

    @Override
    Rule read(Map<String, ElementSet> sets, ValueParser.Budget budget) {
        RuleBuilder make = new RuleBuilder(table, sets, budget);
        boolean terminal = false;
        for (Json statement : items(required(json, "expr"))) {
            if (terminal) {
                throw statement.at().fault("a statement after the verdict has no effect");
            }
            int before = make.out.size();
            statement(fields(statement).only(), make);
            for (Statement added : make.out.subList(before, make.out.size())) {
                terminal |=
                        (added instanceof Statement.Verdict v && v.action().isTerminal())
                                || added instanceof Statement.Reject
                                || added instanceof Statement.Nat;
            }
        }
        if (make.out.isEmpty()) {
            throw json.at().fault("the rule says nothing");
        }
        Json comment = json.get("comment");
        SourcePos at = labelled(json.at(), label);
        Rule made = new Rule(make.out, comment == null ? null : text(comment), RuleOrigin.NONE, at);
        RuleOrigin origin = new RuleOrigin(at.shortText(), Canonical.rule(made));
        return new Rule(made.statements(), made.comment(), origin, at);
    }

    static SourcePos labelled(Span at, String label) {
        SourcePos pos = at.pos();
        return new SourcePos(pos.file(), pos.line(), pos.column(), label);
    }

    private void statement(Json.Field field, RuleBuilder make) {
        SourcePos at = field.at().pos();
        Action action = JsonValues.verdict(field);
        if (action != null) {
            make.out.add(new Statement.Verdict(action, at));
            return;
        }
        Json of = field.value();
        switch (field.name()) {
            case "match" -> match(fields(of), make, at);
            case "vmap" -> {
                Json.Fields map = fields(of);
                make.vmap(key(required(map, "key"), make), value(required(map, "data")), at);
            }
            case "mangle" -> mangle(fields(of), make, at);
            case "counter" -> counter(of, make, at);
            case "limit" -> {
                if (!named(ObjectKind.LIMIT, of, make, at)) {
                    make.out.add(new Statement.Limit(limit(fields(of)), at));
                }
            }
            case "quota" -> {
                if (!named(ObjectKind.QUOTA, of, make, at)) {
                    make.out.add(new Statement.Quota(quota(fields(of)), at));
                }
            }
            case "ct helper" -> requiredName(ObjectKind.HELPER, of, make, at);
            case "ct timeout" -> requiredName(ObjectKind.TIMEOUT, of, make, at);
            case "ct count" -> make.out.add(JsonValues.connections(fields(of), at));
            case "set" -> writeSet(fields(of), make, at);
            case "meter" -> meter(fields(of), make, at);
            case "log" -> log(of, make, field.at());
            case "reject" -> reject(of, make, at);
            case "notrack" -> make.out.add(new Statement.Notrack(at));
            case "flow" -> {
                String name = text(fields(of), "flowtable");
                make.out.add(
                        new Statement.FlowAdd(name.startsWith("@") ? name.substring(1) : name, at));
            }
            case "snat", "dnat", "masquerade", "redirect" -> nat(field, make, at);
            default -> throw unknown(field);
        }
    }

    private static RuntimeException unknown(Json.Field field) {
        String name = field.name();
        return field.at()
                .fault(
                        FOREIGN.contains(name)
                                ? "'" + name + "' is " + ValueParser.NOT_EVALUATED
                                : "expected a statement, found '"
                                        + name
                                        + "'"
                                        + Words.hint(name, STATEMENTS));
    }

    // ---- sets that rules write to ----

    private static String setName(String name) {
        return name.startsWith("@") ? name.substring(1) : name;
    }

    /** {@code {"op": "add", "elem": …, "set": "@s", "stmt": […]}}. */
    private static void writeSet(Json.Fields of, RuleBuilder make, SourcePos at) {
        String op = text(of, "op");
        Statement.UpdateSet.Operation operation =
                switch (op) {
                    case "add" -> Statement.UpdateSet.Operation.ADD;
                    case "update" -> Statement.UpdateSet.Operation.UPDATE;
                    case "delete" -> Statement.UpdateSet.Operation.DELETE;
                    default ->
                            throw of.at()
                                    .fault("expected add, update or delete, found '" + op + "'");
                };
        Json set = required(of, "set");
        List<Statement> statements = new ArrayList<>();
        Json given = of.get("stmt");
        if (given != null) {
            for (Json statement : JsonValues.list(given)) {
                statements.add(JsonValues.state(fields(statement).only()));
            }
        }
        Json elem = required(of, "elem");
        List<Expr> key = elementKey(elem, make);
        make.write(operation, key, setName(text(set)), set.at(), life(elem, statements), at);
    }

    /** {@code {"key": …, "stmt": …, "size": 65535, "name": "flood"}}. */
    private static void meter(Json.Fields of, RuleBuilder make, SourcePos at) {
        Json name = required(of, "name");
        Json elem = required(of, "key");
        List<Statement> statements = List.of(JsonValues.state(fields(required(of, "stmt")).only()));
        long size = integer(of, "size", ElementSet.Living.DEFAULT_SIZE);
        List<Expr> key = elementKey(elem, make);
        make.meter(key, text(name), name.at(), size, life(elem, statements), at);
    }

    private static List<Expr> elementKey(Json elem, RuleBuilder make) {
        return key(
                elem instanceof Json.Fields fields && fields.get("elem") instanceof Json.Fields of
                        ? required(of, "val")
                        : elem,
                make);
    }

    private static Element.@Nullable Life life(Json elem, List<Statement> statements) {
        Json given =
                elem instanceof Json.Fields fields && fields.get("elem") instanceof Json.Fields of
                        ? of.get("timeout")
                        : null;
        long timeout = given == null ? 0 : JsonValues.millis(given);
        return timeout == 0 && statements.isEmpty()
                ? null
                : new Element.Life(timeout, -1, statements);
    }

    // ---- matches ----

    private void match(Json.Fields match, RuleBuilder make, SourcePos at) {
        List<Expr> key = key(required(match, "left"), make);
        Json rightJson = required(match, "right");
        Raw right = value(rightJson);
        String operator = text(match, "op");
        switch (operator) {
            case "in" -> make.compare(key, "", right, at);
            case "==", "!=", "<", ">", "<=", ">=", "!" -> make.compare(key, operator, right, at);
            default -> throw match.at().fault("expected an operator, found '" + operator + "'");
        }
    }

    private static List<Expr> key(Json json, RuleBuilder make) {
        if (json instanceof Json.Fields fields
                && fields.list().size() == 1
                && fields.only().name().equals("concat")) {
            List<Expr> parts = new ArrayList<>();
            for (Json part : items(fields.only().value())) {
                parts.add(expression(part, make));
            }
            return parts;
        }
        return List.of(expression(json, make));
    }

    private static Expr expression(Json json, RuleBuilder make) {
        Json.Field field = fields(json).only();
        Field of = field(field, make);
        if (of != null) {
            return make.load(of, field.at());
        }
        return switch (field.name()) {
            case "&", "|", "^", "<<", ">>" -> {
                List<Json> sides = JsonValues.sides(field);
                Expr left = expression(sides.getFirst(), make);
                for (Json side : sides.subList(1, sides.size())) {
                    left =
                            make.combine(
                                    left,
                                    JsonValues.operator(field.name()),
                                    value(side),
                                    field.at());
                }
                yield left;
            }
            case "map" ->
                    throw field.at()
                            .fault("comparing the result of a map is " + ValueParser.NOT_EVALUATED);
            default ->
                    throw field.at()
                            .fault("'" + field.name() + "' is " + ValueParser.NOT_EVALUATED);
        };
    }

    /** {@code {"payload": …}}, {@code {"meta": …}}, {@code {"ct": …}}; null for anything else. */
    private static @Nullable Field field(Json.Field field, RuleBuilder make) {
        String name;
        Json.Fields of;
        switch (field.name()) {
            case "payload" -> {
                of = fields(field.value());
                Json protocol = of.get("protocol");
                if (protocol == null) {
                    throw field.at().fault("a raw payload is " + ValueParser.NOT_EVALUATED);
                }
                name = text(protocol) + " " + text(of, "field");
            }
            case "meta" -> {
                of = fields(field.value());
                name = "meta " + text(of, "key");
            }
            case "ct" -> {
                of = fields(field.value());
                String key = text(of, "key");
                Json direction = of.get("dir");
                if (direction != null && (key.equals("saddr") || key.equals("daddr"))) {
                    key = (make.protocols.isNetwork(6) ? "ip6 " : "ip ") + key;
                }
                name = "ct " + (direction == null ? "" : text(direction) + " ") + key;
            }
            default -> {
                return null;
            }
        }
        // nft writes this name in JSON and reads another in text.
        Field known =
                name.equals("icmpv6 parameter-problem")
                        ? Field.ICMPV6_PARAM_PROBLEM
                        : Field.named(name);
        if (known == null) {
            throw field.at().fault("'" + name + "' is " + ValueParser.NOT_EVALUATED);
        }
        return known;
    }

    // ---- other statements ----

    private void mangle(Json.Fields mangle, RuleBuilder make, SourcePos at) {
        Json.Field key = fields(required(mangle, "key")).only();
        Field field = field(key, make);
        if (field == null) {
            throw key.at().fault("setting '" + key.name() + "' is " + ValueParser.NOT_EVALUATED);
        }
        Json value = required(mangle, "value");
        if ((field != Field.META_MARK && field != Field.CT_MARK)
                || !make.assign(field, assigned(value, make), at)) {
            throw key.at().fault("setting " + field.text() + " is " + ValueParser.NOT_EVALUATED);
        }
    }

    private static Expr assigned(Json json, RuleBuilder make) {
        if (json instanceof Json.Fields fields && fields.list().size() == 1) {
            Json.Field only = fields.only();
            switch (only.name()) {
                case "map" -> {
                    Json.Fields map = fields(only.value());
                    return make.lookup(
                            key(required(map, "key"), make),
                            value(required(map, "data")),
                            DataType.MARK);
                }
                case "payload", "meta", "ct" -> {
                    return make.assignable(expression(json, make), DataType.MARK, only.at());
                }
                case "&", "|", "^", "<<", ">>" -> {
                    List<Json> sides = JsonValues.sides(only);
                    if (sides.getFirst() instanceof Json.Fields) {
                        Expr left = assigned(sides.getFirst(), make);
                        for (Json side : sides.subList(1, sides.size())) {
                            left =
                                    make.combine(
                                            left,
                                            JsonValues.operator(only.name()),
                                            value(side),
                                            only.at());
                        }
                        return left;
                    }
                }
                default -> {}
            }
        }
        return make.constant(value(json), DataType.MARK);
    }

    private void counter(Json of, RuleBuilder make, SourcePos at) {
        if (named(ObjectKind.COUNTER, of, make, at)) {
            return;
        }
        long packets = 0;
        long bytes = 0;
        if (of instanceof Json.Fields counter) {
            packets = integer(counter, "packets", 0);
            bytes = integer(counter, "bytes", 0);
        }
        make.out.add(new Statement.Counter(packets, bytes, at));
    }

    /** True if it was the name of an object, or a map to names. */
    private boolean named(ObjectKind kind, Json of, RuleBuilder make, SourcePos at) {
        if (of instanceof Json.Text(String name, Span nameAt)) {
            make.object(kind, name, nameAt, at);
            return true;
        }
        if (of instanceof Json.Fields fields && fields.get("map") instanceof Json.Fields map) {
            make.objectOf(kind, key(required(map, "key"), make), value(required(map, "data")), at);
            return true;
        }
        return false;
    }

    private void requiredName(ObjectKind kind, Json of, RuleBuilder make, SourcePos at) {
        if (!named(kind, of, make, at)) {
            throw of.at().fault("expected the name of a " + kind.label() + " object");
        }
    }

    /** {@code {"rate": 10, "per": "second", "burst": 5, "rate_unit": "kbytes", "inv": true}}. */
    static LimitRate limit(Json.Fields limit) {
        Json unit = limit.get("rate_unit");
        boolean bytes = unit != null && !text(unit).equals("packets");
        long rate = times(required(limit, "rate"), bytes && unit != null ? unit : null);
        String per = text(limit, "per");
        Long seconds = UNITS.get(per);
        if (seconds == null) {
            throw limit.at().fault("expected second, minute, hour, day or week");
        }
        if (rate == 0) {
            throw limit.at().fault("a rate is at least 1");
        }
        Json burstJson = limit.get("burst");
        Json burstUnit = limit.get("burst_unit");
        long burst =
                burstJson == null
                        ? bytes ? 0 : RateParser.DEFAULT_BURST
                        : times(burstJson, bytes ? burstUnit : null);
        if (burst > MAX_U32 || (!bytes && burst == 0)) {
            throw limit.at().fault("a burst lies between 1 and " + MAX_U32);
        }
        return new LimitRate(bytes, rate, seconds, burst, flag(limit, "inv"));
    }

    private static long times(Json number, @Nullable Json unit) {
        long value = integer(number);
        Long factor = unit == null ? Long.valueOf(1) : SIZES.get(text(unit));
        if (factor == null) {
            throw number.at().fault("expected bytes, kbytes or mbytes");
        }
        if (value > Long.MAX_VALUE / factor) {
            throw number.at().fault("number is too large");
        }
        return value * factor;
    }

    static QuotaSize quota(Json.Fields quota) {
        long bytes = times(required(quota, "val"), quota.get("val_unit"));
        Json used = quota.get("used");
        return new QuotaSize(
                bytes, used == null ? 0 : times(used, quota.get("used_unit")), flag(quota, "inv"));
    }

    private void log(Json of, RuleBuilder make, Span at) {
        StringBuilder options = new StringBuilder();
        String prefix = null;
        boolean level = false;
        boolean group = false;
        if (of instanceof Json.Fields log) {
            for (Json.Field option : log.list()) {
                String words =
                        switch (option.name()) {
                            case "prefix" -> {
                                prefix = text(option.value());
                                yield "prefix \"" + prefix + '"';
                            }
                            case "level" -> {
                                level = true;
                                yield "level " + text(option.value());
                            }
                            case "group" -> {
                                group = true;
                                yield "group " + integer(option.value());
                            }
                            case "snaplen", "queue-threshold" ->
                                    option.name() + " " + integer(option.value());
                            case "flags" -> flags(option.value());
                            default ->
                                    throw option.at()
                                            .fault("unknown option of log: " + option.name());
                        };
                options.append(options.isEmpty() ? "" : " ").append(words);
            }
        }
        make.log(options.toString(), prefix, level, group, at);
    }

    /** {@code ["tcp sequence", "tcp options", "ether"]} as nft writes them. */
    private static String flags(Json json) {
        List<String> words = new ArrayList<>();
        for (Json flag : JsonValues.list(json)) {
            String word = text(flag);
            String last = words.isEmpty() ? "" : words.getLast();
            if (word.startsWith("tcp ") && last.startsWith("flags tcp ")) {
                words.set(words.size() - 1, last + "," + word.substring(4));
            } else {
                words.add("flags " + word);
            }
        }
        return String.join(" ", words);
    }

    private void reject(Json of, RuleBuilder make, SourcePos at) {
        if (!(of instanceof Json.Fields reject) || reject.get("type") == null) {
            make.out.add(new Statement.Reject(RejectWith.DEFAULT, at));
            return;
        }
        String type = text(reject, "type");
        String conflict = null;
        DataType codes = DataType.ICMPX_CODE;
        RejectWith.Kind kind = RejectWith.Kind.ICMPX;
        switch (type) {
            case "tcp reset" -> {
                conflict = make.protocols.requireTransport(6, make.out, at);
                kind = RejectWith.Kind.TCP_RESET;
            }
            case "icmp" -> {
                conflict = make.protocols.requireNetwork(4, make.out, at);
                kind = RejectWith.Kind.ICMP;
                codes = DataType.ICMP_CODE;
            }
            case "icmpv6" -> {
                conflict = make.protocols.requireNetwork(6, make.out, at);
                kind = RejectWith.Kind.ICMPV6;
                codes = DataType.ICMPV6_CODE;
            }
            case "icmpx" -> {}
            default -> throw reject.at().fault("expected tcp reset, icmp, icmpv6 or icmpx");
        }
        if (conflict != null) {
            throw reject.at().fault(conflict);
        }
        Json code = reject.get("expr");
        int number = 0;
        if (kind != RejectWith.Kind.TCP_RESET) {
            if (code == null) {
                throw reject.at().fault("'expr' is missing");
            }
            number = (int) make.typing.range(value(code), codes).lowLow();
        }
        make.out.add(new Statement.Reject(new RejectWith(kind, number), at));
    }

    /** Read, never evaluated; shown as the JSON says it. */
    private void nat(Json.Field nat, RuleBuilder make, SourcePos at) {
        if (nat.value() instanceof Json.Fields of && of.get("family") instanceof Json.Text family) {
            String conflict =
                    make.protocols.requireNetwork(
                            family.text().equals("ip6") ? 6 : 4, make.out, at);
            if (conflict != null) {
                throw nat.at().fault(conflict);
            }
        }
        make.out.add(new Statement.Nat(nat.name(), at));
    }
}
