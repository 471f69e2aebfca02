package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code pinhole monitor} beside real transfers: what the rules would do to them. */
class MonitorIT {
    private static final String ONLY_CONTROL = "stateful-nohelper.nft";

    @TempDir private Path folder;

    private String pinhole(String... arguments) {
        return String.join(" ", GatewayProcess.command(arguments));
    }

    private static List<String> lines(String text, Predicate<String> wanted) {
        return text.lines()
                .filter(wanted)
                .map(l -> l.replaceAll("\"time\":\"[^\"]*\"", ""))
                .toList();
    }

    private Path rules() throws Exception {
        Path rules = folder.resolve(ONLY_CONTROL);
        try (var in = MonitorIT.class.getResourceAsStream("/rulesets/" + ONLY_CONTROL)) {
            Files.copy(in, rules);
        }
        return rules;
    }

    @Test
    void saysWhatAnalyzeSaysAndKeepsWhatWouldBeDropped() throws Exception {
        Path rules = rules();
        Path dropped = folder.resolve("dropped.pcapng");
        Path all = folder.resolve("all.pcap");
        Path out = folder.resolve("out");
        String watched;
        try (Lab lab = Lab.up("pitw", "routed")) {
            lab.server("vsftpd");
            lab.run("capture", all.toString(), "-i", "c0", "tcp").ok();
            Process monitor =
                    lab.start(
                            "gw",
                            "exec "
                                    + pinhole(
                                            "monitor",
                                            "-i",
                                            "c0",
                                            "-r",
                                            rules.toString(),
                                            "--json",
                                            "--verdicts",
                                            "--write",
                                            dropped.toString(),
                                            "tcp"),
                            out);
            await(out, "watching c0");
            // Nothing filters here: the transfers succeed, and most of them would not have.
            lab.transfer("-c curl -m epsv -f medium.bin").ok();
            lab.transfer("-c ftplib -m active -o multi").ok();
            lab.in(
                    "client",
                    "/usr/bin/python3 -c \"import socket; s=socket.socket(2,2);"
                            + " s.sendto(b'not tcp', ('203.0.113.20', 9))\"");
            lab.transfer("-c curl -m eprt -6").ok();
            GatewayProcess.sleep(700);
            lab.run("capture", "stop").ok();
            // Not INT: who was started in the background of a script ignores that.
            new ProcessBuilder("kill", "-TERM", Long.toString(monitor.pid())).start().waitFor();
            assertThat(monitor.waitFor(20, TimeUnit.SECONDS)).isTrue();
            watched = Files.readString(out);
            assertThat(monitor.exitValue()).as(watched).isZero();

            // The same words as analyze of a capture of the same packets, but for the time.
            String analyzed =
                    lab.in(
                                    "gw",
                                    pinhole(
                                            "analyze",
                                            "-r",
                                            rules.toString(),
                                            "--json",
                                            "--verdicts",
                                            all.toString()))
                            .ok()
                            .output();
            for (String kind :
                    List.of("verdict", "control", "data", "pinhole", "alert", "diagnosis")) {
                Predicate<String> wanted = l -> l.startsWith("{\"event\":\"" + kind + "\"");
                assertThat(normal(lines(watched, wanted)))
                        .as(kind)
                        .isEqualTo(normal(lines(analyzed, wanted)));
            }
            List<String> drops = lines(watched, MonitorIT::isDrop);
            assertThat(drops).hasSizeGreaterThan(100);
            assertThat(lines(watched, l -> l.contains("\"event\":\"verdict\"")))
                    .as("no UDP, by the filter")
                    .hasSizeGreaterThan(drops.size());

            // What was kept: those, neither more nor less, for other programs to read.
            List<String> kept = packets(lab, dropped);
            assertThat(kept).hasSize(drops.size());
            List<String> seen = packets(lab, all);
            List<String> expected = new ArrayList<>();
            for (String drop : lines(analyzed, MonitorIT::isDrop)) {
                expected.add(
                        seen.get(
                                Integer.parseInt(drop.replaceFirst(".*\"packet\":(\\d+).*", "$1"))
                                        - 1));
            }
            assertThat(kept).containsExactlyInAnyOrderElementsOf(expected);
            String again =
                    lab.in("gw", pinhole("analyze", "--json", dropped.toString())).ok().output();
            assertThat(again).contains("\"packets\":" + drops.size() + ",");
        }
    }

    private static boolean isDrop(String line) {
        return line.contains("\"verdict\":\"drop\"") && line.contains("\"event\":\"verdict\"");
    }

    /**
     * Without what may differ: the names of files, and the places of packets. Those that two CPUs
     * deliver at once reach the two sockets (the monitor's, and the capture's) in two orders.
     */
    private static List<String> normal(List<String> lines) {
        return lines.stream()
                .map(l -> l.replaceAll("\"(file|capture)\":\"/?(tmp/[^\"]*|c0)\"", ""))
                .map(l -> l.replaceAll("\"packet\":\\d+", ""))
                .sorted()
                .toList();
    }

    private static List<String> packets(Lab lab, Path file) {
        return lab.in("gw", "tcpdump -nn -t -S -r " + file + " 2>/dev/null")
                .ok()
                .output()
                .lines()
                .toList();
    }

    private static void await(Path file, String text) throws Exception {
        for (int i = 0; i < 400 && !Files.readString(file).contains(text); i++) {
            GatewayProcess.sleep(50);
        }
        assertThat(Files.readString(file)).contains(text);
    }

    @Test
    void saysWhatIsWrongAtTheStart() throws Exception {
        try (Lab lab = Lab.up("pitw", "routed")) {
            refuses(lab, "", "monitor -i nosuch", "nosuch");
            refuses(lab, "", "monitor -i c0 tcp porrt 21", "filter 'tcp porrt 21'");
            refuses(lab, "", "monitor -i c0 -r /nonexistent.nft", "/nonexistent.nft");
            refuses(lab, "", "monitor -i c0 --write /nonexistent/f", "/nonexistent/f");
            refuses(
                    lab,
                    "setpriv --bounding-set=-all --inh-caps=-all -- ",
                    "monitor -i c0",
                    "CAP_NET_RAW");
        }
    }

    private void refuses(Lab lab, String wrapper, String arguments, String message) {
        Lab.Ran ran = lab.in("gw", wrapper + pinhole(arguments.split(" ")));
        assertThat(ran.status()).as(ran.output()).isEqualTo(2);
        assertThat(ran.output()).contains(message).doesNotContain("Exception");
    }

    @Test
    void endsAfterACountAndWithTheInterface() throws Exception {
        try (Lab lab = Lab.up("pitw", "routed")) {
            lab.server("vsftpd");
            Path out = folder.resolve("out");
            Process counted =
                    lab.start("gw", "exec " + pinhole("monitor", "-i", "any", "-c", "5"), out);
            await(out, "watching any");
            lab.transfer("-c curl").ok();
            assertThat(counted.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(counted.exitValue()).isZero();
            assertThat(Files.readString(out)).contains("5 packets");

            Path gone = folder.resolve("gone");
            Process orphan = lab.start("gw", "exec " + pinhole("monitor", "-i", "s0"), gone);
            await(gone, "watching s0");
            lab.in("gw", "ip link del s0").ok();
            assertThat(orphan.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(orphan.exitValue()).as(Files.readString(gone)).isEqualTo(3);
        }
    }
}
