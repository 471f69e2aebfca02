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
}
