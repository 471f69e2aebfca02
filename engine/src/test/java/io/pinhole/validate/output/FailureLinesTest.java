package io.pinhole.validate.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.run.Judged;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioTest;
import io.pinhole.validate.scenario.Setup;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import tools.jackson.databind.json.JsonMapper;

/** The walk of a failed line, in the forms that other programs read. */
class FailureLinesTest {
    private static final SourcePos AT = new SourcePos("t.scenario", 5, 1);
    private static final ScenarioTest TEST = new ScenarioTest("t", Setup.EMPTY, List.of(), AT);
    private static final Judged PACKET =
            new Judged(
                    7,
                    "tcp 198.51.100.7:50001 > 203.0.113.20:22 syn",
                    Verdict.DROP,
                    CtState.NEW,
                    null,
                    RuleOrigin.NONE,
                    Anomaly.NONE);

    /** Walks, with what would end the form they stand in. */
    static Stream<List<String>> walks() {
        return Stream.of(
                List.of("forward, chain forward", "  -  a.nft:3  tcp dport 21", "  => a.nft:4"),
                List.of("    further in", "than the rest"),
                List.of("...", "---", "  ...", "ok 1", "::error::x", "# c", "- a: b", "100% %0A"),
                List.of("\"quoted\" 'so' \\n", "Ünï ☃ 😀"),
                IntStream.range(0, FailureLines.MOST_LINES).mapToObj(i -> "line " + i).toList());
    }

    @ParameterizedTest
    @MethodSource("walks")
    void standsInEachFormLineByLine(List<String> walk) throws Exception {
        Failure failure = new Failure(AT, "no", PACKET, null, walk, List.of());
        List<TestResult> results = results(failure);

        String tap = printed(results, TapResults::print);
        assertThat(tap.lines().filter(l -> l.matches("(not )?ok .*|  \\.\\.\\.")))
                .containsExactly("not ok 1 - t", "  ...", "ok 2 - t");
        String yaml =
                tap.lines()
                        .filter(l -> l.startsWith("  "))
                        .map(l -> l.substring(2))
                        .filter(l -> !l.equals("---") && !l.equals("..."))
                        .collect(Collectors.joining("\n", "", "\n"));
        Object read = new Load(LoadSettings.builder().build()).loadFromString(yaml);
        assertThat(read)
                .isInstanceOfSatisfying(Map.class, m -> assertThat(m.get("walk")).isEqualTo(walk));

        List<String> all = new ArrayList<>(List.of("packet 7: " + PACKET.what()));
        all.addAll(walk);
        String annotation = printed(results, GitHubAnnotations::print);
        assertThat(annotation.lines()).hasSize(1);
        String data = annotation.strip().substring(annotation.indexOf("::no") + 2);
        assertThat(data.replace("%0A", "\n").replace("%25", "%").lines())
                .startsWith("no")
                .containsSequence(FailureLines.bounded(all));

        StringWriter sarif = new StringWriter();
        SarifResults.write(results, "1.0.0", sarif);
        String message =
                new JsonMapper()
                        .readTree(sarif.toString())
                        .at("/runs/0/results/0/message/text")
                        .asString();
        assertThat(message.lines()).containsSequence(FailureLines.bounded(all));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 39, 40, 41, 42, 1000})
    void keepsBothEnds(int lines) {
        List<String> walk = IntStream.range(0, lines).mapToObj(i -> "line " + i).toList();
        List<String> out = FailureLines.bounded(walk);
        if (lines <= FailureLines.MOST_LINES) {
            assertThat(out).isEqualTo(walk);
            return;
        }
        assertThat(out).hasSize(FailureLines.MOST_LINES);
        assertThat(out.getFirst()).isEqualTo("line 0");
        assertThat(out.getLast()).isEqualTo("line " + (lines - 1));
        List<String> kept = out.stream().filter(l -> !l.startsWith("…")).toList();
        assertThat(out).contains("… " + (lines - kept.size()) + " lines left out");
        assertThat(walk).containsAll(kept);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "😀", "x😀", "\u0000", "\t"})
    void cutsLongLines(String unit) {
        String longLine = unit.repeat(1000);
        for (int lines : new int[] {1, FailureLines.MOST_LINES + 5}) {
            List<String> all = FailureLines.bounded(Collections.nCopies(lines, longLine));
            for (String line : List.of(all.getFirst(), all.getLast())) {
                assertThat(line).hasSizeLessThanOrEqualTo(FailureLines.WIDEST).endsWith("…");
                assertThat(line.codePoints()).noneMatch(c -> c >= 0xd800 && c < 0xe000);
                assertThat(line.codePoints()).noneMatch(Character::isISOControl);
            }
        }
    }

    private static List<TestResult> results(Failure failure) {
        Scenario scenario = new Scenario("t.scenario", List.of(TEST, TEST), List.of());
        return List.of(
                new TestResult(scenario, TEST, failure, 1, 0, List.of()),
                new TestResult(scenario, TEST, null, 1, 0, List.of()));
    }

    private static String printed(
            List<TestResult> results, BiConsumer<List<TestResult>, PrintStream> how) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        how.accept(results, new PrintStream(out, true, StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8);
    }
}
