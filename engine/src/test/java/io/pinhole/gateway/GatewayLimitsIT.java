package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** More than a gateway has room for: flows, and clients of its API that do not read. */
class GatewayLimitsIT {
    private static final String URL = "ftp://203.0.113.20/pub/";

    @TempDir private Path folder;
    private Lab lab;
    private Path socket;

    @BeforeEach
    void up() throws Exception {
        lab = Lab.up("pitl", "routed");
        lab.server("vsftpd");
        socket = folder.resolve("c");
    }

    @AfterEach
    void down() throws Exception {
        lab.close();
    }

    private long stat(String name) {
        String json = GatewayProcess.ask(lab, socket, "status", "--json");
        Matcher found = Pattern.compile("\"" + name + "\":(\\d+)").matcher(json);
        assertThat(found.find()).as(name + " in " + json).isTrue();
        return Long.parseLong(found.group(1));
    }

    private Process slowTransfer(Path output) throws IOException {
        Path file = lab.folder().resolve("srv/pub/slow.bin");
        lab.in("server", "truncate -s 40M " + file + " && chmod 644 " + file).ok();
        return lab.start(
                "client",
                "curl -sS --limit-rate 2M -o /dev/null -w '%{size_download}' " + URL + "slow.bin",
                output);
    }

    private static void arrived(Process transfer, Path output) throws Exception {
        assertThat(transfer.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(output)).isEqualTo(Integer.toString(40 << 20));
        assertThat(transfer.exitValue()).isZero();
    }

    /** SYNs to a port that the rules let in, of a host that is not there. */
    private void floodOfSyns(int connections) {
        lab.in(
                        "client",
                        """
                        /usr/bin/python3 - <<'EOF'
                        import socket
                        keep = []
                        for i in range(%d):
                            s = socket.socket(); s.setblocking(False)
                            s.connect_ex(("203.0.113.%%d" %% (100 + i %% 100), 21)); keep.append(s)
                        EOF
                        """
                                .formatted(connections))
                .ok();
    }

    @Test
    void aFullFlowTableKeepsWhatIsEstablished() throws Exception {
        Path output = folder.resolve("slow");
        try (GatewayProcess gateway =
                GatewayProcess.start(
                        lab,
                        "--set",
                        "limits.flows=64",
                        "--offload",
                        "none",
                        "--control",
                        socket.toString())) {
            Process slow = slowTransfer(output);
            gateway.await(" pinhole ");

            // What waits for its first answer gives way.
            floodOfSyns(500);
            assertThat(stat("flows")).isBetween(50L, 64L);
            lab.transfer("-c curl -m epsv").ok();
            lab.transfer("-c ftplib -m active -f big.bin").ok();

            // What is established does not: new connections do.
            Path held = folder.resolve("held");
            Process holder =
                    lab.start(
                            "client",
                            """
                            exec /usr/bin/python3 -u - <<'EOF'
                            import socket, time
                            keep = []
                            for i in range(90):
                                s = socket.socket(); s.settimeout(0.2)
                                try:
                                    s.connect(("203.0.113.20", 21)); keep.append(s)
                                except OSError: pass
                            print("open", len(keep)); time.sleep(60)
                            EOF
                            """,
                            held);
            for (int i = 0; i < 300 && Files.size(held) == 0; i++) {
                GatewayProcess.sleep(100);
            }
            assertThat(Files.readString(held)).matches("open (5|6)\\d\\s*");
            assertThat(lab.transfer("-c curl -t 3").status()).as("no room").isEqualTo(1);
            assertThat(stat("flows-full")).isPositive();
            assertThat(stat("flows")).isLessThanOrEqualTo(64);
            assertThat(slow.isAlive()).as("goes on beside it").isTrue();

            holder.destroy();
            arrived(slow, output);
            // A reset connection keeps its place for ten seconds.
            for (int i = 0; i < 30 && stat("flows") > 50; i++) {
                GatewayProcess.sleep(500);
            }
            lab.transfer("-c curl").ok();
            gateway.stop();
        }
    }

    /**
     * Clients that ask for everything and read nothing, as many as are let in; meanwhile events by
     * the ten thousand.
     */
    @Test
    void apiClientsThatNeverReadCostNothing() throws Exception {
        Path output = folder.resolve("slow");
        List<SocketChannel> deaf = new ArrayList<>();
        try (GatewayProcess gateway =
                GatewayProcess.start(lab, "--offload", "none", "--control", socket.toString())) {
            gateway.await("control API at");
            Process slow = slowTransfer(output);
            for (int i = 0; i < 240; i++) {
                SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
                channel.setOption(StandardSocketOptions.SO_RCVBUF, 4096);
                deaf.add(channel);
                String text =
                        switch (i % 4) {
                            case 0 -> "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
                            case 1 -> "GET /v1/flows HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
                            case 2 -> "GET /v1/events HTTP/1.1\r\nHost:";
                            default -> "";
                        };
                channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
            }
            lab.in(
                            "client",
                            """
                            /usr/bin/python3 - <<'EOF'
                            import ftplib
                            f = ftplib.FTP(); f.connect("203.0.113.20", 21, timeout=20)
                            f.login("anonymous", "x@example.net")
                            for i in range(10):
                                f.sock.sendall(b"PORT 10,0,0,1,4,31\\r\\n" * 500)
                                for j in range(500): f.getline()
                            EOF
                            """)
                    .ok();
            lab.transfer("-c curl -o multi -f big.bin").ok();
            lab.transfer("-c ftplib -m active -6 -o multi -m eprt").ok();
            assertThat(stat("bounce")).isPositive();
            assertThat(stat("refused")).isEqualTo(5000);
            assertThat(stat("lost")).isZero();
            assertThat(stat("internal_errors")).isZero();
            arrived(slow, output);
            gateway.stop();
        } finally {
            for (SocketChannel channel : deaf) {
                channel.close();
            }
        }
    }
}
