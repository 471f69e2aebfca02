package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.run.Bench;
import io.pinhole.validate.run.PacketTap;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.space.FtpRules;
import io.pinhole.validate.space.Policies;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Every example of a difference, played under both rule sets. */
class EvidenceTest {
    private static final int PAIRS = 60;

    /** Part of the differences of a kind that must come with a test. */
    private static final Map<Change.Kind, Double> LEAST =
            Map.of(
                    Change.Kind.CONNECTION, 0.7,
                    Change.Kind.DATA, 0.5,
                    Change.Kind.ESTABLISHED, 0.5,
                    Change.Kind.ERROR, 0.4);

    static final PathOptions OPTIONS =
            new PathOptions(
                    Settings.DEFAULTS,
                    Set.of(21),
                    Set.of(),
                    List.of(),
                    new InterfaceMap(List.of()),
                    false,
                    1);

    @Test
    void testsHoldUnderTheNewRulesAndFailUnderTheOld() {
        long seed = Seeds.seed();
        FtpRules random = new FtpRules(seed);
        Map<Change.Kind, int[]> counts = new EnumMap<>(Change.Kind.class);
        RuleSet before = RuleFixture.load(random.ruleSet());
        for (int i = 0; i < PAIRS; i++) {
            String text = random.ruleSet();
            RuleSet after = RuleFixture.load(text);
            List<Change> changes = RuleDiff.of(before, after, Policies.DEFAULT).changes();
            Bench old = new Bench(before, OPTIONS);
            Bench now = new Bench(after, OPTIONS);
            for (Evidence e : Evidence.of(changes, before, after, OPTIONS)) {
                int[] count = counts.computeIfAbsent(e.change().kind(), k -> new int[2]);
                count[0]++;
                if (e.steps().isEmpty()) {
                    continue;
                }
                count[1]++;
                TestResult holds = Objects.requireNonNull(now.run(e.steps(), PacketTap.NONE));
                assertThat(holds.failure())
                        .as("seed %d: %s%n%s", seed, e.change(), String.join("\n", e.steps()))
                        .isNull();
                TestResult fails = Objects.requireNonNull(old.run(e.steps(), PacketTap.NONE));
                assertThat(fails.passed())
                        .as("seed %d: %s%n%s", seed, e.change(), String.join("\n", e.steps()))
                        .isFalse();
            }
            before = after;
        }
        // The rest cannot be sent by a scenario's line, or hangs on marks of other packets.
        LEAST.forEach(
                (kind, least) -> {
                    int[] count = counts.getOrDefault(kind, new int[2]);
                    assertThat(count[0])
                            .as("seed %d: differences of kind %s", seed, kind)
                            .isPositive();
                    assertThat(count[1])
                            .as("seed %d: of %d differences of kind %s", seed, count[0], kind)
                            .isGreaterThanOrEqualTo((int) (least * count[0]));
                });
    }
}
