package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The live page in a browser, where there is one (Debian's chromium), beside real transfers. */
class LivePageIT {
    private static final Path BROWSER = Path.of("/usr/bin/chromium");

    @TempDir private Path folder;

    @Test
    void showsWhatHappens() throws Exception {
        Assumptions.assumeTrue(Files.isExecutable(BROWSER), "needs chromium");
        try (Lab lab = Lab.up("pitv", "routed")) {
            lab.server("vsftpd");
            Path file = lab.folder().resolve("srv/pub/slow.bin");
            lab.in("server", "truncate -s 100M " + file + " && chmod 644 " + file).ok();
            try (GatewayProcess gateway =
                    GatewayProcess.start(lab, "--control", "127.0.0.1:7621")) {
                gateway.await("control API at");
                Process slow =
                        lab.start(
                                "client",
                                "exec curl -sS --limit-rate 1M -o /dev/null"
                                        + " ftp://203.0.113.20/pub/slow.bin",
                                folder.resolve("curl"));
                gateway.await(" pinhole ");
                Path page = folder.resolve("page");
                Path said = folder.resolve("said");
                Process browser = open(lab, said);
                try {
                    // While the page is open.
                    for (int i = 0; i < 20; i++) {
                        lab.transfer("-c ftplib -m active").ok();
                        GatewayProcess.sleep(300);
                    }
                    List<String> command = new ArrayList<>(GatewayProcess.command());
                    command.removeLast();
                    command.add("'" + Reader.class.getName() + "'");
                    Files.writeString(page, lab.in("gw", String.join(" ", command)).ok().output());
                } finally {
                    browser.destroy();
                    browser.waitFor(20, TimeUnit.SECONDS);
                }
                String shown = Files.readString(page);
                assertThat(shown)
                        .as(Files.readString(said))
                        .contains("class=\"good\">running<")
                        .contains("nfqueue, fail closed", "ftp-gateway.nft, generation 1")
                        .containsPattern("<td>data</td><td>198.51.100.10:\\d+ &gt; 203.0.113.20")
                        .contains("<td>kernel</td>")
                        .contains("<td class=\"kind kind-data\">data</td>")
                        .contains("RETR pub/small.txt 1.08 kB complete accept")
                        .contains("ct state established accept");
                assertThat(Files.readString(said)).doesNotContain("Uncaught", "Refused to");
                slow.destroy();
                gateway.stop();
            }
        }
    }

    private Process open(Lab lab, Path said) throws Exception {
        List<String> command =
                List.of(
                        "ip",
                        "netns",
                        "exec",
                        lab.namespace("gw"),
                        BROWSER.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-quic",
                        "--no-first-run",
                        "--disable-background-networking",
                        "--disable-component-update",
                        "--disable-sync",
                        "--enable-logging=stderr",
                        "--user-data-dir=" + folder.resolve("profile"),
                        "--remote-debugging-port=9222",
                        "http://127.0.0.1:7621/");
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
    }

    /**
     * Prints the document that the browser shows now (DevTools protocol, {@code Runtime.evaluate}).
     * A program of its own, for the browser's network namespace.
     */
    public static final class Reader {
        private Reader() {}

        public static void main(String[] arguments) throws Exception {
            try (HttpClient http = HttpClient.newHttpClient()) {
                URI list = URI.create("http://127.0.0.1:9222/json");
                HttpRequest ask = HttpRequest.newBuilder(list).build();
                String pages = http.send(ask, HttpResponse.BodyHandlers.ofString()).body();
                String url = null;
                for (JsonNode page : JsonMapper.shared().readTree(pages)) {
                    if (page.path("type").asString().equals("page")) {
                        url = page.path("webSocketDebuggerUrl").asString();
                    }
                }
                CompletableFuture<String> answer = new CompletableFuture<>();
                StringBuilder text = new StringBuilder();
                WebSocket socket =
                        http.newWebSocketBuilder()
                                .buildAsync(
                                        URI.create(String.valueOf(url)),
                                        new WebSocket.Listener() {
                                            @Override
                                            public CompletionStage<?> onText(
                                                    WebSocket from,
                                                    CharSequence part,
                                                    boolean last) {
                                                text.append(part);
                                                if (last) {
                                                    answer.complete(text.toString());
                                                }
                                                from.request(1);
                                                return null;
                                            }
                                        })
                                .get(10, TimeUnit.SECONDS);
                socket.sendText(
                        "{\"id\":1,\"method\":\"Runtime.evaluate\",\"params\":"
                                + "{\"expression\":\"document.documentElement.outerHTML\"}}",
                        true);
                String json = answer.get(10, TimeUnit.SECONDS);
                System.out.println(
                        JsonMapper.shared().readTree(json).at("/result/result/value").asString());
                socket.abort();
                http.shutdownNow();
            }
        }
    }
}
