package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The gateway as a service of systemd: what it says to it, and the unit file. */
class ServiceIT {
    private static final Path UNIT =
            Path.of(System.getProperty("pinhole.root"), "docs", "pinhole.service");

    @TempDir private Path folder;

    /** Prints each datagram on a line, after the path was bound. */
    private static final String LISTENER =
            """
            exec /usr/bin/python3 -u - '%s' <<'EOF'
            import socket, sys
            name = sys.argv[1]
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind("\\0" + name[1:] if name[0] == "@" else name)
            print("bound")
            while True: print(s.recv(4096).decode().replace("\\n", " "))
            EOF
            """;

    @ParameterizedTest
    @ValueSource(strings = {"path", "abstract"})
    void systemdLearnsHowItDoes(String kind) throws Exception {
        String name = kind.equals("path") ? folder.resolve("n").toString() : "@pinhole-test";
        Path heard = folder.resolve("heard");
        Path rules = folder.resolve("rules.nft");
        String set =
                Files.readString(
                        Path.of(System.getProperty("pinhole.root"), "rules/ftp-gateway.nft"));
        Files.writeString(rules, set);
        try (Lab lab = Lab.up("pitn", "routed")) {
            Process listener = lab.start("gw", LISTENER.formatted(name), heard);
            await(heard, "bound");
            List<String> service = List.of("env", "NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=400000");
            try (GatewayProcess gateway =
                    GatewayProcess.start(
                            lab,
                            service,
                            System.getProperty("java.class.path"),
                            "-r",
                            rules.toString())) {
                await(heard, "READY=1 STATUS=judging packets");
                await(heard, "WATCHDOG=1\nWATCHDOG=1\n");
                gateway.signal("HUP");
                await(heard, "READY=1 STATUS=judging packets\n.*RELOADING=1 MONOTONIC_USEC=\\d+\n");
                gateway.await("reload rules.nft");
                Files.writeString(rules, "table inet broken {");
                gateway.signal("HUP");
                await(heard, "READY=1 STATUS=judging packets; a reload was refused");

                // Who does not turn over says nothing: systemd will kill it.
                gateway.signal("STOP");
                GatewayProcess.sleep(300);
                long before = Files.size(heard);
                GatewayProcess.sleep(1000);
                assertThat(Files.size(heard)).isEqualTo(before);
                gateway.signal("CONT");
                gateway.stop();
            }
            await(heard, "STOPPING=1\n$");
            listener.destroy();
            listener.waitFor(5, TimeUnit.SECONDS);
        }
    }

    private static void await(Path file, String pattern) throws Exception {
        for (int i = 0; i < 200; i++) {
            if (Files.exists(file)
                    && java.util.regex.Pattern.compile(pattern, java.util.regex.Pattern.DOTALL)
                            .matcher(Files.readString(file))
                            .find()) {
                return;
            }
            GatewayProcess.sleep(50);
        }
        throw new AssertionError("no \"" + pattern + "\" in: " + Files.readString(file));
    }

    /** Without the privileges that the unit gives, the message names them. */
    @ParameterizedTest
    @ValueSource(strings = {"", "--mode bridge --between c0,s0"})
    void saysWhichPrivilegeIsMissing(String mode) throws Exception {
        try (Lab lab = Lab.up("pitn", "wire")) {
            String java =
                    String.join(
                            " ", GatewayProcess.command(("gateway " + mode).strip().split(" ")));
            Lab.Ran ran = lab.in("gw", "setpriv --bounding-set=-all --inh-caps=-all -- " + java);
            assertThat(ran.status()).as(ran.output()).isEqualTo(2);
            assertThat(ran.output()).contains("CAP_NET_").doesNotContain("Exception");
        }
    }

    /** What goes together and what does not, told before anything is touched. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    --between c0,s0                                 | 2 | --between goes with --mode bridge
                    --mode bridge                                   | 2 | --mode bridge needs --between IF1,IF2
                    --mode bridge --between c0,s0 --queues 2        | 2 | --queues goes with --mode nfqueue
                    --snapshot f                                    | 2 | --snapshot goes with --mode bridge
                    --mode bridge --between c0,s0 --dry-run         | 0 | c0 and s0 would be joined, MTU 1500
                    --mode bridge --between c0,none --dry-run       | 2 | there is no interface none
                    --dry-run                                       | 0 | -A PINHOLE-FORWARD -j NFQUEUE --queue-num 2100
                    --mode nfqeue                                   | 2 | --mode knows nfqueue, bridge, not 'nfqeue'
                    """)
    void optionsThatDoNotFitAreRefused(String options, int status, String message)
            throws Exception {
        try (Lab lab = Lab.up("pitn", "wire")) {
            Lab.Ran ran =
                    lab.in(
                            "gw",
                            String.join(
                                    " ",
                                    GatewayProcess.command(("gateway " + options).split(" "))));
            assertThat(ran.status()).as(ran.output()).isEqualTo(status);
            assertThat(ran.output()).contains(message);
            assertThat(lab.in("gw", "iptables-save").output()).doesNotContain("PINHOLE");
        }
    }

    @Test
    void systemdFindsNoFaultInTheUnit() throws Exception {
        Path tool = Path.of("/usr/bin/systemd-analyze");
        Assumptions.assumeTrue(Files.isExecutable(tool), "needs systemd-analyze");
        // The program is not installed here; all else is as it stands.
        Path unit = folder.resolve("pinhole.service");
        Files.writeString(unit, Files.readString(UNIT).replace("/usr/bin/pinhole", "/bin/true"));
        assertThat(ran(tool.toString(), "verify", unit.toString())).isEmpty();
        assertThat(Files.readString(UNIT).lines().filter(l -> l.contains("CAP_")))
                .containsExactly(
                        "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW",
                        "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW");
    }

    private String ran(String... command) throws Exception {
        Path output = folder.resolve("output");
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(output)).isZero();
        return Files.readString(output);
    }
}
