package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A running gateway, asked by its own client commands while real transfers pass. */
class ControlApiIT {
    @TempDir private Path folder;
    private Lab lab;

    @BeforeEach
    void up() throws Exception {
        lab = Lab.up("pitc", "routed");
        lab.server("vsftpd");
    }

    @AfterEach
    void down() throws Exception {
        lab.close();
    }

    private String ask(String... command) {
        return GatewayProcess.ask(lab, folder.resolve("c"), command);
    }

    @Test
    void theCommandsTellWhatPassed() throws Exception {
        Path socket = folder.resolve("c");
        try (GatewayProcess gateway = GatewayProcess.start(lab, "--control", socket.toString())) {
            gateway.await("control API at");
            // A client that asks for events and never reads holds nobody up.
            try (SocketChannel deaf = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                deaf.write(
                        ByteBuffer.wrap(
                                "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"
                                        .getBytes(StandardCharsets.US_ASCII)));
                lab.transfer("-m active").ok();
                lab.transfer("-m epsv -6").ok();
            }
            assertThat(ask("status")).contains("nfqueue, fail closed", "2 used");
            assertThat(ask("flows", "--port", "21"))
                    .contains("src=198.51.100.10 dst=203.0.113.20", "role=control");
            String flow =
                    ask("flows", "--port", "21", "--json")
                            .lines()
                            .filter(l -> l.startsWith("{"))
                            .findFirst()
                            .orElseThrow()
                            .replaceFirst(".*\"id\":\"([^\"]+)\".*", "$1");
            ask("flows", "--delete", flow);
            assertThat(ask("flows", "--json")).doesNotContain(flow);
            assertThat(ask("reload")).contains("in force");
            assertThat(ask("status")).contains("generation 2");
            gateway.stop();
        }
        assertThat(socket).doesNotExist();
    }

    /** An offloaded connection ends unseen; the kernel tells. */
    @Test
    void theKernelTellsOfTheEndOfWhatItCarries() throws Exception {
        Path socket = folder.resolve("c");
        Path file = lab.folder().resolve("srv/pub/slow.bin");
        lab.in("server", "truncate -s 100M " + file + " && chmod 644 " + file).ok();
        try (GatewayProcess gateway = GatewayProcess.start(lab, "--control", socket.toString())) {
            Process transfer =
                    lab.start(
                            "client",
                            "exec curl -sS --limit-rate 1M -o /dev/null"
                                    + " ftp://203.0.113.20/pub/slow.bin",
                            folder.resolve("curl"));
            String offloaded = "";
            for (int i = 0; i < 50 && offloaded.isEmpty(); i++) {
                offloaded = ask("flows", "--offloaded");
            }
            assertThat(offloaded).contains("[OFFLOAD]", "role=data");
            assertThat(ask("status", "--json")).contains("\"offloaded\":1", "\"flows\":2");
            // Both ends vanish without a word, and the kernel forgets the connection.
            for (String end : new String[] {"client", "server"}) {
                lab.in(end, "ip link set eth0 down").ok();
            }
            transfer.destroyForcibly();
            lab.in("gw", "conntrack -D -p tcp --mark 0x10000000/0x10000000").ok();
            String status = "";
            for (int i = 0; i < 20 && !status.contains("\"offloaded\":0"); i++) {
                status = ask("status", "--json");
            }
            assertThat(status).contains("\"offloaded\":0", "\"kernel_end_events\":1");
            assertThat(ask("flows")).doesNotContain("role=data").contains("role=control");
            gateway.await(line -> line.contains(" data ") && line.contains("bytes="), "its end");
            gateway.stop();
        }
    }
}
