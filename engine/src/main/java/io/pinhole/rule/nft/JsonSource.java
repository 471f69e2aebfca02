package io.pinhole.rule.nft;

import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/**
 * JSON text, read piece by piece. The only user of the JSON library; what it finds wrong becomes a
 * {@link Fault} with its place.
 */
final class JsonSource {
    /** nft's deepest: rule, expression, map, set, element, concatenation, prefix. */
    private static final int MAX_DEPTH = 64;

    private static final int MAX_STRING = 4096;

    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNestingDepth(MAX_DEPTH)
                                    .maxStringLength(MAX_STRING)
                                    .maxNameLength(MAX_STRING)
                                    .maxNumberLength(MAX_STRING)
                                    .build())
                    .build();

    private final SourceText source;
    private final ValueParser.Budget budget;
    private final JsonParser parser;

    JsonSource(SourceText source, ValueParser.Budget budget) {
        this.source = source;
        this.budget = budget;
        parser = FACTORY.createParser(ObjectReadContext.empty(), source.text);
    }

    /** The next token's kind; null at the end of the text. */
    @org.jspecify.annotations.Nullable
    JsonToken next() {
        try {
            return parser.nextToken();
        } catch (JacksonException e) {
            throw fault(e);
        }
    }

    /** The place of the token read last. */
    Span at() {
        TokenStreamLocation where = parser.currentTokenLocation();
        int width =
                switch (parser.currentToken()) {
                    case VALUE_STRING, PROPERTY_NAME -> text().length() + 2;
                    case null, default -> 1;
                };
        return span(where, width);
    }

    private Span span(TokenStreamLocation where, int width) {
        int offset = Math.clamp(where.getCharOffset(), 0, source.text.length());
        return new Span(
                source,
                offset,
                Math.max(1, where.getLineNr()),
                Math.max(1, where.getColumnNr()),
                width);
    }

    /** The text of a string or name. */
    String text() {
        try {
            return parser.getString();
        } catch (JacksonException e) {
            throw fault(e);
        }
    }

    /** Expects a token of this kind next. */
    void expect(JsonToken kind, String what) {
        if (next() != kind) {
            throw at().fault("expected " + what);
        }
    }

    /** Skips the value that begins with the token read last. */
    void skip() {
        try {
            parser.skipChildren();
        } catch (JacksonException e) {
            throw fault(e);
        }
    }

    /** The tree of the value that begins with the token read last. */
    Json tree() {
        Span at = at();
        budget.spend(at);
        JsonToken token = parser.currentToken();
        return switch (token) {
            case START_OBJECT -> {
                List<Json.Field> fields = new ArrayList<>();
                while (next() != JsonToken.END_OBJECT) {
                    budget.keep(at);
                    Span name = at();
                    String text = text();
                    next();
                    fields.add(new Json.Field(text, tree(), name));
                }
                yield new Json.Fields(fields, at);
            }
            case START_ARRAY -> {
                List<Json> items = new ArrayList<>();
                while (next() != JsonToken.END_ARRAY) {
                    budget.keep(at);
                    items.add(tree());
                }
                yield new Json.Items(items, at);
            }
            case VALUE_STRING -> new Json.Text(text(), at);
            case VALUE_NUMBER_INT -> {
                try {
                    yield new Json.Int(parser.getLongValue(), at);
                } catch (JacksonException e) {
                    throw at.fault("number is too large");
                }
            }
            case VALUE_NULL, VALUE_TRUE, VALUE_FALSE -> new Json.Word(text(), at);
            case VALUE_NUMBER_FLOAT -> throw at.fault("expected a whole number");
            case null -> throw at.fault("expected a value, found the end of the file");
            default -> throw at.fault("expected a value");
        };
    }

    private Fault fault(JacksonException e) {
        TokenStreamLocation where = e.getLocation();
        String why = String.valueOf(e.getOriginalMessage());
        int line = why.indexOf('\n');
        String first = SourceText.printable(line < 0 ? why : why.substring(0, line));
        Span at = where == null ? new Span(source, 0, 1, 1, 1) : span(where, 1);
        return at.fault("not JSON: " + (first.length() > 200 ? first.substring(0, 200) : first));
    }
}
