package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.Settings;
import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.output.TextResults;
import io.pinhole.validate.run.Instrument;
import io.pinhole.validate.run.PacketTap;
import io.pinhole.validate.run.Proofs;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.run.Surroundings;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioFiles;
import io.pinhole.validate.scenario.ScenarioReader;
import io.pinhole.validate.scenario.Setup;
import io.pinhole.validate.scenario.Step;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Any bytes as a scenario: errors with places that a terminal can show, or tests that run to an
 * end, the same twice.
 */
class ScenarioFuzzTest {
    /** Tests that send more are read only. */
    private static final long MOST_BYTES = 20_000;

    private static final RuleSet RULES =
            RuleFixture.load(
                    """
                    table inet t {
                      ct helper ftp { type "ftp" protocol tcp; }
                      chain pre {
                        type filter hook prerouting priority 0
                        tcp dport 21 ct helper set "ftp"
                      }
                      chain forward {
                        type filter hook forward priority 0; policy drop
                        ct state established accept
                        ct state related accept
                        tcp dport 21 ct state new accept
                        udp dport 53 reject
                      }
                    }
                    """);

    private static final Surroundings NOTHING =
            new Surroundings() {
                @Override
                public RuleSet rules(Setup setup, String scenarioFile) {
                    return RULES;
                }

                @Override
                public Settings settings(Setup setup) {
                    return Settings.DEFAULTS;
                }

                @Override
                public CaptureFiles capture(String scenarioFile, String name)
                        throws CaptureException {
                    throw new CaptureException(CaptureException.Kind.UNREADABLE, "none here");
                }
            };

    @FuzzTest(maxDuration = "60s")
    void readsAndRuns(byte[] data) throws Exception {
        fuzzerTestOneInput(data);
    }

    public static void fuzzerTestOneInput(byte[] data) throws Exception {
        switch (ScenarioReader.read("fuzz", data, ScenarioFiles.NONE)) {
            case ReadScenario.Loaded(Scenario scenario) -> {
                if (size(scenario) > MOST_BYTES) {
                    return;
                }
                List<TestResult> once = run(scenario);
                List<TestResult> twice = run(scenario);
                for (int i = 0; i < once.size(); i++) {
                    assertThat(twice.get(i).failure()).isEqualTo(once.get(i).failure());
                    assertThat(twice.get(i).packets()).isEqualTo(once.get(i).packets());
                }
                PrintStream nowhere =
                        new PrintStream(
                                OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
                new TextResults(nowhere, true).print(once, true, 0);
            }
            case ReadScenario.Refused refused -> {
                assertThat(refused.errors()).isNotEmpty().hasSizeLessThan(200);
                for (RuleError error : refused.errors()) {
                    assertThat(error.message()).isNotBlank().doesNotContain("\n", "\u001b");
                    assertThat(error.lineText()).doesNotContain("\n", "\u001b");
                    assertThat(error.format().lines().count()).isLessThan(4);
                }
            }
        }
    }

    private static List<TestResult> run(Scenario scenario) throws Exception {
        return new ScenarioRunner(
                        new ScenarioRunner.Options(
                                NOTHING,
                                (claim, rules, setup, options) -> new Proofs.Answer.Proved(),
                                1,
                                name -> true,
                                Instrument.NONE,
                                (of, test) -> PacketTap.NONE))
                .run(List.of(scenario));
    }

    /** About how many bytes its tests send. */
    private static long size(Scenario scenario) {
        return scenario.tests().stream()
                .flatMap(t -> t.steps().stream())
                .mapToLong(
                        step ->
                                switch (step) {
                                    case Step.Session s -> 2_000 + s.bytes();
                                    case Step.DataConnection d -> d.bytes();
                                    default -> 100;
                                })
                .sum();
    }
}
