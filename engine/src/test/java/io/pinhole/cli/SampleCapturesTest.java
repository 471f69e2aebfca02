package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every capture of pcap-samples, judged by the default rules, against what the peers themselves
 * know happened ({@code ground-truth.json}) and against its expected events.
 */
class SampleCapturesTest {
    private static final Path SAMPLES = Path.of("../pcap-samples");
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final boolean UPDATE = Boolean.getBoolean("pinhole.update-samples");

    static Stream<JsonNode> captures() throws IOException {
        return JSON.readTree(Files.readString(SAMPLES.resolve("ground-truth.json"))).valueStream();
    }

    static Stream<String> captureNames() throws IOException {
        return captures().map(c -> c.get("file").asString());
    }

    private static String run(int status, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CommandLine command = new CommandLine(new AnalyzeCommand(out));
        assertThat(command.execute(args)).as("exit status").isEqualTo(status);
        return out.toString(StandardCharsets.UTF_8);
    }

    private static String[] analyze(String file, String... options) {
        List<String> args = new ArrayList<>(Arrays.asList(options));
        if (file.contains("port2121")) {
            args.addAll(List.of("--ftp-port", "2121"));
        }
        args.add(SAMPLES.resolve(file).toString());
        return args.toArray(String[]::new);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("captures")
    void tellsWhatThePeersKnow(JsonNode truth) {
        String file = truth.get("file").asString();
        List<JsonNode> events =
                run(0, analyze(file, "--json", "--verdicts")).lines().map(JSON::readTree).toList();
        TreeMap<Integer, String> verdicts = new TreeMap<>();
        TreeSet<String> controls = new TreeSet<>();
        TreeSet<String> data = new TreeSet<>();
        TreeSet<String> diagnoses = new TreeSet<>();
        int alerts = 0;
        for (JsonNode e : events) {
            switch (e.get("event").asString()) {
                case "verdict" ->
                        verdicts.put(e.get("packet").asInt(), e.get("verdict").asString());
                case "control" -> controls.add(flow(e.get("flow")));
                case "data" ->
                        data.add(
                                e.get("mode").asString()
                                        + " "
                                        + flow(e.get("flow"))
                                        + " "
                                        + e.get("bytes").asLong());
                case "diagnosis" -> diagnoses.add(e.get("cause").asString());
                case "alert" -> alerts++;
                default -> {}
            }
        }

        TreeSet<String> trueControls = new TreeSet<>();
        for (JsonNode c : truth.get("control_connections")) {
            trueControls.add(
                    c.get("client").asString()
                            + ":"
                            + c.get("client_port").asInt()
                            + " > "
                            + c.get("server").asString()
                            + ":"
                            + c.get("server_port").asInt());
        }
        assertThat(controls).as("control connections").isEqualTo(trueControls);

        TreeSet<String> trueData = new TreeSet<>();
        for (JsonNode d : truth.get("data_connections")) {
            int first = d.get("first_packet").asInt();
            if (d.get("mode").isNull()) {
                assertThat(verdicts.get(first))
                        .as("hidden, packet " + first)
                        .isNotEqualTo("accept");
                assertThat(diagnoses).containsAnyOf("tls-control", "snap-length");
            } else {
                long bytes =
                        d.get("bytes_client_to_server").asLong()
                                + d.get("bytes_server_to_client").asLong();
                trueData.add(d.get("mode").asString() + " " + flow(d) + " " + bytes);
                assertThat(verdicts.get(first)).as("data, packet " + first).isEqualTo("accept");
            }
        }
        assertThat(data).as("data connections").isEqualTo(trueData);

        for (JsonNode n : truth.get("not_ftp_data")) {
            assertThat(data).noneMatch(d -> d.contains(" " + flow(n) + " "));
        }
        for (JsonNode h : truth.get("hostile")) {
            if (h.has("first_packet")) {
                int first = h.get("first_packet").asInt();
                assertThat(verdicts.get(first)).as("hostile, packet " + first).isEqualTo("drop");
            }
        }
        if (!truth.get("hostile").isEmpty()) {
            assertThat(alerts).as("alerts about " + truth.get("hostile")).isPositive();
        }

        int packets = truth.get("packets").asInt();
        assertThat(verdicts).as("one verdict a packet").hasSize(packets);
        assertThat(verdicts.lastKey()).isEqualTo(packets);
        JsonNode summary = events.getLast();
        assertThat(summary.get("event").asString()).isEqualTo("summary");
        assertThat(summary.get("packets").asInt()).isEqualTo(packets);
        assertThat(
                        summary.get("accepted").asInt()
                                + summary.get("dropped").asInt()
                                + summary.get("rejected").asInt()
                                + summary.get("unfiltered").asInt()
                                + summary.get("undecodable").asInt())
                .isEqualTo(packets);
    }

    private static String flow(JsonNode n) {
        return n.get("src").asString()
                + ":"
                + n.get("sport").asInt()
                + " > "
                + n.get("dst").asString()
                + ":"
                + n.get("dport").asInt();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("captureNames")
    void printsTheExpectedEvents(String file) throws IOException {
        String actual =
                run(0, analyze(file, "--json"))
                        .replace(SAMPLES.resolve(file).toString(), "pcap-samples/" + file);
        Path expected = SAMPLES.resolve(file + ".events.jsonl");
        if (UPDATE) {
            Files.writeString(expected, actual);
        }
        assertThat(actual).isEqualTo(Files.readString(expected));
    }
}
