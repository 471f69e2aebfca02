package io.pinhole.rule.nft;

import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Walks the statements of a file and of the files it includes: ends of statements, blocks, defines,
 * and how reading goes on behind an error.
 */
abstract class FileWalker {
    final Errors errors = new Errors();
    final ValueParser.Budget budget = new ValueParser.Budget();
    private final IncludeResolver includes;
    private final Map<String, Raw> overrides = new HashMap<>();
    private final Map<String, Span> overridesAt = new TreeMap<>();
    private final Set<String> overridden = new HashSet<>();
    private final List<String> openFiles = new ArrayList<>();
    private final Map<String, SourceText> sources = new HashMap<>();
    Scope scope = new Scope(null);
    ValueParser at;
    private int files;
    private long characters;

    FileWalker(String name, String text, Map<String, String> defines, IncludeResolver includes) {
        this.includes = includes;
        SourceText source = new SourceText(name, text);
        sources.put(name, source);
        at = new ValueParser(new Lexer(source), scope.now(), budget);
        openFiles.add(name);
        characters = text.length();
        for (Map.Entry<String, String> define : defines.entrySet()) {
            override(define.getKey(), define.getValue());
        }
    }

    /** Reads the value of {@code -D NAME=VALUE} as a define's would be. */
    private void override(String name, String value) {
        SourceText source = new SourceText("-D " + name, value);
        Lexer lexer = new Lexer(source);
        Span whole = new Span(source, 0, 1, 1, Math.max(1, value.length()));
        overridesAt.put(name, whole);
        try {
            Raw raw = new ValueParser(lexer, scope.now(), budget).value();
            Token end = lexer.next();
            if (end.kind() != Token.Kind.END) {
                throw end.at().fault("expected one value, found " + end.found() + " after it");
            }
            overrides.put(name, raw);
            scope.bind(name, raw);
        } catch (Fault fault) {
            errors.add(fault);
        }
    }

    /** Says which {@code -D} had nothing to replace; call when everything was read. */
    void checkOverrides() {
        for (Map.Entry<String, Span> define : overridesAt.entrySet()) {
            if (!overridden.contains(define.getKey()) && !budget.used.contains(define.getKey())) {
                errors.add(
                        define.getValue(),
                        "the rule set has no define of this name"
                                + Words.hint(define.getKey(), Scope.names(scope.now())));
            }
        }
    }

    /** Finds the text of a place that the model remembers. */
    Span locate(io.pinhole.rule.SourcePos pos) {
        SourceText source = sources.get(pos.file());
        if (source == null) {
            source = new SourceText(pos.file(), "");
        }
        int lineStart = 0;
        for (int line = 1; line < pos.line(); line++) {
            int next = source.text.indexOf('\n', lineStart);
            if (next < 0) {
                break;
            }
            lineStart = next + 1;
        }
        int start = lineStart + pos.column() - 1;
        int width = 1;
        try {
            Lexer lexer = new Lexer(new Lexer.Mark(source, start, pos.line(), lineStart));
            width = lexer.next().at().width();
        } catch (Fault fault) {
            // The width is only how many carets are drawn.
            width = 1;
        }
        return new Span(source, start, pos.line(), pos.column(), width);
    }

    /** Runs something for each statement until the end of the file or, in a block, its brace. */
    interface Item {
        void read(Token first);
    }

    void items(boolean block, Item item) {
        int depth = at.in.depth();
        while (true) {
            Token token;
            try {
                token = at.in.peek();
            } catch (Fault fault) {
                errors.add(fault);
                recover(depth);
                continue;
            }
            if (token.kind() == Token.Kind.END || (block && token.is("}")) || errors.isFull()) {
                return;
            }
            if (token.kind() == Token.Kind.SEPARATOR) {
                at.in.next();
                continue;
            }
            at.view = scope.now();
            try {
                switch (token.text()) {
                    case "include" -> {
                        include(item);
                        end("include");
                    }
                    case "define", "redefine" -> {
                        define();
                        end("define");
                    }
                    case "undefine" -> {
                        undefine();
                        end("undefine");
                    }
                    default -> item.read(token);
                }
            } catch (Fault fault) {
                errors.add(fault);
                recover(depth);
                if (!block && at.in.peek().is("}")) {
                    at.in.next(); // closes nothing; only a block's reader would take it
                }
            }
        }
    }

    /** A statement ends at the end of its line, at a semicolon or before a closing brace. */
    void end(String what) {
        Token token = at.in.peek();
        if (token.is("}")) {
            return;
        }
        if (!token.endsStatement()) {
            throw token.at().fault("expected the end of " + what + ", found " + token.found());
        }
    }

    /**
     * Skips to the end of the statement in which something was wrong, its blocks included.
     *
     * @param level braces that were open where the statement began
     */
    private void recover(int level) {
        at.in.blankDepth(0);
        while (true) {
            Token token;
            try {
                token = at.in.peek();
            } catch (Fault fault) {
                continue; // the lexer has moved on
            }
            boolean here = at.in.depth() <= level;
            if (token.kind() == Token.Kind.END
                    || (here && (token.is("}") || token.kind() == Token.Kind.SEPARATOR))) {
                return;
            }
            at.in.next();
        }
    }

    void include(Item item) {
        Token word = at.in.next();
        Token pattern = at.in.next();
        if (pattern.kind() != Token.Kind.STRING) {
            throw pattern.at()
                    .fault("expected the quoted name of a file, found " + pattern.found());
        }
        if (openFiles.size() >= NftReader.MAX_INCLUDE_DEPTH) {
            throw word.at().fault("includes nest deeper than " + NftReader.MAX_INCLUDE_DEPTH);
        }
        List<IncludeResolver.Included> found;
        try {
            found = includes.resolve(openFiles.getLast(), pattern.text());
        } catch (IOException e) {
            String message = e.getMessage();
            throw pattern.at().fault(message == null ? "cannot be read" : message);
        }
        for (IncludeResolver.Included file : found) {
            included(file, pattern.at(), item);
        }
    }

    void included(IncludeResolver.Included file, Span from, Item item) {
        if (openFiles.contains(file.name())) {
            throw from.fault("include goes in a circle: " + file.name() + " is being read");
        }
        if (++files > NftReader.MAX_FILES) {
            throw from.fault("more than " + NftReader.MAX_FILES + " files are included");
        }
        characters += file.utf8().length;
        if (characters > NftReader.MAX_TEXT) {
            throw from.fault(
                    "rule files are longer than " + (NftReader.MAX_TEXT >> 20) + " MiB together");
        }
        NftReader.Decoded decoded = NftReader.decode(file.utf8());
        SourceText source = new SourceText(file.name(), decoded.text());
        if (decoded.badAt() >= 0) {
            errors.add(decoded.end(source), "not UTF-8 text");
            return;
        }
        sources.put(file.name(), source);
        ValueParser outer = at;
        openFiles.add(file.name());
        at = new ValueParser(new Lexer(source), scope.now(), budget);
        items(false, item);
        at = outer;
        openFiles.removeLast();
    }

    void define() {
        boolean again = at.in.next().is("redefine");
        Token name = at.name("a define");
        at.expect("=", "after the name of a define");
        Raw value = at.value();
        if (!again && scope.defines(name.text()) && !overrides.containsKey(name.text())) {
            throw name.at()
                    .fault("'" + name.text() + "' is already defined; 'redefine' replaces it");
        }
        Raw override = overrides.get(name.text());
        if (override != null) {
            overridden.add(name.text());
        }
        scope.bind(name.text(), override == null ? value : override);
    }

    void undefine() {
        at.in.next();
        Token name = at.name("a define");
        scope.bind(name.text(), null);
    }

    /** A block between braces with a scope of its own. */
    void block(Item item) {
        at.expect("{", "before a block");
        scope = new Scope(scope);
        items(true, item);
        Scope inner = scope;
        scope = inner.outer();
        at.view = scope.now();
        at.expect("}", "at the end of the block");
    }
}
