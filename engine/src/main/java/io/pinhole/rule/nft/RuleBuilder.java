package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Elements;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Family;
import io.pinhole.rule.Field;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.ProtocolContext;
import io.pinhole.rule.Range;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The statements of one rule, made from fields, operators and values; the same whether text or JSON
 * says them.
 */
final class RuleBuilder {
    final Family family;
    final Typing typing;
    final ProtocolContext protocols;
    final List<Statement> out = new ArrayList<>();
    private final List<NamedObject> objects;
    private final Map<String, ElementSet> sets;

    RuleBuilder(TableState table, Map<String, ElementSet> sets, ValueParser.Budget budget) {
        family = table.family;
        objects = table.objects;
        this.sets = sets;
        typing = new Typing(budget);
        protocols = new ProtocolContext(family);
    }

    /** A field of the packet, behind what must hold before it may be read. */
    Expr load(Field field, Span at) {
        String conflict = protocols.require(field, out, at.pos());
        if (conflict != null) {
            throw at.fault(conflict);
        }
        return new Expr.Load(field);
    }

    /** {@code left operator right}, for a constant on the right. */
    Expr combine(Expr left, Expr.Operator operator, Raw right, Span at) {
        DataType type = left.type();
        if (type.kind() == DataType.Kind.NAME) {
            throw at.fault("no bits to combine in an " + type.text());
        }
        boolean shift =
                operator == Expr.Operator.SHIFT_LEFT || operator == Expr.Operator.SHIFT_RIGHT;
        if (type.bits() > 64 && operator != Expr.Operator.AND) {
            throw at.fault("only '&' of an " + type.text() + " is evaluated by Pinhole");
        }
        DataType of = shift ? DataType.INTEGER_8 : type;
        Range value = typing.range(right, of);
        if (!value.isSingle()) {
            throw right.at().fault("expected one value, found a range");
        }
        return new Expr.Binary(
                operator, left, new Expr.Constant(of, value.lowHigh(), value.lowLow()));
    }

    // ---- comparisons ----

    /**
     * {@code key operator right}.
     *
     * @param operator empty where none is written
     */
    void compare(List<Expr> key, String operator, Raw right, SourcePos at) {
        boolean negated = operator.equals("!=") || operator.equals("!");
        if (right instanceof Raw.Braces || right instanceof Raw.Named) {
            if (!operator.isEmpty() && !operator.equals("==") && !operator.equals("!=")) {
                throw right.at().fault("a set compares with == or !=, not with " + operator);
            }
            ElementSet set =
                    set(right, types(key), ElementSet.Holds.NOTHING, List.of(), key, "match");
            out.add(new Statement.InSet(key, set, negated, false, at));
            if (!negated && key.size() == 1 && key.getFirst() instanceof Expr.Load(Field field)) {
                protocols.learn(field, set);
            }
            return;
        }
        if (key.size() > 1) {
            throw right.at()
                    .fault("a concatenation compares with a set: put the value between braces");
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
            case "!" -> throw right.at().fault("'!' is for flags; write '!='");
            default -> ordered(left, range, operator, right.at(), at);
        }
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
     * and {@code == new} compare the whole.
     */
    private void flags(Expr left, Raw right, String operator, SourcePos at) {
        if (right instanceof Raw.Between) {
            throw right.at().fault("flags have no range");
        }
        long bits = typing.range(right, left.type()).lowLow();
        boolean negated = operator.equals("!=");
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
                out.add(new Statement.AnyBit(left, bits, true, at));
            }
            case "==", "!=" ->
                    out.add(new Statement.InRange(left, Range.of(bits), negated, false, at));
            default -> ordered(left, Range.of(bits), operator, right.at(), at);
        }
    }

    /** {@code tcp flags syn / syn,ack}: compares under a mask. */
    void masked(Expr left, String operator, Raw right, Raw mask, SourcePos at) {
        if (!operator.isEmpty() && !operator.equals("==") && !operator.equals("!=")) {
            throw right.at().fault("a mask compares with == or !=");
        }
        DataType type = left.type();
        long bits = typing.range(right, type).lowLow();
        long under = typing.range(mask, type).lowLow();
        Expr masked = new Expr.Binary(Expr.Operator.AND, left, new Expr.Constant(type, 0, under));
        out.add(new Statement.InRange(masked, Range.of(bits), operator.equals("!="), false, at));
    }

    void vmap(List<Expr> key, Raw map, SourcePos at) {
        ElementSet of = set(map, types(key), ElementSet.Holds.VERDICT, List.of(), key, "vmap");
        out.add(new Statement.VerdictMap(key, of, at));
    }

    /** {@code key map { … }}, for a value of the type. */
    Expr lookup(List<Expr> key, Raw map, DataType type) {
        ElementSet of = set(map, types(key), ElementSet.Holds.VALUE, List.of(type), key, "map");
        return new Expr.Lookup(key, of);
    }

    // ---- assignments ----

    Expr constant(Raw raw, DataType type) {
        Range value = typing.range(raw, type);
        if (!value.isSingle()) {
            throw raw.at().fault("expected one value");
        }
        return new Expr.Constant(type, value.lowHigh(), value.lowLow());
    }

    /** Refuses to assign a port to a mark and the like; numbers fit if they are not wider. */
    Expr assignable(Expr value, DataType type, Span at) {
        DataType given = value.type();
        boolean number =
                given == type
                        || given.label().equals("integer")
                        || given == DataType.DSCP
                        || given == DataType.ECN;
        if (!number || given.bits() > type.bits()) {
            throw at.fault(
                    "expected "
                            + Typing.article(type.text())
                            + ", found "
                            + Typing.article(given.text()));
        }
        return value;
    }

    /** {@code … set value} of the fields that can be set; false for all others. */
    boolean assign(Field field, Expr value, SourcePos at) {
        switch (field) {
            case META_MARK -> out.add(new Statement.SetMark(value, at));
            case CT_MARK -> out.add(new Statement.SetCtMark(value, at));
            default -> {
                return false;
            }
        }
        return true;
    }

    // ---- objects ----

    /** {@code counter name "x"}, {@code ct helper set "x"} and their kin. */
    void object(ObjectKind kind, String name, Span nameAt, SourcePos at) {
        boolean exists = false;
        Set<String> known = new HashSet<>();
        for (NamedObject object : objects) {
            if (object.kind() == kind) {
                known.add(object.name());
                exists |= object.name().equals(name);
            }
        }
        if (!exists) {
            throw nameAt.fault(
                    "no "
                            + kind.label()
                            + " object '"
                            + SourceText.printable(name)
                            + "' in this table"
                            + Words.hint(name, known));
        }
        out.add(new Statement.UseObject(kind, name, null, at));
    }

    /** {@code counter name tcp dport map { 21 : "x" }}. */
    void objectOf(ObjectKind kind, List<Expr> key, Raw map, SourcePos at) {
        ElementSet of = set(map, types(key), ElementSet.Holds.OBJECT, List.of(), key, "map");
        out.add(new Statement.UseObject(kind, null, new Statement.ObjectMap(key, of), at));
    }

    // ---- sets that rules write to ----

    void write(
            Statement.UpdateSet.Operation operation,
            List<Expr> key,
            String name,
            Span nameAt,
            Element.@Nullable Life life,
            SourcePos at) {
        ElementSet set =
                named(name, nameAt, types(key), ElementSet.Holds.NOTHING, List.of(), "add");
        if (set.holds() != ElementSet.Holds.NOTHING) {
            throw nameAt.fault("writing to a map is " + ValueParser.NOT_EVALUATED);
        }
        ElementSet.Living living = set.living();
        if (living == null) {
            // What is wrong with the set has been said where it is declared.
            throw nameAt.fault("rules cannot write to the set '" + name + "'");
        }
        write(operation, key, set, living, life, nameAt, at);
    }

    /** A set of its own, made by the rule that writes to it. */
    void meter(
            List<Expr> key,
            String name,
            Span nameAt,
            long size,
            Element.@Nullable Life life,
            SourcePos at) {
        if (sets.containsKey(name)) {
            throw nameAt.fault("set or meter '" + name + "' exists");
        }
        if (life == null || life.statements().isEmpty()) {
            throw nameAt.fault("a meter needs a statement such as 'limit rate 10/second'");
        }
        boolean timed = life.timeoutMillis() > 0;
        ElementSet.Living living = new ElementSet.Living(true, timed, 0, size, List.of());
        ElementSet set =
                new ElementSet(
                        name,
                        types(key),
                        ElementSet.Holds.NOTHING,
                        null,
                        List.of(),
                        nameAt.pos(),
                        living);
        // Later rules may look it up.
        sets.put(name, set);
        Statement.UpdateSet.Operation operation =
                timed ? Statement.UpdateSet.Operation.UPDATE : Statement.UpdateSet.Operation.ADD;
        write(operation, key, set, living, life, nameAt, at);
    }

    private void write(
            Statement.UpdateSet.Operation operation,
            List<Expr> key,
            ElementSet set,
            ElementSet.Living living,
            Element.@Nullable Life life,
            Span nameAt,
            SourcePos at) {
        long timeout = life == null ? 0 : Math.max(0, life.timeoutMillis());
        List<Statement> statements = life == null ? List.of() : life.statements();
        if (life != null && life.expiresMillis() >= 0) {
            throw nameAt.fault("'expires' in a rule is " + ValueParser.NOT_EVALUATED);
        }
        if (timeout != 0 && !living.timed()) {
            throw nameAt.fault("a timeout needs 'flags timeout' in the set's declaration");
        }
        boolean counts =
                statements.stream().anyMatch(s -> s instanceof Statement.ConnLimit)
                        || living.statements().stream()
                                .anyMatch(s -> s instanceof Statement.ConnLimit);
        if (counts && living.timed()) {
            throw nameAt.fault("'ct count' does not go with a set that has timeouts");
        }
        if (!statements.isEmpty()
                && !living.statements().isEmpty()
                && !kinds(statements).equals(kinds(living.statements()))) {
            throw nameAt.fault("the set has other statements than the rule");
        }
        out.add(new Statement.UpdateSet(operation, key, set, timeout, statements, at));
    }

    private static List<Class<?>> kinds(List<Statement> statements) {
        return statements.stream().<Class<?>>map(Object::getClass).toList();
    }

    // ---- sets ----

    private ElementSet set(
            Raw raw,
            List<DataType> types,
            ElementSet.Holds holds,
            List<DataType> dataTypes,
            List<Expr> key,
            String what) {
        if (raw instanceof Raw.Named(String name, Span at)) {
            return named(name, at, types, holds, dataTypes, what);
        }
        if (!(raw instanceof Raw.Braces braces)) {
            throw raw.at().fault("expected '{' or '@' after '" + what + "'");
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
        if (set.elements() instanceof Elements columns && columns.hasLives()) {
            throw braces.at()
                    .fault(
                            "a timeout or statement of an element in a rule is "
                                    + ValueParser.NOT_EVALUATED);
        }
        if (key.isEmpty()) {
            throw braces.at().fault("nothing to look up");
        }
        Typing.overlaps(set, true, braces.at());
        return set;
    }

    private ElementSet named(
            String name,
            Span at,
            List<DataType> types,
            ElementSet.Holds holds,
            List<DataType> dataTypes,
            String what) {
        ElementSet set = sets.get(name);
        if (set == null) {
            throw at.fault(
                    "no set or map '" + name + "' in this table" + Words.hint(name, sets.keySet()));
        }
        // A map's keys are a set to who does not ask what they give.
        if (set.holds() != holds && holds != ElementSet.Holds.NOTHING) {
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
        if (data != null && !dataTypes.isEmpty() && data.bits() != dataTypes.getFirst().bits()) {
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

    private static List<DataType> types(List<Expr> key) {
        return key.stream().map(Expr::type).toList();
    }

    /** What the kernel keeps of a log prefix, NF_LOG_PREFIXLEN less its zero. */
    private static final int MAX_PREFIX = 127;

    /** {@code log …}; the options do not change a verdict, but wrong ones are refused. */
    void log(String options, @Nullable String prefix, boolean level, boolean group, Span at) {
        if (prefix != null && prefix.length() > MAX_PREFIX) {
            throw at.fault("a log prefix has at most " + MAX_PREFIX + " characters");
        }
        if (level && group) {
            throw at.fault("a log has a level (kernel log) or a group (nflog), not both");
        }
        out.add(new Statement.Log(options, at.pos()));
    }
}
