package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class RecordCommandTest {
    private static final Path SAMPLES = Path.of("../pcap-samples");

    @TempDir Path dir;

    static Stream<String> captures() throws IOException {
        try (Stream<Path> files = Files.list(SAMPLES)) {
            return files
                    .map(p -> p.getFileName().toString())
                    .filter(n -> n.endsWith(".pcap") || n.endsWith(".pcapng"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    private String record(String capture, String... more) throws Exception {
        List<String> args = new ArrayList<>(List.of(more));
        if (capture.contains("port2121")) {
            args.addAll(List.of("--ftp-port", "2121"));
        }
        args.add(SAMPLES.resolve(capture).toString());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        RecordCommand command = new RecordCommand(out);
        new CommandLine(command).parseArgs(args.toArray(String[]::new));
        assertThat(command.call()).isZero();
        return out.toString(StandardCharsets.UTF_8);
    }

    private void passes(String scenario) throws Exception {
        Path file = dir.resolve("r.scenario");
        Files.writeString(file, scenario);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TestCommand test = new TestCommand(out);
        new CommandLine(test).parseArgs(file.toString());
        int status = test.call();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("all passed");
        assertThat(status).isZero();
    }

    /** The round trip: what was recorded passes under the same rules. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("captures")
    void passesUnderTheSameRules(String capture) throws Exception {
        passes(record(capture));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("captures")
    void passesUnderRulesThatBlockMuchOfIt(String capture) throws Exception {
        if (capture.contains("port2121")) {
            return;
        }
        String rules = Path.of("../rules/passive-stateful.nft").toAbsolutePath().toString();
        passes(record(capture, "-r", rules));
    }

    @Test
    void readsLikeADialogue() throws Exception {
        assertThat(record("vsftpd-curl-passive-get.pcap"))
                .contains("rules   ftp-gateway.nft")
                .contains("host    client 198.51.100.10")
                .contains("  connect client:59396 -> server:21 as c1 accept new\n")
                .contains("  C: PASV\n  S: 227 Entering Passive Mode (203,0,113,20,25,190).\n")
                .contains("  expect pinhole client -> server:6590\n")
                .contains("  transfer client:52632 -> server:6590 1080 accept related\n")
                .contains("  expect complete\n");
    }

    @Test
    void namesTheRulesFromItsOwnFolder() throws Exception {
        Path to = dir.resolve("sub/x.scenario");
        Files.createDirectories(to.getParent());
        record(
                "script-port-bounce.pcap",
                "-r",
                Path.of("../rules/both-stateful.nft").toString(),
                "-o",
                to.toString());
        String text = Files.readString(to);
        assertThat(text).contains("rules/both-stateful.nft").contains("expect alert bounce");
    }
}
