package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Session after session with every mode of transfer, most against {@link FtpLoad}'s own server,
 * some against vsftpd: at the end nothing is left of them, in the process or in the kernel. A few
 * seconds in CI, {@code -Dpinhole.soak=900} for a quarter of an hour, which must bring 100,000.
 */
class SoakIT {
    private static final int SECONDS = Integer.getInteger("pinhole.soak", 12);

    /** From here on with the timeouts of everyday life, and a wait for them at the end. */
    private static final boolean LONG = SECONDS >= 300;

    @TempDir private Path folder;
    private Path socket;
    private Lab lab;

    private record Sample(long heapKib, long residentKib, long descriptors, long flows) {}

    @Test
    void leavesNothingBehind() throws Exception {
        socket = folder.resolve("c");
        List<String> options =
                new ArrayList<>(
                        List.of("-D", "ftp_ports={21,2121}", "--control", socket.toString()));
        if (!LONG) {
            options.addAll(List.of("--set", "timeouts.time-wait=2", "--set", "timeouts.close=2"));
        }
        try (Lab up = Lab.up("pits", "routed")) {
            lab = up;
            lab.server("vsftpd");
            if (!LONG) {
                String sysctl = "sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_";
                lab.in("gw", sysctl + "time_wait=2; " + sysctl + "close=2").ok();
            }
            Path file = lab.folder().resolve("srv/pub/small.txt");
            Path served = folder.resolve("server");
            Process server =
                    lab.start("server", "exec " + java("Server", "2121", file.toString()), served);
            try (GatewayProcess gateway =
                    GatewayProcess.start(lab, options.toArray(String[]::new))) {
                gateway.await("control API at");
                run(gateway, file);
                gateway.stop();
            } finally {
                server.destroy();
            }
        }
    }

    private void run(GatewayProcess gateway, Path file) throws Exception {
        long rules = rules();
        Path output = folder.resolve("load");
        Process load =
                lab.start(
                        "client",
                        "exec "
                                + java(
                                        "Client",
                                        Integer.toString(SECONDS),
                                        file.toString(),
                                        "12,203.0.113.20,2001:db8:2::20,2121,ours",
                                        "2,203.0.113.20,2001:db8:2::20,21,vsftpd"),
                        output);
        // What a fifth of the time needs is what the whole needs.
        GatewayProcess.sleep(SECONDS * 200L);
        Sample early = sample(gateway);
        for (int i = 2; i <= 4; i++) {
            GatewayProcess.sleep(SECONDS * 200L);
            System.out.println("soak: " + sample(gateway));
        }
        assertThat(load.waitFor(SECONDS + 90L, TimeUnit.SECONDS)).isTrue();
        String said = Files.readString(output);
        System.out.println("soak: " + said.replace("\n", ", "));
        assertThat(said).as(gateway.log()).contains("failed 0\n");
        long sessions =
                number(said, "sessions ours (\\d+)") + number(said, "sessions vsftpd (\\d+)");
        assertThat(number(said, "sessions vsftpd (\\d+)")).isPositive();
        assertThat(sessions).isGreaterThan(LONG ? 100_000 * SECONDS / 900 : 50);

        for (int i = 0; i < 200 && stat("flows") + stat("offloaded") > 0; i++) {
            GatewayProcess.sleep(1000);
        }
        assertThat(stat("flows")).isZero();
        assertThat(stat("sessions")).isZero();
        assertThat(stat("pinholes")).isZero();
        assertThat(stat("offloaded")).isZero();
        assertThat(stat("used")).isEqualTo(sessions);
        assertThat(stat("lost")).isZero();
        assertThat(stat("internal_errors")).isZero();
        Sample late = sample(gateway);
        System.out.println("soak: early " + early + ", late " + late);
        // In a short run the tables and what is remembered for reports still grow to their size
        // after the first sample; a leak shows in the long one.
        long room = (LONG ? 8 : 48) << 10;
        assertThat(late.heapKib).as("heap after collection").isLessThan(early.heapKib + room);
        assertThat(late.residentKib).isLessThan(early.residentKib + (96 << 10));
        assertThat(late.descriptors).isLessThanOrEqualTo(early.descriptors + 2);
        assertThat(rules()).as("kernel rules").isEqualTo(rules);
        String table = "conntrack -L 2>/dev/null | grep -c 'mark=2684' || true";
        assertThat(lab.in("gw", table).output().strip()).as("marked connections").isEqualTo("0");
    }

    private static String java(String program, String... arguments) {
        List<String> command = new ArrayList<>(GatewayProcess.command());
        command.removeLast();
        command.add("'" + FtpLoad.class.getName() + "$" + program + "'");
        command.addAll(List.of(arguments));
        return String.join(" ", command);
    }

    private long rules() {
        return lab.in("gw", "iptables-save; ip6tables-save; nft list ruleset")
                .output()
                .lines()
                .count();
    }

    private Sample sample(GatewayProcess gateway) throws IOException, InterruptedException {
        String pid = Long.toString(gateway.pid());
        jcmd(pid, "GC.run");
        long heap = number(jcmd(pid, "GC.heap_info"), "Tenured.*?used (\\d+)K");
        String status = Files.readString(Path.of("/proc", pid, "status"));
        try (Stream<Path> open = Files.list(Path.of("/proc", pid, "fd"))) {
            return new Sample(
                    heap, number(status, "VmRSS:\\s+(\\d+) kB"), open.count(), stat("flows"));
        }
    }

    private String jcmd(String pid, String command) throws IOException, InterruptedException {
        Path output = folder.resolve("jcmd");
        new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                        pid,
                        command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start()
                .waitFor();
        return Files.readString(output);
    }

    private long stat(String name) {
        return number(
                GatewayProcess.ask(lab, socket, "status", "--json"), "\"" + name + "\":(\\d+)");
    }

    private static long number(String text, String pattern) {
        Matcher found = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        assertThat(found.find()).as(pattern + " in " + text).isTrue();
        return Long.parseLong(found.group(1));
    }
}
