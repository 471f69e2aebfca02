package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.Range;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads comparisons, verdict maps and assignments: whatever begins with a field. */
abstract class MatchParser extends FieldParser {
    MatchParser(TableState.PendingRule pending, Map<String, ElementSet> sets, Budget budget) {
        super(pending, sets, budget);
    }

    void match() {
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
    @Nullable Field settable() {
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

    /** The right side of a comparison. */
    void compare(List<Expr> key, SourcePos at) {
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

    String operator() {
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

    void ordered(Expr left, Range range, String operator, Span value, SourcePos at) {
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
    void flags(Expr left, Raw right, String operator, SourcePos at) {
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
    void concatenation(List<Expr> key, Raw right, String operator, SourcePos at) {
        if (!operator.isEmpty() && !operator.equals("==") && !operator.equals("!=")) {
            throw right.at().fault("a concatenation compares with == or !=");
        }
        Raw.Braces one = new Raw.Braces(List.of(new Raw.Item(right, null)), right.at());
        ElementSet set = set(one, types(key), ElementSet.Holds.NOTHING, List.of(), key, "match");
        out.add(new Statement.InSet(key, set, operator.equals("!="), false, at));
    }

    // ---- assignments ----

    /** {@code 0x1}, {@code meta mark | 0x10}, {@code ct mark}, {@code tcp dport map { … }}. */
    Expr assigned(DataType type) {
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

    void objectReference(ObjectKind kind, Span at) {
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

    boolean ended() {
        Token token = in.peek();
        return token.endsStatement() || token.is("}");
    }
}
