package io.pinhole.validate.scenario;

import io.pinhole.rule.RuleError;
import io.pinhole.rule.SourcePos;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads scenario files; docs/scenarios.md is the grammar. Never throws for what a file holds: every
 * mistake becomes an error with its place, and {@link ScenarioLimits} bound time and memory.
 */
public final class ScenarioReader {
    private static final int SHOWN = 160;

    private final ScenarioFiles files;
    private final List<RuleError> errors = new ArrayList<>();
    private final List<ScenarioTest> tests = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private int includes;

    private ScenarioReader(ScenarioFiles files) {
        this.files = files;
    }

    /**
     * Reads one file.
     *
     * @param name for messages; may hold directories
     */
    public static ReadScenario read(String name, byte[] utf8, ScenarioFiles files) {
        return new ScenarioReader(files).read(name, utf8);
    }

    private ReadScenario read(String name, byte[] utf8) {
        List<String> lines = lines(name, utf8);
        if (lines != null) {
            Block file = new Block(new SetupBuilder(Setup.EMPTY));
            for (int i = 0; i < lines.size() && !full(); i++) {
                file.line(new Line(name, i + 1, lines.get(i)), List.of(name));
            }
            file.finish();
        }
        if (errors.isEmpty() && lines != null) {
            return new ReadScenario.Loaded(new Scenario(name, tests, lines));
        }
        return new ReadScenario.Refused(errors);
    }

    private boolean full() {
        return errors.size() >= ScenarioLimits.ERRORS;
    }

    /** The lines of a file without their ends; null after an error. */
    private @Nullable List<String> lines(String name, byte[] utf8) {
        if (utf8.length > ScenarioLimits.FILE_BYTES) {
            int most = ScenarioLimits.FILE_BYTES >> 20;
            errors.add(new RuleError(name, 0, 0, "the file is longer than " + most + " MiB", ""));
            return null;
        }
        List<String> out = new ArrayList<>();
        int start = 0;
        for (int i = 0; i <= utf8.length; i++) {
            if (i < utf8.length && utf8[i] != '\n') {
                continue;
            }
            int end = i > start && utf8[i - 1] == '\r' ? i - 1 : i;
            String line = decode(utf8, start, end);
            int number = out.size() + 1;
            if (line == null) {
                errors.add(new RuleError(name, number, 1, "the line is not UTF-8 text", ""));
                return null;
            }
            if (line.length() > ScenarioLimits.LINE_LENGTH) {
                errors.add(
                        new RuleError(
                                name,
                                number,
                                1,
                                "the line is longer than "
                                        + ScenarioLimits.LINE_LENGTH
                                        + " characters",
                                printable(line.substring(0, SHOWN))));
                return null;
            }
            if (i < utf8.length || end > start) {
                out.add(number == 1 && line.startsWith("\ufeff") ? line.substring(1) : line);
            }
            start = i + 1;
        }
        return out;
    }

    private static @Nullable String decode(byte[] utf8, int start, int end) {
        try {
            CharBuffer text =
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .onUnmappableCharacter(CodingErrorAction.REPORT)
                            .decode(ByteBuffer.wrap(utf8, start, end - start));
            return text.toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    private void error(Line line, Fault fault) {
        // A window of a very long line, so that the caret can be seen.
        int from = fault.start > SHOWN - 40 ? fault.start - 40 : 0;
        int to = Math.min(line.text.length(), from + SHOWN);
        String shown = line.text.substring(Math.min(from, to), to);
        int width = Math.min(fault.end, Math.max(to, fault.start + 1)) - fault.start;
        errors.add(
                new RuleError(
                        line.file,
                        line.number,
                        fault.start + 1,
                        printable(fault.text()),
                        printable(shown),
                        fault.start - from + 1,
                        width));
    }

    /** The line as it can be shown on a terminal, each character in its place. */
    private static String printable(String text) {
        StringBuilder out = new StringBuilder(text);
        for (int i = 0; i < out.length(); i++) {
            char c = out.charAt(i);
            if ((c < ' ' && c != '\t')
                    || (c >= 0x7f && c < 0xa0)
                    || Character.getType(c) == Character.FORMAT
                    || Character.getType(c) == Character.LINE_SEPARATOR
                    || Character.getType(c) == Character.PARAGRAPH_SEPARATOR) {
                out.setCharAt(i, '?');
            }
        }
        return out.toString();
    }

    /** The lines from one {@code test} to the next, or those before the first. */
    private final class Block {
        private final SetupBuilder common;
        private final Set<String> commonNames = new HashSet<>();

        // The test being read; null before the first.
        private @Nullable String name;
        private SourcePos at = new SourcePos("", 0, 0);
        private SetupBuilder setup;
        private Set<String> ownNames = new HashSet<>();
        private List<Step> steps = new ArrayList<>();
        private @Nullable StepParser parser;

        Block(SetupBuilder common) {
            this.common = common;
            setup = common;
        }

        void line(Line line, List<String> chain) {
            if (line.isEmpty()) {
                return;
            }
            try {
                statement(line, chain);
            } catch (Fault fault) {
                error(line, fault);
            }
        }

        private void statement(Line line, List<String> chain) throws Fault {
            boolean included = chain.size() > 1;
            if (name != null && Dialogue.isDialogue(line.text)) {
                step(line);
                return;
            }
            Token first = line.peek();
            if (first.is("test")) {
                if (included) {
                    throw first.fault("an included file holds no tests, only what they stand on");
                }
                test(line);
            } else if (first.is("include")) {
                if (name != null) {
                    throw first.fault("include stands before the first test");
                }
                include(line, chain);
            } else if (first.kind() == Token.Kind.WORD
                    && SetupBuilder.KEYWORDS.contains(first.text())) {
                if (!steps.isEmpty()) {
                    throw first.fault(first.text() + " stands before the first step of its test");
                }
                line.next();
                setup.read(first, line, name == null ? commonNames : ownNames);
            } else if (name == null) {
                throw outsideTest(first);
            } else {
                step(line);
            }
        }

        private Fault outsideTest(Token first) {
            List<String> known = new ArrayList<>(SetupBuilder.KEYWORDS);
            known.add("test");
            known.add("include");
            String meant = Line.meant(first.text(), known);
            if (meant != null) {
                return first.fault(
                        "unknown statement " + first.found() + "; did you mean " + meant + "?");
            }
            return first.fault(
                    "expected "
                            + Line.oneOf(known)
                            + " before the first test, found "
                            + first.found());
        }

        private void step(Line line) throws Fault {
            if (parser == null) {
                parser = new StepParser(setup.hosts);
            }
            int before = steps.size();
            parser.parse(line, steps);
            if (before < ScenarioLimits.STEPS && steps.size() >= ScenarioLimits.STEPS) {
                throw line.peek().fault("more than " + ScenarioLimits.STEPS + " steps in a test");
            }
        }

        private void test(Line line) throws Fault {
            finish();
            line.next();
            Token token = line.next();
            // Whatever is wrong with the name: what follows is a test.
            name = token.text();
            at = line.pos();
            setup = new SetupBuilder(common.build());
            ownNames = new HashSet<>();
            steps = new ArrayList<>();
            parser = null;
            name = Values.name(token, "the name of the test");
            line.end();
            if (!names.add(name)) {
                throw token.fault("there is a test of this name already");
            }
            if (tests.size() >= ScenarioLimits.TESTS) {
                throw token.fault("more than " + ScenarioLimits.TESTS + " tests in a file");
            }
        }

        void finish() {
            String of = name;
            if (of == null) {
                return;
            }
            if (steps.isEmpty() && errors.isEmpty()) {
                errors.add(
                        new RuleError(
                                at.file(),
                                at.line(),
                                at.column(),
                                "the test has no steps: it would pass whatever the rules say",
                                printable("test \"" + of + "\"")));
            }
            tests.add(new ScenarioTest(of, setup.build(), steps, at));
            name = null;
        }

        private void include(Line line, List<String> chain) throws Fault {
            line.next();
            Token token = line.peek();
            String wanted = SetupBuilder.file(line, "a file");
            line.end();
            if (chain.size() >= ScenarioLimits.INCLUDE_DEPTH
                    || ++includes > ScenarioLimits.INCLUDES) {
                throw token.fault("too many files include each other");
            }
            ScenarioFiles.Content content;
            try {
                content = files.include(line.file, wanted);
            } catch (IOException e) {
                throw token.fault("cannot include it: " + e.getMessage());
            }
            if (chain.contains(content.name())) {
                throw token.fault("the file includes itself");
            }
            List<String> inner = new ArrayList<>(chain);
            inner.add(content.name());
            List<String> lines = lines(content.name(), content.utf8().toArray());
            if (lines == null) {
                return;
            }
            for (int i = 0; i < lines.size() && !full(); i++) {
                line(new Line(content.name(), i + 1, lines.get(i)), inner);
            }
        }
    }
}
