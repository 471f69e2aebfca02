package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code pinhole explain} and {@code analyze --explain}. */
class ExplainCommandTest {
    private static final Path SAMPLES = Path.of("../pcap-samples");
    private static final String GATEWAY = "../rules/ftp-gateway.nft";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private static String explain(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(new CommandLine(new ExplainCommand(out)).execute(args)).isZero();
        return out.toString(StandardCharsets.UTF_8);
    }

    private static String analyze(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(new CommandLine(new AnalyzeCommand(out)).execute(args)).isZero();
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void fitsTheScreenAndNamesTheCure() {
        String text = explain(GATEWAY, "tcp 203.0.113.10:20 > 198.51.100.7:50001 syn");
        assertThat(text.lines()).allMatch(line -> line.length() <= 100);
        assertThat(text)
                .contains("DROP at hook forward by policy ftp-gateway.nft:")
                .contains("1. ct state related instead of new, ct helper \"ftp\"")
                .contains("this rule set assigns one at")
                .contains("> 198.51.100.7:50001 syn' --state");
    }

    /** What analyze says of each packet is what the explanation of that packet ends in. */
    @ParameterizedTest(name = "{0} under {1}")
    @CsvSource({
        "proftpd-curl-bridge-passive.pcap, active-stateful.nft",
        "ftp-and-synscan.pcap, ftp-gateway.nft",
        "proftpd-curl-bridge-passive.pcap, passive-stateless.nft"
    })
    void explainsPacketsOfACapture(String capture, String rules) {
        String file = SAMPLES.resolve(capture).toString();
        String set = "../rules/" + rules;
        List<JsonNode> verdicts =
                analyze("-r", set, "--json", "--verdicts", file)
                        .lines()
                        .map(JSON::readTree)
                        .filter(e -> e.get("event").asString().equals("verdict"))
                        .toList();
        for (int i = 0; i < verdicts.size(); i += 1 + verdicts.size() / 12) {
            JsonNode verdict = verdicts.get(i);
            String number = verdict.get("packet").asString();
            JsonNode e = JSON.readTree(analyze("-r", set, "--json", "--explain", number, file));
            assertThat(e.get("verdict")).as("packet %s", number).isEqualTo(verdict.get("verdict"));
            assertThat(e.get("rule")).as("packet %s", number).isEqualTo(verdict.get("rule"));
            if (verdict.has("ct")) {
                assertThat(e.get("tracking").asString())
                        .startsWith("ct state " + verdict.get("ct").asString());
            }
        }
    }

    @Test
    void listsTheRuleSetWithItsCounters() {
        String file = SAMPLES.resolve("proftpd-curl-bridge-passive.pcap").toString();
        String one = analyze("-r", GATEWAY, "--threads", "1", "--list-ruleset", file);
        assertThat(one).containsPattern("ct state established accept # packets [1-9]");
        assertThat(analyze("-r", GATEWAY, "--threads", "4", "--list-ruleset", file)).isEqualTo(one);
    }

    @ParameterizedTest(name = "{1} {2} {3}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # packet                    | option      | value    | message
                    tcp 1.2.3.4:1 > 5.6.7.8     | --state     | new      | packet, column 17: expected a port behind the address, as in 5.6.7.8:21
                    tcp 1.2.3.4:1 > 5.6.7.8:2   | --state     | neu      | --state knows new, established, related, invalid and untracked, not 'neu'
                    tcp 1.2.3.4:1 > 5.6.7.8:2   | --direction | back     | --direction knows original and reply, not 'back'
                    tcp 1.2.3.4:1 > 5.6.7.8:2   | --local     | here     | --local 'here' is no IP address
                    tcp 1.2.3.4:1 > 5.6.7.8:2   | --ct-mark   | -1       | --ct-mark '-1' is no 32-bit number
                    """)
    void saysWhatIsWrong(String packet, String option, String value, String message) {
        CommandLine command = new CommandLine(new ExplainCommand(new ByteArrayOutputStream()));
        Exception[] thrown = {null};
        command.setExecutionExceptionHandler(
                (e, c, p) -> {
                    thrown[0] = e;
                    return 2;
                });
        assertThat(command.execute(GATEWAY, packet, option, value)).isEqualTo(2);
        assertThat(((UserError) thrown[0]).lines().getFirst()).isEqualTo(message);
    }
}
