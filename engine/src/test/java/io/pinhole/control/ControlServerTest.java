package io.pinhole.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.dataformat.yaml.YAMLMapper;

@Timeout(60)
class ControlServerTest {
    private static final JsonMapper JSON = new JsonMapper();

    @TempDir Path folder;
    private final FakeGateway gateway = new FakeGateway();
    private Path socket;
    private ControlServer server;
    private ControlClient client;

    @BeforeEach
    void start() throws Exception {
        socket = folder.resolve("s");
        server = start(new ControlAddress.Unix(socket), null);
        client = client(server.address(), null);
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    private ControlServer start(ControlAddress address, String token) throws ControlException {
        return ControlServer.start(gateway, new ControlOptions(address, token, null, null));
    }

    private static ControlClient client(ControlAddress address, String token) {
        return new ControlClient(new ControlClient.Target(address, token, null));
    }

    // ---- what can be asked ----

    @ParameterizedTest(name = "{0} {1} -> {2}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    GET    | /v1/stats                                             | 200
                    GET    | /v1/flows                                             | 200
                    GET    | /v1/flows?limit=1000&address=2001:db8::1&port=21      | 200
                    GET    | /v1/flows?limit=0                                     | 400
                    GET    | /v1/flows?limit=1001                                  | 400
                    GET    | /v1/flows?limit=99999999999                           | 400
                    GET    | /v1/flows?address=host                                | 400
                    GET    | /v1/flows?offloaded=perhaps                           | 400
                    GET    | /v1/flows?limit=1&limit=2                             | 400
                    GET    | /v1/flows?adress=203.0.113.10                         | 400
                    GET    | /v1/flows?port=%                                      | 400
                    GET    | /v1/pinholes                                          | 200
                    GET    | /v1/rules                                             | 200
                    GET    | /metrics                                              | 200
                    GET    | /                                                     | 200
                    GET    | /openapi.yaml                                         | 200
                    GET    | /v2/stats                                             | 404
                    GET    | /../../etc/passwd                                     | 404
                    POST   | /v1/stats                                             | 405
                    GET    | /v1/reload                                            | 405
                    POST   | /v1/reload                                            | 200
                    POST   | /v1/reload?dry-run=true                               | 200
                    POST   | /v1/reload?dry-run=maybe                              | 400
                    DELETE | /v1/flows/tcp,198.51.100.7,41022,203.0.113.10,21      | 204
                    DELETE | /v1/flows/tcp%2C198.51.100.7%2C41022%2C203.0.113.10%2C21 | 204
                    DELETE | /v1/flows/tcp,198.51.100.7,1,203.0.113.10,21          | 404
                    DELETE | /v1/flows/nonsense                                    | 404
                    DELETE | /v1/pinholes/tcp,198.51.100.7,0,203.0.113.10,50123    | 204
                    DELETE | /v1/pinholes/                                         | 404
                    """)
    void answers(String method, String path, int status) throws Exception {
        assertThat(client.ask(method, path).status()).isEqualTo(status);
    }

    @Test
    void flowsAndPinholesAreWhatTheGatewaySays() throws Exception {
        JsonNode page = json("/v1/flows?address=203.0.113.10&port=21&offloaded=true");
        assertThat(page.path("next").asString()).isEqualTo("0:17");
        JsonNode flow = page.path("flows").get(0);
        assertThat(flow.path("id").asString()).isEqualTo("tcp,198.51.100.7,41022,203.0.113.10,21");
        assertThat(flow.path("mark").asLong()).isEqualTo(0xffff_ffffL);
        assertThat(flow.path("reply").path("bytes").asInt()).isEqualTo(1100);
        assertThat(gateway.asked.port()).isEqualTo(21);
        assertThat(gateway.asked.offloaded()).isTrue();
        assertThat(json("/v1/flows?cursor=0:17").path("flows").size()).isZero();
        assertThat(json("/v1/pinholes").path("pinholes").get(0).path("dport").asInt())
                .isEqualTo(50_123);
    }

    @Test
    void aRefusedReloadSaysWhy() throws Exception {
        gateway.errors = List.of("ftp.nft:3:1: error: unknown word");
        ControlClient.Reply reply = client.ask("POST", "/v1/reload");
        assertThat(reply.status()).isEqualTo(422);
        assertThat(JSON.readTree(reply.body()).path("errors").get(0).asString())
                .startsWith("ftp.nft:3:1");
    }

    @Test
    void aBusyGatewayIs503() throws Exception {
        gateway.busy = true;
        assertThat(client.ask("GET", "/v1/flows").status()).isEqualTo(503);
    }

    @Test
    void metricsAreWhatPrometheusReads() throws Exception {
        String text = client.ask("GET", "/metrics").body();
        assertThat(text)
                .contains("pinhole_packets_total{verdict=\"accept\"} 10\n")
                .contains("pinhole_anomalies_total{anomaly=\"bounce\"} 1\n")
                .contains("pinhole_queue_lost_total{queue=\"queue 0\"} 7\n");
        assertThat(text.lines())
                .allMatch(
                        l ->
                                l.matches("# (HELP|TYPE) [a-z_]+ .+")
                                        || l.matches("[a-z_]+(\\{[a-z]+=\"[^\"\\n]*\"})? [0-9]+"));
    }

    /** The description and the server have the same paths, and answers the fields it names. */
    @Test
    void theOpenApiFileIsTrue() throws Exception {
        JsonNode api = new YAMLMapper().readTree(client.ask("GET", "/openapi.yaml").body());
        List<String> described = new ArrayList<>();
        api.path("paths")
                .properties()
                .forEach(
                        path ->
                                path.getValue()
                                        .properties()
                                        .forEach(
                                                m ->
                                                        described.add(
                                                                m.getKey().toUpperCase(Locale.ROOT)
                                                                        + " "
                                                                        + path.getKey())));
        List<String> served = new ArrayList<>();
        for (Route route : Route.values()) {
            served.add(route.method() + " " + route.path());
        }
        assertThat(described).containsExactlyInAnyOrderElementsOf(served);
        holds(api, "Stats", json("/v1/stats"));
        holds(api, "Flows", json("/v1/flows"));
        holds(api, "Pinholes", json("/v1/pinholes"));
        holds(api, "Rules", json("/v1/rules"));
        holds(api, "Reload", JSON.readTree(client.ask("POST", "/v1/reload").body()));
    }

    private static void holds(JsonNode api, String schema, JsonNode value) {
        holds(api, api.path("components").path("schemas").path(schema), value, schema);
    }

    private static void holds(JsonNode api, JsonNode schema, JsonNode value, String where) {
        if (schema.has("$ref")) {
            String name = schema.path("$ref").asString();
            holds(api, name.substring(name.lastIndexOf('/') + 1), value);
            return;
        }
        switch (schema.path("type").asString("")) {
            case "object" -> {
                assertThat(value.isObject()).as(where).isTrue();
                JsonNode properties = schema.path("properties");
                if (!properties.isMissingNode()) {
                    List<String> names = new ArrayList<>(value.propertyNames());
                    assertThat(properties.propertyNames()).as(where).containsAll(names);
                    schema.path("required")
                            .forEach(r -> assertThat(names).as(where).contains(r.asString()));
                    value.properties()
                            .forEach(
                                    p ->
                                            holds(
                                                    api,
                                                    properties.path(p.getKey()),
                                                    p.getValue(),
                                                    where + "." + p.getKey()));
                }
            }
            case "array" -> value.forEach(v -> holds(api, schema.path("items"), v, where + "[]"));
            case "integer" -> assertThat(value.isIntegralNumber()).as(where).isTrue();
            case "boolean" -> assertThat(value.isBoolean()).as(where).isTrue();
            default -> assertThat(value.isString()).as(where).isTrue();
        }
    }

    private JsonNode json(String path) throws Exception {
        return JSON.readTree(client.ask("GET", path).body());
    }

    // ---- events ----

    @Test
    void eventsComeAsTheyHappen() throws Exception {
        try (BufferedReader in = reader(client, "/v1/events?kind=alert")) {
            assertThat(in.readLine()).isEqualTo(": here");
            gateway.say("data", "{\"event\":\"data\"}");
            gateway.say("alert", "{\"event\":\"alert\",\"kind\":\"bounce\"}");
            assertThat(in.readLine()).isEmpty();
            assertThat(in.readLine()).isEqualTo("id: 2");
            assertThat(in.readLine()).isEqualTo("event: alert");
            assertThat(in.readLine()).isEqualTo("data: {\"event\":\"alert\",\"kind\":\"bounce\"}");
        }
        waitFor(() -> gateway.subscriptions.isEmpty() || nudge());
    }

    /** A reader that never reads ends up with dropped events; others are answered meanwhile. */
    @Test
    void aReaderThatDoesNotReadHoldsNobodyUp() throws Exception {
        try (SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            raw.write(ascii("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"));
            waitFor(() -> gateway.subscriptions.size() == 1);
            String event = "{\"detail\":\"" + "x".repeat(1000) + "\"}";
            for (int i = 0; i < 20_000; i++) {
                gateway.say("alert", event);
            }
            assertThat(gateway.subscriptions.getFirst().dropped()).isPositive();
            assertThat(client.ask("GET", "/v1/stats").status()).isEqualTo(200);
        }
    }

    @Test
    void onlySoManyStreams() throws Exception {
        List<SocketChannel> open = new ArrayList<>();
        try {
            for (int i = 0; i < ControlServer.MAX_STREAMS + 5; i++) {
                SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket));
                raw.write(ascii("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"));
                open.add(raw);
            }
            waitFor(() -> gateway.subscriptions.size() == ControlServer.MAX_STREAMS);
            assertThat(client.ask("GET", "/v1/stats").status()).isEqualTo(200);
        } finally {
            for (SocketChannel channel : open) {
                channel.close();
            }
        }
    }

    private boolean nudge() {
        gateway.say("data", "{}"); // a writer sees at the next event that the reader has gone
        gateway.say("alert", "{}");
        return false;
    }

    // ---- who may ask ----

    @Test
    void theSocketIsForOwnerAndGroup() throws Exception {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-rw----");
        server.close();
        assertThat(socket).doesNotExist();
    }

    @Test
    void aLeftSocketIsReplacedAndALiveOneIsNot() throws Exception {
        Path left = folder.resolve("left");
        try (ServerSocketChannel old = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            old.bind(UnixDomainSocketAddress.of(left));
        }
        start(new ControlAddress.Unix(left), null).close();
        assertThatThrownBy(() -> start(new ControlAddress.Unix(socket), null))
                .hasMessageContaining("in use by another gateway");
        Path file = Files.writeString(folder.resolve("file"), "precious");
        assertThatThrownBy(() -> start(new ControlAddress.Unix(file), null))
                .hasMessageContaining("is no socket");
        assertThat(file).hasContent("precious");
    }

    @Test
    void aTokenIsAsked() throws Exception {
        String token = "0123456789abcdef0123456789abcdef";
        try (ControlServer tcp = start(loopback(), token);
                ControlClient none = client(tcp.address(), null);
                ControlClient wrong = client(tcp.address(), token.replace('f', 'e'));
                ControlClient right = client(tcp.address(), token)) {
            assertThat(none.ask("GET", "/v1/stats").status()).isEqualTo(401);
            assertThat(wrong.ask("GET", "/v1/stats").status()).isEqualTo(401);
            assertThat(right.ask("GET", "/v1/stats").status()).isEqualTo(200);
        }
    }

    /** A web page elsewhere must not get here through the user's browser. */
    @ParameterizedTest(name = "Host {0}, Origin {1} -> {2}")
    @CsvSource({
        "127.0.0.1:1, '', 200",
        "localhost, '', 200",
        "evil.example, '', 421",
        "'', '', 421",
        "127.0.0.1:1, http://evil.example, 403",
        "127.0.0.1:1, http://127.0.0.1:1, 200",
    })
    void otherOriginsAreRefused(String host, String origin, int status) throws Exception {
        try (ControlServer tcp = start(loopback(), null);
                SocketChannel raw = SocketChannel.open(tcp.address().socket())) {
            raw.write(
                    ascii(
                            "POST /v1/reload HTTP/1.1\r\nHost: "
                                    + host
                                    + "\r\n"
                                    + (origin.isEmpty() ? "" : "Origin: " + origin + "\r\n")
                                    + "Content-Length: 0\r\n\r\n"));
            assertThat(firstLine(raw)).startsWith("HTTP/1.1 " + status);
        }
    }

    @Test
    void elsewhereOnlyWithTokenAndTls() {
        ControlAddress any = ControlAddress.parse("0.0.0.0:7621");
        assertThatThrownBy(() -> start(any, "0123456789abcdef0123456789abcdef"))
                .hasMessageContaining("takes a token and TLS");
        assertThatThrownBy(() -> start(loopback(), "short")).hasMessageContaining("too short");
    }

    @Test
    void tlsIsSpokenWithATrustedCertificate() throws Exception {
        Path store = folder.resolve("store.p12");
        Process keytool =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-alias",
                                "k",
                                "-keyalg",
                                "EC",
                                "-validity",
                                "2",
                                "-dname",
                                "CN=gateway",
                                "-ext",
                                "san=ip:127.0.0.1",
                                "-keystore",
                                store.toString(),
                                "-storepass",
                                "secret")
                        .redirectErrorStream(true)
                        .start();
        assertThat(keytool.waitFor()).isZero();
        KeyStore keys = KeyStore.getInstance(store.toFile(), "secret".toCharArray());
        Path certificate = pem("CERTIFICATE", keys.getCertificate("k").getEncoded());
        Path key = pem("PRIVATE KEY", keys.getKey("k", "secret".toCharArray()).getEncoded());
        String token = "0123456789abcdef0123456789abcdef";
        try (ControlServer tls =
                        ControlServer.start(
                                gateway, new ControlOptions(loopback(), token, certificate, key));
                ControlClient trusting =
                        new ControlClient(
                                new ControlClient.Target(tls.address(), token, certificate));
                ControlClient plain = client(tls.address(), token)) {
            assertThat(trusting.ask("GET", "/v1/stats").status()).isEqualTo(200);
            assertThatThrownBy(() -> plain.ask("GET", "/v1/stats"))
                    .isInstanceOf(ControlException.class);
        }
        assertThatThrownBy(
                        () ->
                                ControlServer.start(
                                        gateway,
                                        new ControlOptions(loopback(), token, key, certificate)))
                .hasMessageContaining("cannot use");
    }

    private Path pem(String what, byte[] der) throws IOException {
        String base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return Files.writeString(
                folder.resolve(what.replace(' ', '-') + ".pem"),
                "-----BEGIN " + what + "-----\n" + base64 + "\n-----END " + what + "-----\n");
    }

    // ---- hostile clients ----

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    nonsense            | \\0\\1\\2\\3 nonsense\\r\\n\\r\\n
                    no method           | /v1/stats HTTP/1.1\\r\\n\\r\\n
                    smuggled length     | POST /v1/reload HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 5\\r\\nContent-Length: 6\\r\\n\\r\\nabcde
                    large body          | POST /v1/reload HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99999999\\r\\n\\r\\n
                    """)
    void nonsenseIsRefused(String name, String bytes) throws Exception {
        String text =
                bytes.replace("\\r", "\r")
                        .replace("\\n", "\n")
                        .replace("\\0", "\0")
                        .replace("\\1", "\1");
        try (SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            raw.write(ascii(text));
            assertThat(firstLine(raw)).matches("HTTP/1.1 4[0-9][0-9].*|");
        }
        assertThat(client.ask("GET", "/v1/stats").status()).isEqualTo(200);
    }

    @Test
    void longLinesAndHeadersAreRefused() throws Exception {
        for (String text :
                List.of(
                        "GET /" + "a".repeat(10_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: x\r\nX: " + "a".repeat(20_000) + "\r\n\r\n")) {
            try (SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                raw.write(ascii(text));
                assertThat(firstLine(raw)).matches("HTTP/1.1 4[0-9][0-9].*|");
            } catch (IOException e) {
                // closed before it could send all: as good
            }
        }
        assertThat(client.ask("GET", "/v1/stats").status()).isEqualTo(200);
    }

    /** Who asks and asks and reads nothing is let go before the answers pile up. */
    @Test
    void unreadAnswersDoNotPileUp() throws Exception {
        client.ask("GET", "/openapi.yaml"); // later ones are answered before the next is asked
        int asked = 0;
        try (SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            for (; asked < 200; asked++) {
                raw.write(ascii("GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n"));
                Thread.sleep(10);
            }
        } catch (IOException e) {
            // let go
        }
        assertThat(asked).isLessThan(200);
        assertThat(client.ask("GET", "/v1/stats").status()).isEqualTo(200);
    }

    @Test
    void onlySoManyConnections() throws Exception {
        List<SocketChannel> open = new ArrayList<>();
        try {
            for (int i = 0; i < ControlServer.MAX_CONNECTIONS + 20; i++) {
                open.add(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
            }
        } finally {
            for (SocketChannel channel : open) {
                channel.close();
            }
        }
        waitFor(
                () -> {
                    try {
                        return client.ask("GET", "/v1/stats").status() == 200;
                    } catch (ControlException e) {
                        return false;
                    }
                });
    }

    // ---- addresses ----

    @ParameterizedTest
    @CsvSource({
        "unix:/run/x.sock, unix:/run/x.sock",
        "/run/x.sock, unix:/run/x.sock",
        "127.0.0.1:80, 127.0.0.1:80",
        "localhost:80, 127.0.0.1:80",
        "[::1]:80, [::1]:80",
        "unix:, ",
        "127.0.0.1, ",
        "127.0.0.1:65536, ",
        "host:80, ",
        ":80, ",
    })
    void readsAddresses(String text, String expected) {
        ControlAddress address = ControlAddress.parse(text);
        assertThat(address == null ? null : address.toString()).isEqualTo(expected);
    }

    private static ControlAddress loopback() {
        return ControlAddress.parse("127.0.0.1:0");
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String firstLine(SocketChannel raw) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        raw.read(buffer);
        String text = new String(buffer.array(), 0, buffer.position(), StandardCharsets.ISO_8859_1);
        return text.lines().findFirst().orElse("");
    }

    private static BufferedReader reader(ControlClient client, String path) throws Exception {
        return new BufferedReader(
                new InputStreamReader(client.stream(path), StandardCharsets.UTF_8));
    }

    private interface Check {
        boolean holds() throws InterruptedException;
    }

    private static void waitFor(Check check) throws InterruptedException {
        for (int i = 0; i < 1000; i++) {
            if (check.holds()) {
                return;
            }
            Thread.sleep(10);
        }
        throw new AssertionError("did not come about in 10 s");
    }
}
