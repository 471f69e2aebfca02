package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Transfers that are right and that Linux's own helper breaks: announcements in several segments or
 * behind others, odd forms of them, an address that a careful client ignores. The client and server
 * of odd-client.py and odd-server.py, lftp and curl.
 */
class OddTransfersIT {
    private static final int CASES = 23;

    @TempDir private Path folder;

    private Path script(String name) throws IOException {
        Path to = folder.resolve(name);
        try (InputStream in = OddTransfersIT.class.getResourceAsStream("/lab/" + name)) {
            Files.copy(in, to);
        }
        return to;
    }

    @ParameterizedTest
    @ValueSource(strings = {"nfqueue", "bridge"})
    void arrive(String mode) throws Exception {
        boolean bridge = mode.equals("bridge");
        String host = bridge ? "192.0.2.20" : "203.0.113.20";
        String[] options =
                bridge ? new String[] {"--mode", "bridge", "--between", "c0,s0"} : new String[] {};
        try (Lab lab = Lab.up("pito", bridge ? "wire" : "routed");
                GatewayProcess gateway = GatewayProcess.start(lab, options)) {
            Path small = lab.folder().resolve("srv/pub/small.txt");
            Process server =
                    lab.start(
                            "server",
                            "exec /usr/bin/python3 %s %s %s"
                                    .formatted(
                                            script("odd-server.py"),
                                            host,
                                            lab.folder().resolve("srv")),
                            folder.resolve("server.log"));
            for (int i = 0; i < 50; i++) {
                if (!lab.in("server", "ss -Hltn 'sport = :21'").output().isBlank()) {
                    break;
                }
                GatewayProcess.sleep(100);
            }
            String said =
                    lab.in(
                                    "client",
                                    "/usr/bin/python3 %s %s %s"
                                            .formatted(script("odd-client.py"), host, small))
                            .output();
            assertThat(said.lines().filter(line -> !line.endsWith(": ok")).toList())
                    .as(Files.readString(folder.resolve("server.log")))
                    .isEmpty();
            assertThat(said.lines().count()).as(said).isEqualTo(CASES);

            // curl connects to the server it talks to, whatever address the 227 names.
            fetch(
                    lab,
                    small,
                    "curl -sS -m 8 --disable-epsv -o %s ftp://foreign:labpass@"
                            + host
                            + "/pub/small.txt");
            gateway.await(" alert address-mismatch ");
            server.destroy();
            server.waitFor(5, TimeUnit.SECONDS);

            // Commands without waiting for their replies.
            for (String name : List.of("vsftpd", "proftpd")) {
                lab.server(name);
                String user = name.equals("vsftpd") ? "anonymous,x@example.net" : "lab,labpass";
                fetch(
                        lab,
                        small,
                        "env HOME=%2$s lftp --norc -c \"set ftp:sync-mode off; set ftp:passive-mode off;"
                                        .replace("%2$s", folder.toString())
                                + " set net:timeout 6; set net:max-retries 1; set ftp:ssl-allow no;"
                                + " set dns:order 'inet inet6'; open -u "
                                + user
                                + " "
                                + host
                                + "; get pub/small.txt -o %s\"");
            }
            gateway.stop();
        }
    }

    private void fetch(Lab lab, Path original, String command) throws IOException {
        Path got = folder.resolve("got");
        lab.in("client", command.formatted(got)).ok();
        assertThat(got).hasSameBinaryContentAs(original);
        Files.delete(got);
    }
}
