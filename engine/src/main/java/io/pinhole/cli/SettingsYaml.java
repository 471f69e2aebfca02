package io.pinhole.cli;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlVersionException;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.dataformat.yaml.YAMLFactory;
import tools.jackson.dataformat.yaml.YAMLParser;

/**
 * YAML text in, a small tree with line numbers out. Knows nothing of settings.
 *
 * <p>Scalars stay text: what {@code off}, {@code 010} or {@code 20} stands for is up to the
 * setting, not to a YAML version. Aliases, tags and several documents have no use in settings and
 * are refused, so that the tree is never larger than the file.
 *
 * <p>The only user of the YAML library, so that a run without a settings file does not load it.
 */
final class SettingsYaml {
    /** Settings need four: {@code helpers}, a name, a key, a list. */
    private static final int MAX_DEPTH = 8;

    private static final int MAX_NODES = 50_000;

    /** Null as YAML 1.2 section 10.3.2 spells it; the library takes JSON's spelling only. */
    private static final Pattern NONE = Pattern.compile("~|null|Null|NULL");

    /** Part of the tree; lines and columns count from 1. */
    sealed interface Node {
        int line();

        int column();

        /** A scalar; {@code text} is empty if there is none, {@code null} counts as none. */
        record Text(String text, int line, int column) implements Node {}

        record Items(List<Node> items, int line, int column) implements Node {}

        /** A mapping; names may be there twice. */
        record Fields(List<Field> fields, int line, int column) implements Node {}

        record Field(String name, int line, int column, Node value) {}
    }

    /** The text is not YAML, or more of YAML than settings need. */
    static final class SyntaxException extends Exception {
        private static final long serialVersionUID = 1;
        private final int line;
        private final int column;

        SyntaxException(int line, int column, String message) {
            super(message);
            this.line = line;
            this.column = column;
        }

        int line() {
            return line;
        }

        int column() {
            return column;
        }
    }

    private final YAMLParser parser;
    private int nodes;

    private SettingsYaml(YAMLParser parser) {
        this.parser = parser;
    }

    /** The document in {@code text}, or null if there is none. */
    static @Nullable Node read(String text) throws SyntaxException {
        refuseControls(text);
        try (YAMLParser parser =
                (YAMLParser)
                        new YAMLFactory()
                                .createParser(ObjectReadContext.empty(), new StringReader(text))) {
            JsonToken first = parser.nextToken();
            if (first == null) return null;
            SettingsYaml yaml = new SettingsYaml(parser);
            Node root = yaml.node(first, 1);
            if (parser.nextToken() != null) {
                throw yaml.syntax("a second document; one file holds one");
            }
            return root;
        } catch (JacksonException e) {
            throw translated(e);
        }
    }

    private Node node(JsonToken token, int depth) throws SyntaxException {
        TokenStreamLocation at = parser.currentTokenLocation();
        if (depth > MAX_DEPTH) throw syntax("nested more than " + MAX_DEPTH + " deep");
        if (++nodes > MAX_NODES) throw syntax("more than " + MAX_NODES + " values");
        if (parser.isCurrentAlias()) throw syntax("an alias (*); write the value itself");
        if (parser.getRawTag() != null) throw syntax("a tag (!); write the value alone");
        return switch (token) {
            case START_OBJECT -> new Node.Fields(fields(depth), at.getLineNr(), at.getColumnNr());
            case START_ARRAY -> new Node.Items(items(depth), at.getLineNr(), at.getColumnNr());
            case VALUE_NULL -> new Node.Text("", at.getLineNr(), at.getColumnNr());
            default ->
                    new Node.Text(
                            NONE.matcher(parser.getString()).matches() ? "" : parser.getString(),
                            at.getLineNr(),
                            at.getColumnNr());
        };
    }

    private List<Node.Field> fields(int depth) throws SyntaxException {
        List<Node.Field> fields = new ArrayList<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            TokenStreamLocation at = parser.currentTokenLocation();
            String name = parser.currentName();
            Node value = node(parser.nextToken(), depth + 1);
            fields.add(new Node.Field(name, at.getLineNr(), at.getColumnNr(), value));
        }
        return fields;
    }

    private List<Node> items(int depth) throws SyntaxException {
        List<Node> items = new ArrayList<>();
        for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
            items.add(node(t, depth + 1));
        }
        return items;
    }

    private SyntaxException syntax(String found) {
        TokenStreamLocation at = parser.currentTokenLocation();
        return new SyntaxException(at.getLineNr(), at.getColumnNr(), found);
    }

    /** Said here with line and column; the library knows only an offset. */
    private static void refuseControls(String text) throws SyntaxException {
        int line = 1;
        int lineStart = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                line++;
                lineStart = i + 1;
            } else if (c != '\t' && c != '\r' && c != 0x85 && Character.isISOControl(c)
                    || c >= 0xfffe) {
                throw new SyntaxException(
                        line,
                        i - lineStart + 1,
                        String.format("the character U+%04X, which YAML does not allow", (int) c));
            }
        }
    }

    /** The library's message without the lines that quote the text and count from elsewhere. */
    private static SyntaxException translated(JacksonException e) {
        if (e.getCause() instanceof MarkedYamlEngineException marked) {
            Optional<Mark> mark = marked.getProblemMark();
            if (mark.isPresent()) {
                return new SyntaxException(
                        mark.get().getLine() + 1,
                        mark.get().getColumn() + 1,
                        "not YAML: " + firstLine(marked.getProblem()));
            }
        }
        String message = firstLine(e.getOriginalMessage());
        if (e.getCause() instanceof YamlVersionException) message = "it says it is not YAML 1.2";
        if (message.startsWith("Expected a property name")) message = "a key must be a plain word";
        TokenStreamLocation at = e.getLocation();
        return new SyntaxException(
                at == null ? 1 : at.getLineNr(),
                at == null ? 1 : at.getColumnNr(),
                "not YAML for settings: " + message);
    }

    private static String firstLine(@Nullable String message) {
        return message == null || message.isBlank()
                ? "cannot be read"
                : SettingsText.visible(message.strip().lines().findFirst().orElse(""));
    }
}
