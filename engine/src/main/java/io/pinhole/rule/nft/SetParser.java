package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Elements;
import io.pinhole.rule.Field;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads {@code set NAME { … }} and {@code map NAME { … }}. */
final class SetParser {
    private final ValueParser at;
    private final Errors errors;

    SetParser(ValueParser at, Errors errors) {
        this.at = at;
        this.errors = errors;
    }

    /** What a declaration said so far. */
    private static final class Declared {
        @Nullable List<DataType> keyTypes;
        List<DataType> dataTypes = List.of();
        ElementSet.Holds holds = ElementSet.Holds.NOTHING;
        final Set<String> flags = new HashSet<>();
        boolean autoMerge;
        @Nullable Long size;
        long timeoutMillis;
        final List<Statement> statements = new ArrayList<>();
        Raw.@Nullable Braces untyped;
        @Nullable List<Element> elements;
        @Nullable Span elementsAt;
    }

    /**
     * @param mustBeNew true for {@code create}
     */
    void declare(TableState table, boolean map, boolean mustBeNew) {
        Token name = at.name(map ? "a map" : "a set");
        at.expect("{", "before the type of a " + (map ? "map" : "set"));
        Declared declared = new Declared();
        while (!at.in.peek().is("}")) {
            Token first = at.in.peek();
            if (first.kind() == Token.Kind.SEPARATOR) {
                at.in.next();
                continue;
            }
            if (first.kind() == Token.Kind.END) {
                throw first.at().fault("expected '}' at the end of the " + (map ? "map" : "set"));
            }
            item(declared, first, map);
            Token end = at.in.peek();
            if (!end.endsStatement() && !end.is("}")) {
                throw end.at().fault("expected ';' or the end of the line, found " + end.found());
            }
        }
        at.in.next();
        List<DataType> keyTypes = declared.keyTypes;
        if (keyTypes == null) {
            throw name.at().fault((map ? "map" : "set") + " '" + name.text() + "' has no type");
        }
        TableState.SetState before = table.sets.get(name.text());
        if (before != null
                && (mustBeNew
                        || !before.keyTypes.equals(keyTypes)
                        || before.holds != declared.holds
                        || !before.dataTypes.equals(declared.dataTypes)
                        || !before.flags.equals(declared.flags))) {
            throw name.at()
                    .fault(
                            "'"
                                    + name.text()
                                    + "' exists"
                                    + (mustBeNew ? "" : " with another type or other flags"));
        }
        TableState.SetState set =
                before != null
                        ? before
                        : new TableState.SetState(
                                name.text(),
                                name.at(),
                                keyTypes,
                                declared.holds,
                                declared.dataTypes,
                                declared.flags,
                                declared.autoMerge,
                                declared.size,
                                declared.timeoutMillis,
                                declared.statements);
        Span elementsAt = declared.elementsAt;
        if (elementsAt != null) {
            List<Element> elements = declared.elements;
            Raw.Braces untyped = declared.untyped;
            if (untyped != null) {
                elements =
                        new Typing(at.budget).elements(untyped, keyTypes, set.holds, set.dataTypes);
            }
            set.changes.add(new TableState.Change(true, false, elements, elementsAt));
        }
        table.sets.put(name.text(), set);
    }

    private void item(Declared out, Token first, boolean map) {
        Statement statement = new StateParser(at).statement();
        if (statement != null) {
            if (map) {
                throw first.at()
                        .fault("'" + first.text() + "' of a map is " + ValueParser.NOT_EVALUATED);
            }
            out.statements.add(statement);
            return;
        }
        at.in.next();
        switch (first.text()) {
            case "type", "typeof" -> types(out, first.is("typeof"), map, first.at());
            case "flags" -> {
                do {
                    Token flag = at.in.next();
                    if (!Set.of("interval", "constant", "timeout", "dynamic")
                            .contains(flag.text())) {
                        throw flag.at()
                                .fault(
                                        "expected interval, constant, timeout or dynamic, found "
                                                + flag.found());
                    }
                    out.flags.add(flag.text());
                } while (at.accept(","));
            }
            case "auto-merge" -> out.autoMerge = true;
            case "size" -> out.size = at.number("a size", 0xffff_ffffL);
            case "policy" -> {
                Token policy = at.in.next();
                if (!policy.is("performance") && !policy.is("memory")) {
                    throw policy.at()
                            .fault("expected performance or memory, found " + policy.found());
                }
            }
            case "gc-interval" -> new StateParser(at).time();
            case "comment" -> at.string("a comment");
            case "elements" -> {
                at.expect("=", "after 'elements'");
                out.elementsAt = at.in.peek().at();
                if (out.keyTypes == null) {
                    out.untyped = braces();
                } else {
                    out.elements = elements(out.keyTypes, out.holds, out.dataTypes);
                }
            }
            case "timeout" -> out.timeoutMillis = new StateParser(at).time();
            default ->
                    throw first.at()
                            .fault(
                                    "expected type, flags, elements, size or comment, found "
                                            + first.found()
                                            + Words.hint(
                                                    first.text(),
                                                    Set.of(
                                                            "type",
                                                            "typeof",
                                                            "flags",
                                                            "elements",
                                                            "size",
                                                            "comment",
                                                            "timeout",
                                                            "auto-merge",
                                                            "policy")));
        }
    }

    private Raw.Braces braces() {
        Token start = at.in.peek();
        Raw raw = start.is("$") ? at.variable() : at.braces();
        if (!(raw instanceof Raw.Braces braces)) {
            throw start.at().fault("expected elements between braces");
        }
        return braces;
    }

    /** {@code { a, b : c }}, each turned into its final form as it is read. */
    List<Element> elements(
            List<DataType> keyTypes, ElementSet.Holds holds, List<DataType> dataTypes) {
        Typing typing = new Typing(at.budget);
        if (at.in.peek().is("$")) {
            return typing.elements(braces(), keyTypes, holds, dataTypes);
        }
        Elements.Builder out = new Elements.Builder(keyTypes.size());
        at.items(
                item -> {
                    try {
                        typing.add(item, keyTypes, holds, dataTypes, out, 0);
                    } catch (Fault fault) {
                        errors.add(fault);
                        if (errors.isFull()) {
                            throw fault;
                        }
                    }
                });
        return out.build();
    }

    private void types(Declared out, boolean typeof, boolean map, Span start) {
        out.keyTypes = concatenation(typeof);
        if (!map) {
            if (at.in.peek().is(":")) {
                throw at.in.peek().at().fault("a set gives nothing; write 'map'");
            }
            return;
        }
        if (!at.accept(":")) {
            throw start.fault("a map's type is 'KEY : DATA'");
        }
        Token data = at.in.peek();
        switch (data.text()) {
            case "verdict" -> {
                at.in.next();
                out.holds = ElementSet.Holds.VERDICT;
            }
            case "counter", "quota", "limit" -> {
                at.in.next();
                out.holds = ElementSet.Holds.OBJECT;
            }
            case "interval", "secmark", "synproxy" ->
                    throw data.at()
                            .fault(
                                    "maps of '"
                                            + data.text()
                                            + "' are "
                                            + ValueParser.NOT_EVALUATED);
            default -> {
                out.holds = ElementSet.Holds.VALUE;
                out.dataTypes = concatenation(typeof);
                if (out.dataTypes.size() != 1) {
                    throw data.at()
                            .fault("maps to concatenations are " + ValueParser.NOT_EVALUATED);
                }
            }
        }
    }

    private List<DataType> concatenation(boolean typeof) {
        List<DataType> out = new ArrayList<>();
        do {
            out.add(typeof ? fieldType() : namedType());
            if (out.size() > 16) {
                throw at.in.peek().at().fault("a concatenation has at most 16 parts");
            }
        } while (at.accept("."));
        return out;
    }

    private DataType namedType() {
        Token token = at.in.next();
        DataType type = token.kind() == Token.Kind.WORD ? DataType.named(token.text()) : null;
        if (type == null) {
            List<String> known = new ArrayList<>();
            for (DataType t : DataType.values()) {
                if (!t.label().equals("integer")) {
                    known.add(t.label());
                }
            }
            throw token.at()
                    .fault(
                            "expected a type such as ipv4_addr, found "
                                    + token.found()
                                    + Words.hint(token.text(), known));
        }
        return type;
    }

    /** {@code typeof ip saddr}: the words of a field. */
    private DataType fieldType() {
        Token first = at.in.peek();
        StringBuilder text = new StringBuilder();
        while (at.in.peek().kind() == Token.Kind.WORD && text.length() < 64) {
            text.append(text.isEmpty() ? "" : " ").append(at.in.next().text());
        }
        String name = text.toString();
        Field field = Field.named(name);
        if (field == null) {
            field = Field.named("meta " + name);
        }
        if (field == null) {
            if (FieldParser.isForeign(first.text())) {
                throw first.at().fault("'" + name + "' is " + ValueParser.NOT_EVALUATED);
            }
            throw first.at()
                    .fault(
                            "expected a field such as 'ip saddr', found '"
                                    + SourceText.printable(name)
                                    + "'");
        }
        return field.type();
    }
}
