package io.pinhole.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.report.Diagnosis.Cause;
import io.pinhole.rule.RuleOrigin;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** docs/json.md against what {@link JsonReport} writes. */
class JsonFieldsTest {
    private static final Path PAGE = Path.of("..", "docs", "json.md");
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** The first column of each table of two columns, by the heading it stands under. */
    private static Map<String, List<String>> tables() throws IOException {
        Map<String, List<String>> tables = new LinkedHashMap<>();
        String heading = "";
        for (String line : Files.readAllLines(PAGE)) {
            if (line.startsWith("## ")) {
                heading = line.replaceAll("[#` ]", "");
            } else if (line.matches("\\| (field|cause|rule) \\|.*")) {
                heading = heading.replaceAll("/.*", "") + "/" + line.split("[| ]+")[1];
            } else if (line.startsWith("| `")) {
                tables.computeIfAbsent(heading, h -> new ArrayList<>())
                        .add(line.substring(3, line.indexOf('`', 3)));
            }
        }
        return tables;
    }

    /** One of every event, with everything that can be known of it. */
    private static Map<String, List<String>> written() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        JsonReport report = new JsonReport(out, true);
        FlowKey control = Samples.CONTROL;
        report.beginFile(0, "a.pcap", 6);
        report.packet(Samples.at(1), 0, 60, () -> control);
        report.verdict(
                Samples.at(1),
                Verdict.DROP,
                CtState.NEW,
                Hook.FORWARD,
                new RuleOrigin("r.nft:1", ""),
                Anomaly.BAD_CHECKSUM);
        report.endFile(false);
        report.beginFile(1, "b.pcap", 6);
        report.event(
                Samples.pinhole(
                        TransferMode.ACTIVE,
                        PinholeOutcome.USED,
                        io.pinhole.path.Positions.of(1, 5),
                        "a reason"));
        report.event(Samples.data(Verdict.DROP, true));
        report.event(new Event.Alert(1, Samples.at(1), 0, Anomaly.BOUNCE, control, "detail"));
        report.event(Samples.control());
        report.endFile(false);
        report.finish();
        Map<String, List<String>> fields = new LinkedHashMap<>();
        out.toString(StandardCharsets.UTF_8)
                .lines()
                .map(JSON::readTree)
                .forEach(e -> fields.putIfAbsent(e.get("event").asString(), names(e, "event")));
        return fields;
    }

    private static List<String> names(JsonNode object, String except) {
        return object.propertyNames().stream().filter(name -> !name.equals(except)).toList();
    }

    @Test
    void everyFieldIsDescribedInTheOrderWritten() throws IOException {
        Map<String, List<String>> described = tables();
        Map<String, List<String>> written = written();
        assertThat(written.keySet())
                .containsExactlyInAnyOrder(
                        "control", "pinhole", "data", "alert", "diagnosis", "verdict", "summary");
        written.forEach(
                (event, fields) ->
                        assertThat(described.get(event + "/field"))
                                .as("docs/json.md, " + event)
                                .isEqualTo(fields));
    }

    @Test
    void everyCauseIsDescribed() throws IOException {
        assertThat(tables().get("diagnosis/cause"))
                .containsExactlyInAnyOrderElementsOf(
                        Arrays.stream(Cause.values()).map(Cause::label).toList());
    }

    @Test
    void everyOutcomeIsDescribedAndCounted() throws IOException {
        String page = Files.readString(PAGE);
        String row =
                page.lines().filter(l -> l.startsWith("| `outcome`")).findFirst().orElseThrow();
        for (PinholeOutcome outcome : PinholeOutcome.values()) {
            assertThat(row).contains("`" + outcome.label() + "`");
        }
        for (TransferMode mode : TransferMode.values()) {
            assertThat(page).contains("`" + mode.label() + "`");
        }
        for (Hook hook : Hook.values()) {
            assertThat(page).contains("`" + hook.label() + "`");
        }
        for (CtState state : CtState.values()) {
            assertThat(page).contains("`" + state.label() + "`");
        }
    }
}
