package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.check.Change;
import io.pinhole.validate.check.Evidence;
import io.pinhole.validate.check.RuleDiff;
import io.pinhole.validate.run.Instrument;
import io.pinhole.validate.run.PacketTap;
import io.pinhole.validate.run.Proofs;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.run.Surroundings;
import io.pinhole.validate.run.Trial;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioReader;
import io.pinhole.validate.scenario.ScenarioTest;
import io.pinhole.validate.scenario.Setup;
import io.pinhole.validate.space.Policies;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Breaks the rule sets of rules/ one thing at a time: some scenario must fail, or {@code diff} must
 * show over all packets that nothing changed.
 */
class RuleMutationIT {
    /** What differs is packets from {@code ::}, and those are not filtered at all. */
    private static final Set<String> UNSEEN = Set.of("hardened.nft:34 element 0 as 0-1");

    static Stream<String> sets() throws IOException {
        String only = System.getProperty("pinhole.mutate", "");
        return RuleScenariosTest.sets().filter(s -> s.contains(only));
    }

    /** Gives every test one rule set. */
    private record Mutated(Surroundings real, RuleSet rules) implements Surroundings {
        @Override
        public RuleSet rules(Setup setup, String scenarioFile) {
            return rules;
        }

        @Override
        public Settings settings(Setup setup) throws SetupException {
            return real.settings(setup);
        }

        @Override
        public CaptureFiles capture(String scenarioFile, String name) throws CaptureException {
            return real.capture(scenarioFile, name);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("sets")
    void everyMutantFailsAScenario(String set) throws Exception {
        Path file = Path.of("../rules/" + set.replace(".nft", ".scenario"));
        ScenarioSurroundings real =
                new ScenarioSurroundings(new RuleOptions(), new SettingsOptions());
        Scenario scenario =
                ((ReadScenario.Loaded)
                                ScenarioReader.read(
                                        file.toString(), ScenarioSurroundings.read(file), real))
                        .scenario();
        RuleSet rules = real.rules(scenario.tests().getFirst().setup(), scenario.file());
        assertThat(fails(scenario, new Mutated(real, rules))).as("as it is").isFalse();

        int killed = 0;
        int equal = 0;
        List<String> survivors = new ArrayList<>();
        for (RuleMutants.Mutant mutant : RuleMutants.of(rules)) {
            if (fails(scenario, new Mutated(real, mutant.rules()))) {
                killed++;
            } else if (!mutant.stateful()
                    && RuleDiff.of(rules, mutant.rules(), Policies.DEFAULT).isEmpty()) {
                equal++;
            } else if (!UNSEEN.contains(mutant.what())) {
                survivors.add(mutant.what() + wanted(mutant.rules(), rules));
            }
        }
        System.out.printf(
                "%s: %d mutants, %d fail a scenario, %d shown equal, %d survive%n",
                set, killed + equal + survivors.size(), killed, equal, survivors.size());
        survivors.forEach(s -> System.out.println("  survives: " + s));
        assertThat(survivors).isEmpty();
    }

    /** A test that would tell a mutant from the set. */
    private static String wanted(RuleSet mutant, RuleSet rules) {
        List<Change> changes = RuleDiff.of(mutant, rules, Policies.DEFAULT).changes();
        PathOptions options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        1);
        return Evidence.of(changes, mutant, rules, options).stream()
                .filter(e -> !e.steps().isEmpty())
                .findFirst()
                .map(e -> String.join("%n    ", Trial.test("kills it", e.steps())))
                .map(text -> "%n    ".formatted() + text.replace("%n", System.lineSeparator()))
                .orElse(changes.isEmpty() ? "" : ": " + changes.getFirst().example().text());
    }

    /** Whether some test fails; the rest are not run then. */
    private static boolean fails(Scenario scenario, Surroundings surroundings) throws Exception {
        ScenarioRunner runner =
                new ScenarioRunner(
                        new ScenarioRunner.Options(
                                surroundings,
                                (claim, rules, setup, options) -> new Proofs.Answer.Proved(),
                                1,
                                name -> true,
                                Instrument.NONE,
                                (s, test) -> PacketTap.NONE));
        for (ScenarioTest test : scenario.tests()) {
            Scenario one = new Scenario(scenario.file(), List.of(test), scenario.lines());
            if (!runner.run(List.of(one)).getFirst().passed()) {
                return true;
            }
        }
        return false;
    }
}
