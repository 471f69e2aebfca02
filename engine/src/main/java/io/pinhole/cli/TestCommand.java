package io.pinhole.cli;

import io.pinhole.validate.coverage.Coverage;
import io.pinhole.validate.run.ExactProofs;
import io.pinhole.validate.run.Instrument;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.run.Surroundings.SetupException;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole test}: runs scenarios. */
@Command(
        name = "test",
        sortOptions = false,
        header = "Run scenarios: tests of rule sets.",
        description = {
            "Run scenarios: tests of rule sets, written as dialogues and packets",
            "(docs/scenarios.md). Needs no root, no kernel, no network."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole test",
            "  pinhole test rules/ --filter passive",
            "  pinhole test -r /etc/nftables.conf my.scenario",
            "  pinhole test --junit report.xml --coverage --min-coverage 100",
            "",
            "Exit status: 0 all passed, 1 a test failed or coverage is below the",
            "minimum, 2 bad usage, scenario or rule set (no test was run)."
        })
final class TestCommand implements Callable<Integer> {
    private static final String SUFFIX = ".scenario";

    /** Files below one folder. */
    private static final int MAX_FILES = 100_000;

    @Parameters(
            arity = "0..*",
            paramLabel = "DIR|FILE",
            description = {
                "Scenario files, or folders to search for *.scenario;",
                "without any: the folder one stands in."
            })
    private List<String> names = new ArrayList<>();

    @Mixin private RuleOptions ruleOptions = new RuleOptions();

    @Option(
            names = "--filter",
            paramLabel = "NAME",
            description = "Only tests whose names hold this text; repeatable.")
    private List<String> filters = new ArrayList<>();

    @Mixin private TestOutputs outputs = new TestOutputs();

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    private final OutputStream output;

    TestCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    TestCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        long begin = System.nanoTime();
        outputs.check();
        Coverage coverage = outputs.coverage();
        ScenarioSurroundings surroundings = new ScenarioSurroundings(ruleOptions, settingsOptions);
        List<Scenario> scenarios = read(surroundings);
        List<TestResult> results;
        try {
            results =
                    new ScenarioRunner(
                                    new ScenarioRunner.Options(
                                            surroundings,
                                            new ExactProofs(),
                                            Runtime.getRuntime().availableProcessors(),
                                            this::wanted,
                                            coverage == null ? Instrument.NONE : coverage,
                                            outputs.taps()))
                            .run(scenarios);
        } catch (SetupException e) {
            throw new UserError(e.lines().stream().flatMap(String::lines).toArray(String[]::new));
        }
        if (results.isEmpty()) {
            throw new UserError(
                    filters.isEmpty()
                            ? "no tests found"
                            : "no test has a name that --filter wants");
        }
        PrintStream out = new PrintStream(output, false, StandardCharsets.UTF_8);
        boolean covered =
                outputs.write(results, coverage, out, System.getenv(), System.nanoTime() - begin);
        boolean passed = results.stream().allMatch(TestResult::passed);
        return passed && covered ? 0 : Main.EXIT_NO;
    }

    private boolean wanted(String test) {
        if (filters.isEmpty()) {
            return true;
        }
        String lower = test.toLowerCase(Locale.ROOT);
        return filters.stream().anyMatch(f -> lower.contains(f.toLowerCase(Locale.ROOT)));
    }

    private List<Scenario> read(ScenarioSurroundings surroundings) throws UserError {
        List<Scenario> scenarios = new ArrayList<>();
        List<String> errors = new ArrayList<>();
        for (Path file : files()) {
            byte[] bytes;
            try {
                bytes = ScenarioSurroundings.read(file);
            } catch (IOException e) {
                throw new UserError(
                        "cannot read "
                                + SettingsText.visible(file.toString())
                                + ": "
                                + e.getMessage());
            }
            switch (ScenarioReader.read(file.toString(), bytes, surroundings)) {
                case ReadScenario.Loaded(Scenario scenario) -> scenarios.add(scenario);
                case ReadScenario.Refused refused -> refused.format().lines().forEach(errors::add);
            }
        }
        if (!errors.isEmpty()) {
            throw new UserError(errors.toArray(String[]::new));
        }
        return scenarios;
    }

    /** In order of their names below each folder; each once. */
    private Set<Path> files() throws UserError {
        Set<Path> out = new LinkedHashSet<>();
        for (String name : names.isEmpty() ? List.of(".") : names) {
            Path path;
            try {
                path = Path.of(name).normalize();
            } catch (InvalidPathException e) {
                throw new UserError(SettingsText.quoted(name) + " is no file name");
            }
            if (!Files.isDirectory(path.toString().isEmpty() ? Path.of(".") : path)) {
                out.add(path);
                continue;
            }
            List<Path> found = below(path);
            if (found.isEmpty()) {
                throw new UserError(
                        "no *" + SUFFIX + " file below " + SettingsText.visible(name),
                        "docs/scenarios.md says how to write one; 'pinhole record' makes one of"
                                + " a capture.");
            }
            out.addAll(found);
        }
        return out;
    }

    private static List<Path> below(Path folder) throws UserError {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(p -> p.toString().endsWith(SUFFIX) && !Files.isDirectory(p))
                    .sorted()
                    .limit(MAX_FILES)
                    .toList();
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new UserError(
                    "cannot search "
                            + SettingsText.visible(folder.toString())
                            + ": "
                            + e.getMessage());
        }
    }
}
