package io.pinhole.cli;

import io.pinhole.rule.RuleSet;
import io.pinhole.validate.check.Change;
import io.pinhole.validate.check.Evidence;
import io.pinhole.validate.output.CaptureTaps;
import io.pinhole.validate.run.Instrument;
import io.pinhole.validate.run.Proofs;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.run.Surroundings.SetupException;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.Trial;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.ScenarioReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Writes what {@code pinhole diff} found as a scenario of the new rule set, and as captures. */
final class DiffScenario {
    private final String before;
    private final String after;
    private final Map<String, String> defines;
    private final List<String> sets;
    private final @Nullable Path to;

    /**
     * @param before name of the old rule set, as given
     * @param after name of the new one, which the scenario names
     * @param to null where no scenario is wanted
     */
    DiffScenario(
            String before,
            String after,
            Map<String, String> defines,
            List<String> sets,
            @Nullable Path to) {
        this.before = before;
        this.after = after;
        this.defines = defines;
        this.sets = sets;
        this.to = to;
    }

    /**
     * Writes; what cannot be shown is left out.
     *
     * @param captures folder for captures, null for none
     */
    void write(List<Evidence> all, RuleSet old, RuleSet now, @Nullable Path captures)
            throws UserError {
        String text = text(all, !old.natRules().isEmpty() || !now.natRules().isEmpty());
        Path target = to;
        try {
            if (target != null) {
                Path folder = target.toAbsolutePath().getParent();
                if (folder != null) {
                    Files.createDirectories(folder);
                }
                Files.writeString(target, text, StandardCharsets.UTF_8);
            }
            if (captures != null) {
                Files.createDirectories(captures);
                captures(text, captures);
            }
        } catch (IOException e) {
            throw new UserError("cannot write the examples: " + e.getMessage());
        }
    }

    private String text(List<Evidence> all, boolean nat) throws UserError {
        StringBuilder out = new StringBuilder();
        out.append("# What pinhole diff found between ").append(SettingsText.visible(before));
        out.append(" and ").append(SettingsText.visible(after)).append(".\n");
        out.append("# Each test says what the new rules do; under the old ones it fails:\n");
        out.append("# pinhole test -r ").append(SettingsText.visible(before)).append(" FILE\n\n");
        out.append("rules   ");
        out.append(RecordCommand.quoted(RecordCommand.seenFrom(to, after))).append('\n');
        defines.forEach((name, value) -> out.append("define  " + name + " = " + value + "\n"));
        sets.forEach(set -> out.append("set     ").append(set).append('\n'));
        if (nat) {
            out.append("ignore-nat\n");
        }
        Set<String> names = new HashSet<>();
        for (Evidence e : all) {
            if (e.steps().isEmpty()) {
                continue;
            }
            Change change = e.change();
            String name =
                    (change.opened() ? "passes now: " : "passes no longer: ")
                            + change.example().text()
                            + (change.example().parent() ? ", announced" : "");
            String unique = name;
            for (int n = 2; !names.add(unique); n++) {
                unique = name + " (" + n + ")";
            }
            out.append("\n# ").append(change.kind().text()).append(": ");
            out.append(change.region()).append('\n');
            Trial.test(unique, e.steps()).forEach(line -> out.append(line).append('\n'));
        }
        return out.toString();
    }

    /** Runs the scenario once more, each test into a capture of its own. */
    private void captures(String text, Path folder) throws UserError {
        Path named = to;
        String name =
                named == null
                        ? Path.of("diff.scenario").toAbsolutePath().toString()
                        : named.toString();
        ScenarioSurroundings surroundings =
                new ScenarioSurroundings(new RuleOptions(), new SettingsOptions());
        if (!(ScenarioReader.read(name, text.getBytes(StandardCharsets.UTF_8), surroundings)
                instanceof ReadScenario.Loaded loaded)) {
            throw new UserError("the scenario cannot be read again; please report this");
        }
        try {
            List<TestResult> results =
                    new ScenarioRunner(
                                    new ScenarioRunner.Options(
                                            surroundings,
                                            (claim, rules, setup, options) ->
                                                    new Proofs.Answer.Proved(),
                                            1,
                                            test -> true,
                                            Instrument.NONE,
                                            new CaptureTaps(folder, VersionCommand.text())))
                            .run(List.of(loaded.scenario()));
            for (TestResult result : results) {
                TestResult.Failure failure = result.failure();
                if (failure != null) {
                    throw new UserError(
                            "the scenario does not hold; please report this: " + failure.message());
                }
            }
        } catch (SetupException e) {
            throw new UserError(e.lines().stream().flatMap(String::lines).toArray(String[]::new));
        }
    }
}
