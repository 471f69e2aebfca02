package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Field;
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
        Raw.@Nullable Braces elements;
    }

    void declare(TableState table, boolean map, boolean command) {
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
        if (before != null && !before.keyTypes.equals(keyTypes)) {
            throw name.at().fault("'" + name.text() + "' exists with another type");
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
                                declared.size);
        if (declared.elements != null) {
            set.changes.add(new TableState.Change(true, false, declared.elements));
        }
        table.sets.put(name.text(), set);
        if (declared.flags.contains("constant") && declared.elements == null) {
            errors.add(name.at(), "a constant set needs its elements here");
        }
    }

    private void item(Declared out, Token first, boolean map) {
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
            case "gc-interval" -> at.in.next();
            case "comment" -> at.string("a comment");
            case "elements" -> {
                at.expect("=", "after 'elements'");
                Token start = at.in.peek();
                Raw raw = start.is("$") ? at.variable() : at.braces();
                if (!(raw instanceof Raw.Braces braces)) {
                    throw start.at().fault("expected elements between braces");
                }
                out.elements = braces;
            }
            case "timeout", "counter", "quota", "limit", "ct", "last" ->
                    throw first.at()
                            .fault(
                                    "'"
                                            + first.text()
                                            + "' of a set is "
                                            + ValueParser.NOT_EVALUATED);
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
                                                            "auto-merge",
                                                            "policy")));
        }
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
            throw first.at()
                    .fault(
                            "expected a field such as 'ip saddr', found '"
                                    + SourceText.printable(name)
                                    + "'");
        }
        return field.type();
    }
}
