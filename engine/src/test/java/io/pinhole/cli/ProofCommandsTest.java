package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What {@code diff}, {@code check --never} and {@code --always} say, and that it plays. */
class ProofCommandsTest {
    private static final Path CAPTURE = Path.of("../pcap-samples/vsftpd-curl-passive-get.pcap");

    @TempDir Path dir;

    private record Ran(int status, String text) {}

    @BeforeEach
    void twoRuleSets() throws Exception {
        String old = Files.readString(Path.of("../rules/ftp-gateway.nft"));
        Files.writeString(dir.resolve("old.nft"), old);
        String without =
                old.lines()
                        .filter(l -> !l.contains("ct helper \"ftp\" accept"))
                        .collect(Collectors.joining("\n"));
        Files.writeString(dir.resolve("new.nft"), without + "\n");
        Files.copy(CAPTURE, dir.resolve("monday.pcap"));
    }

    private Ran run(Function<OutputStream, Callable<Integer>> make, Object... words)
            throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Callable<Integer> command = make.apply(out);
        String[] args = new String[words.length];
        for (int i = 0; i < words.length; i++) {
            args[i] = words[i].toString();
        }
        new CommandLine(command).parseArgs(args);
        int status = command.call();
        return new Ran(status, out.toString(StandardCharsets.UTF_8));
    }

    private Ran plays(String rules, Path scenario) throws Exception {
        return run(TestCommand::new, "-r", dir.resolve(rules), scenario);
    }

    /** As docs/check.md shows it. */
    @Test
    void aDifferenceIsToldOnRecordedTraffic() throws Exception {
        Path capture = dir.resolve("monday.pcap");
        Ran ran =
                run(
                        DiffCommand::new,
                        dir.resolve("old.nft"),
                        dir.resolve("new.nft"),
                        "--on",
                        capture);
        assertThat(ran.status).isEqualTo(1);
        assertThat(ran.text)
                .contains("@@ data connections through pinholes @@\n- tcp dport 1024-65535\n")
                .contains("monday.pcap: 8 of 38 packets fare otherwise @@\n")
                .contains("- tcp 198.51.100.10:52632 > 203.0.113.20:6590  passive RETR small.txt\n")
                .contains("was accept (ct related) by");
    }

    @Test
    void noDifferenceIsToldOnRecordedTraffic() throws Exception {
        Path rules = dir.resolve("old.nft");
        Ran ran = run(DiffCommand::new, rules, rules, "--on", dir.resolve("monday.pcap"));
        assertThat(ran.status).isZero();
        assertThat(ran.text)
                .contains("\nthe same packets pass\n")
                .contains("monday.pcap: 0 of 38 packets fare otherwise @@\n");
    }

    @Test
    void theExamplesOfADifferencePlay() throws Exception {
        Path scenario = dir.resolve("difference.scenario");
        run(
                DiffCommand::new,
                dir.resolve("old.nft"),
                dir.resolve("new.nft"),
                "--scenario",
                scenario);
        assertThat(plays("new.nft", scenario).status).isZero();
        Ran old = plays("old.nft", scenario);
        assertThat(old.status).isEqualTo(1);
        assertThat(old.text).contains("passes no longer: tcp");
    }

    @Test
    void claimsAreProvedOrRefutedByATestThatPlays() throws Exception {
        Path rules = dir.resolve("old.nft");
        Ran held =
                run(
                        CheckCommand::new,
                        rules,
                        "--never",
                        "any -> 203.0.113.10:22",
                        "--always",
                        "any -> 203.0.113.10:21");
        assertThat(held.status).isZero();
        assertThat(held.text).containsOnlyOnce("never any -> 203.0.113.10:22: holds");
        assertThat(held.text).containsOnlyOnce("always any -> 203.0.113.10:21: holds");

        Ran refuted = run(CheckCommand::new, rules, "--never", "any -> 203.0.113.10:3306");
        assertThat(refuted.status).isEqualTo(1);
        assertThat(refuted.text).contains("does not hold");
        String marker = "  as a test:\n";
        String printed =
                refuted.text
                        .substring(refuted.text.indexOf(marker) + marker.length())
                        .stripIndent();
        assertThat(printed).contains("PASV").contains("syn accept related");
        Path scenario = dir.resolve("refuted.scenario");
        Files.writeString(scenario, printed);
        assertThat(plays("old.nft", scenario).status).isZero();
        assertThat(plays("new.nft", scenario).status).isEqualTo(1);
    }

    @Test
    void ofADamagedCaptureWhatComesBeforeIsRecorded() throws Exception {
        byte[] whole = Files.readAllBytes(CAPTURE);
        Path cut = dir.resolve("cut.pcap");
        Files.write(cut, Arrays.copyOf(whole, 700));
        Ran ran = run(RecordCommand::new, cut);
        assertThat(ran.status).isEqualTo(3);
        assertThat(ran.text).contains("rules   ftp-gateway.nft");
    }
}
