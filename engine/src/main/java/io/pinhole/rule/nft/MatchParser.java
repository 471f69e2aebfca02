package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads comparisons, verdict maps and assignments: whatever begins with a field. */
abstract class MatchParser extends FieldParser {
    MatchParser(TableState.TextRule pending, Map<String, ElementSet> sets, Budget budget) {
        super(pending, sets, budget);
    }

    void match() {
        Token start = in.peek();
        SourcePos at = start.at().pos();
        List<Expr> key = new ArrayList<>();
        if (start.is("(")) {
            key.add(expression());
        } else {
            Field field = settable();
            if (field == null) {
                return;
            }
            key.add(binary(make.load(field, start.at()), 0));
        }
        while (accept(".")) {
            key.add(expression());
        }
        Token token = in.peek();
        if (token.is("vmap")) {
            in.next();
            make.vmap(key, rightSet("vmap"), at);
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
        if (field == Field.CT_HELPER) {
            objectReference(ObjectKind.HELPER, at);
        } else if (field != Field.META_MARK && field != Field.CT_MARK) {
            throw set.at().fault("setting " + field.text() + " is " + NOT_EVALUATED);
        } else {
            make.assign(field, assigned(DataType.MARK), at.pos());
        }
        return null;
    }

    /** The right side of a comparison. */
    private void compare(List<Expr> key, SourcePos at) {
        String operator = operator();
        Token token = in.peek();
        if (ended()) {
            throw token.at().fault("expected a value to compare with, found " + token.found());
        }
        Raw right = value();
        if (key.size() == 1
                && key.getFirst().type().kind() == DataType.Kind.FLAGS
                && in.peek().is("/")) {
            in.next();
            make.masked(key.getFirst(), operator, right, value(), at);
            return;
        }
        make.compare(key, operator, right, at);
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

    // ---- assignments ----

    /** {@code 0x1}, {@code meta mark | 0x10}, {@code ct mark}, {@code tcp dport map { … }}. */
    private Expr assigned(DataType type) {
        Token token = in.peek();
        if (!startsField(token) && !bracketedField(token)) {
            return make.constant(value(), type);
        }
        List<Expr> key = concatenation();
        if (accept("map")) {
            return binary(make.lookup(key, rightSet("map"), type), 0);
        }
        if (key.size() != 1) {
            throw token.at().fault("expected 'map' after a concatenation");
        }
        return make.assignable(key.getFirst(), type, token.at());
    }

    /** {@code (meta mark …}, unlike {@code (1 | 2)}. */
    boolean bracketedField(Token open) {
        if (!open.is("(")) {
            return false;
        }
        Lexer ahead = new Lexer(in.mark());
        Token token = ahead.next();
        for (int depth = 0; depth <= MAX_DEPTH && token.is("("); depth++) {
            token = ahead.next();
        }
        return startsField(token);
    }

    void objectReference(ObjectKind kind, Span at) {
        Token token = in.peek();
        if (startsField(token)) {
            List<Expr> key = concatenation();
            expect("map", "before the objects to choose from");
            make.objectOf(kind, key, rightSet("map"), at.pos());
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
        make.object(kind, name, token.at(), at.pos());
    }

    boolean ended() {
        Token token = in.peek();
        return token.endsStatement() || token.is("}");
    }
}
