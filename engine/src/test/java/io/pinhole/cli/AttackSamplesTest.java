package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.path.AttackScript;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The attacks of {@code pcap-samples/attacks}: each capture is what its script says, and each
 * packet gets the verdict that the script asks for. {@code -Dpinhole.update-samples=true} writes
 * captures, events and table anew.
 */
class AttackSamplesTest {
    private static final Path ATTACKS = Path.of("../pcap-samples/attacks");
    private static final boolean UPDATE = Boolean.getBoolean("pinhole.update-samples");
    private static final int ROWS = 40;
    private static final Pattern MENTION = Pattern.compile("`([A-Za-z.]+)`");
    private static final JsonMapper JSON = JsonMapper.builder().build();

    static List<AttackScript> attacks() throws IOException {
        try (Stream<Path> files = Files.list(ATTACKS)) {
            List<Path> scripts = files.filter(f -> f.toString().endsWith(".txt")).sorted().toList();
            List<AttackScript> all = new ArrayList<>();
            for (Path script : scripts) {
                all.add(AttackScript.read(script));
            }
            return all;
        }
    }

    private static final Map<String, String> ANALYZED = new HashMap<>();

    /** What Pinhole says of an attack's capture; the same for every test here. */
    private static String analyze(AttackScript attack, Path capture) {
        return ANALYZED.computeIfAbsent(attack.name(), name -> run(attack, capture));
    }

    private static String run(AttackScript attack, Path capture) {
        List<String> args = new ArrayList<>(List.of("--json", "--verdicts"));
        attack.headers("set").forEach(s -> args.addAll(List.of("--set", s)));
        attack.headers("rules")
                .forEach(r -> args.addAll(List.of("-r", ATTACKS.resolve(r).toString())));
        args.add(capture.toString());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int status = new CommandLine(new AnalyzeCommand(out)).execute(args.toArray(String[]::new));
        assertThat(status).as("exit status").isZero();
        return out.toString(StandardCharsets.UTF_8)
                .replace(ATTACKS.toString(), "pcap-samples/attacks");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("attacks")
    void captureIsWhatTheScriptSays(AttackScript attack) throws IOException {
        Path file = ATTACKS.resolve(attack.captureName());
        byte[] capture = attack.capture(attack.frames());
        if (UPDATE) {
            Files.write(file, capture);
        }
        assertThat(capture).isEqualTo(Files.readAllBytes(file)).hasSizeLessThan(100_000);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("attacks")
    void everyPacketGetsTheVerdictOfTheScript(AttackScript attack) {
        List<AttackScript.Frame> frames = attack.frames();
        List<JsonNode> verdicts =
                analyze(attack, ATTACKS.resolve(attack.captureName()))
                        .lines()
                        .map(JSON::readTree)
                        .filter(e -> e.get("event").asString().equals("verdict"))
                        .toList();
        assertThat(verdicts).hasSameSizeAs(frames);
        List<String> wrong = new ArrayList<>();
        for (JsonNode e : verdicts) {
            int packet = e.get("packet").asInt();
            AttackScript.Frame frame = frames.get(packet - 1);
            String verdict = e.get("verdict").asString();
            if (!verdict.equals(frame.verdict())) {
                wrong.add(
                        "packet %d, line %d (%s): %s %s instead of %s"
                                .formatted(
                                        packet,
                                        frame.line(),
                                        attack.line(frame.line()),
                                        verdict,
                                        e.path("ct").asString(""),
                                        frame.verdict()));
            }
        }
        assertThat(wrong).isEmpty();
    }

    /** Alerts by kind, pinholes by mode and outcome: all of them, and no other. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("attacks")
    void tellsWhatTheScriptSays(AttackScript attack) {
        TreeSet<String> told = new TreeSet<>();
        analyze(attack, ATTACKS.resolve(attack.captureName()))
                .lines()
                .map(JSON::readTree)
                .forEach(e -> tell(e, told));
        assertThat(told).isEqualTo(new TreeSet<>(attack.headers("tells")));
    }

    private static void tell(JsonNode e, TreeSet<String> told) {
        switch (e.get("event").asString()) {
            case "alert" -> told.add("alert " + e.get("kind").asString());
            case "diagnosis" -> told.add("diagnosis " + e.get("cause").asString());
            case "pinhole" ->
                    told.add(
                            "pinhole "
                                    + e.get("mode").asString()
                                    + " "
                                    + e.get("outcome").asString()
                                    + (e.has("reason") ? " " + e.get("reason").asString() : ""));
            default -> {}
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("attacks")
    void printsTheExpectedEvents(AttackScript attack) throws IOException {
        Path capture = ATTACKS.resolve(attack.captureName());
        Path events = ATTACKS.resolve(attack.captureName() + ".events.jsonl");
        String actual = analyze(attack, capture);
        if (UPDATE) {
            Files.writeString(events, actual);
        }
        assertThat(actual).isEqualTo(Files.readString(events));
    }

    @Test
    void everyRowHasASample() throws IOException {
        TreeSet<Integer> rows =
                attacks().stream()
                        .flatMap(a -> a.rows().stream())
                        .collect(Collectors.toCollection(TreeSet::new));
        assertThat(rows).containsExactlyElementsOf(IntStream.rangeClosed(1, ROWS).boxed().toList());
    }

    @Test
    void theTableOfTheReadmeIsComplete() throws IOException {
        Path readme = ATTACKS.resolve("README.md");
        String begin = "<!-- table: written by AttackSamplesTest -->\n";
        String text = Files.readString(readme);
        int from = text.indexOf(begin) + begin.length();
        StringBuilder table = new StringBuilder();
        table.append(
                "\n| sample | attack | reference | what happens | what a firewall should do |");
        table.append("\n|---|---|---|---|---|\n");
        for (AttackScript a : attacks()) {
            String name = a.name();
            table.append("| [").append(name).append("](").append(name).append(".txt)");
            for (String key : List.of("about", "reference", "happens", "expect")) {
                table.append(" | ").append(a.header(key).replace("|", "\\|"));
            }
            table.append(" |\n");
        }
        String expected = text.substring(0, from) + table;
        if (UPDATE) {
            Files.writeString(readme, expected);
        }
        assertThat(Files.readString(readme)).isEqualTo(expected);
    }

    /** Each sample has its row in docs/security.md, in order, and the tests named there exist. */
    @Test
    void theTableOfTheDocumentationIsComplete() throws IOException {
        List<String> rows =
                Files.readAllLines(Path.of("../docs/security.md")).stream()
                        .filter(line -> line.contains("](../pcap-samples/attacks/"))
                        .filter(line -> line.startsWith("| "))
                        .toList();
        List<String> expected = new ArrayList<>();
        for (AttackScript a : attacks()) {
            StringBuilder row = new StringBuilder();
            for (String key : List.of("about", "reference", "expect")) {
                row.append("| ").append(a.header(key).replace("|", "\\|")).append(' ');
            }
            row.append("| [%1$s](../pcap-samples/attacks/%1$s.txt) |".formatted(a.name()));
            expected.add(row.toString());
        }
        assertThat(rows.stream().map(r -> r.substring(0, r.indexOf(".txt) |") + 7)))
                .containsExactlyElementsOf(expected);
        assertThat(rows.stream().map(r -> r.substring(r.indexOf(".txt) |") + 7)))
                .allSatisfy(AttackSamplesTest::namesTests);
    }

    private static void namesTests(String cell) throws IOException {
        List<String> named = MENTION.matcher(cell).results().map(m -> m.group(1)).toList();
        assertThat(named).isNotEmpty();
        for (String test : named) {
            String type = test.replaceFirst("\\..*", "");
            List<Path> sources;
            try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
                sources = files.filter(f -> f.endsWith(type + ".java")).toList();
            }
            assertThat(sources).as(type).hasSize(1);
            if (test.contains(".")) {
                assertThat(Files.readString(sources.getFirst()))
                        .as(test)
                        .contains("void " + test.substring(type.length() + 1) + "(");
            }
        }
    }
}
