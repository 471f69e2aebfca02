package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TestCommandTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private static final String HEAD =
            """
            rules   ftp-gateway.nft
            host    client 198.51.100.7
            host    server 203.0.113.10
            host    other  192.0.2.77
            host    client6 2001:db8:1::7
            host    server6 2001:db8:2::10
            """;

    /** The example of the issue that asked for scenarios. */
    private static final String ISSUE =
            """
            test "active mode: the server may open the announced port, once"
              connect client -> server:21
              S: 220 ready
              C: PORT 198,51,100,7,156,65
              expect no pinhole
              S: 200 PORT command successful
              expect pinhole server -> client:40001
              server:20   -> client:40001  syn    accept related
              server:4001 -> client:40001  syn    drop

            test "a whole passive download"
              session client -> server passive get "report.csv" 1 MB     # macro: login to QUIT
              expect complete

            test "ssh is not reachable, whatever the FTP dialogue says"
              client -> server:22  syn  drop
              never any -> server:22
            """;

    @TempDir Path dir;

    private record Ran(int status, String out) {}

    private Ran run(String text, String... options) throws Exception {
        Path file = dir.resolve("t.scenario");
        Files.writeString(file, text);
        List<String> args = new ArrayList<>(Arrays.asList(options));
        args.add(file.toString());
        return command(args.toArray(String[]::new));
    }

    private static Ran command(String... args) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TestCommand command = new TestCommand(out);
        new CommandLine(command).parseArgs(args);
        int status = command.call();
        return new Ran(status, out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void runsTheExampleOfTheIssue() throws Exception {
        Ran ran = run(HEAD + ISSUE);
        assertThat(ran.out).contains("3 tests in 1 file: all passed");
        assertThat(ran.status).isZero();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    # instead of                               | this                                    | fails in line, with
                    accept related                             | drop                                    | 14 | expected drop, got accept (ct related) by ftp-gateway.nft:
                    accept related                             | accept new                              | 14 | expected accept new, got accept (ct related)
                    server:4001 -> client:40001  syn    drop   | server:4001 -> client:40001 syn accept  | 15 | expected accept, got drop (ct new) by policy ftp-gateway.nft:
                    expect no pinhole                          | expect pinhole                          | 11 | expected a pinhole; none is open
                    server -> client:40001                     | server -> client:40002                  | 13 | expected a pinhole server -> client:40002; open: 203.0.113.10 > 198.51.100.7:40001
                    S: 200 PORT command successful             | S: 500 no                               | 13 | expected a pinhole
                    C: PORT 198,51,100,7                       | C: PORT 192,0,2,77                      | 13 | none is open
                    server:22  syn  drop                       | server:22  syn  reject                  | 22 | expected reject, got drop
                    never any -> server:22                     | never any -> server:21                  | 23 | never any -> server:21 does not hold: accept
                    session client -> server                   | session client -> server:2121           | 18 | the session did not come through: a packet got drop
                    syn    accept related                      | syn    accept related by policy         | 14 | expected accept related by policy, got accept
                    """)
    void saysWhichLineDoesNotHold(String instead, String text, int line, String message)
            throws Exception {
        assertThat(ISSUE).contains(instead);
        Ran ran = run(HEAD + ISSUE.replace(instead, text));
        assertThat(ran.status).isEqualTo(1);
        assertThat(ran.out).contains(message).contains("t.scenario:" + line + "\n");
        assertThat(ran.out).contains("1 failed, 2 passed");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    session client  -> server  active get "a" 3 kB
                    session client  -> server  active put "a"
                    session client  -> server  eprt get "a"
                    session client  -> server  epsv list
                    session client  -> server  lprt get "a" byte by byte
                    session client  -> server  lpsv put "a" 100 kB
                    session client6 -> server6 eprt get "a"
                    session client6 -> server6 epsv put "a" 64 KiB byte by byte
                    session client6 -> server6 lprt list "b"
                    session client6 -> server6 lpsv list
                    session client:1025 -> server:21 passive list
                    session client -> server:2121 passive list blocked by policy
                    """)
    void speaksEveryMode(String session) throws Exception {
        String expect = session.contains("blocked") ? "" : "\n  expect complete";
        Ran ran = run(HEAD + "test \"t\"\n  " + session + expect + "\n  expect no alert\n");
        assertThat(ran.out).contains("all passed");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    whole        | C: PORT 198,51,100,7,156,65
                    bytes        | C byte by byte: PORT 198,51,100,7,156,65
                    cut          | C split at 2,9: PORT 198,51,100,7,156,65
                    out of order | C split at 2,9 shuffled: PORT 198,51,100,7,156,65
                    two parts    | C: PORT 198,51,\\c;C: 100,7,156,65
                    escapes      | C: \\x50ORT 198,51,100,7,156,65\\r\\n\\c
                    pipelined    | C: NOOP\\r\\nPORT 198,51,100,7,156,65;S: 200 noop
                    """)
    void cutsLinesAsAsked(String name, String lines) throws Exception {
        Ran ran =
                run(
                        HEAD
                                + "test \"t\"\n connect client -> server:21\n S: 220 x\n "
                                + lines.replace(";", "\n ")
                                + "\n S: 200 ok\n expect pinhole server -> client:40001\n"
                                + " expect no drop\n");
        assertThat(ran.out).contains("all passed");
    }

    @Test
    void sendsEveryKindOfPacket() throws Exception {
        Ran ran =
                run(
                        HEAD
                                + """
                                test "packets"
                                  client -> server:53 udp data 100 drop new by chain forward
                                  client -> server icmp echo-request drop new
                                  client6 -> server6 icmpv6 echo-request ttl=3 drop
                                  client -> server proto 47 data "abc" drop new
                                  client6 -> server6 icmpv6 nd-neighbor-solicit hoplimit=255 accept untracked
                                  client6 -> server6 icmpv6 nd-neighbor-solicit hoplimit=64 drop untracked
                                  client -> server:21 ack accept new
                                  client -> server:80 ack drop new
                                  client -> server:80 syn+fin drop invalid
                                  client -> server:80 syn fragments=8 drop new
                                  frame raw 650000140000000040060000c6336407cb00710a undecodable

                                test "icmp errors about a connection"
                                  connect client:40000 -> server:21
                                  other -> client icmp frag-needed about connection accept related
                                  other -> server icmp time-exceeded about connection drop invalid
                                  other -> client icmp frag-needed about client:50 -> server:21 drop invalid

                                test "a connection by hand"
                                  client:40000 -> server:21 syn accept new
                                  server:21 -> client:40000 syn+ack accept established
                                  client:40000 -> server:21 ack accept established
                                  server:21 -> client:40000 data "220 ready\\r\\n" accept established
                                  client:40000 -> server:21 ack accept established
                                  client:40000 -> server:21 ack seq=40000000 drop invalid
                                  after 6d
                                  client:40000 -> server:21 data "NOOP\\r\\n" accept new

                                test "a pinhole expires"
                                  connect client -> server:21 as one
                                  S: 220 x
                                  C: PASV
                                  S: 227 =203,0,113,10,200,0
                                  expect pinhole client -> server:51200
                                  after 301s
                                  expect no pinhole
                                  expect pinhole client -> server:51200 expired
                                  client -> server:51200 syn drop new

                                test "two control connections"
                                  connect client -> server:21 as one
                                  S: 220 x
                                  connect client -> server:21 as two
                                  S: 220 x
                                  C: PASV
                                  on one
                                  C: PASV
                                  S: 227 =203,0,113,10,200,0
                                  on two
                                  S: 227 =203,0,113,10,200,1
                                  expect pinhole client -> server:51201
                                  transfer client -> server:51201 30 kB accept related
                                  transfer client -> server:51200 3 kB upload accept related
                                  on one
                                  close
                                  on two
                                  S rst
                                  expect no drop

                                test "bounce"
                                  set helper.third-party=allow
                                  connect client -> server:21
                                  S: 220 x
                                  C: PORT 192,0,2,77,156,65
                                  S: 200 ok
                                  server:20 -> other:40001 syn accept related

                                test "no bounce"
                                  connect client -> server:21
                                  S: 220 x
                                  C: PORT 192,0,2,77,156,65
                                  S: 200 ok
                                  expect alert bounce
                                  server:20 -> other:40001 syn drop new by policy
                                """);
        assertThat(ran.out).contains("7 tests in 1 file: all passed");
    }

    @Test
    void judgesCaptures() throws Exception {
        String capture =
                Path.of("../pcap-samples/vsftpd-curl-passive-get.pcap").toAbsolutePath().toString();
        Ran ran =
                run(
                        HEAD
                                + ("test \"captured\"\n  capture \"CAP\" expect complete\n"
                                                + "  expect no drop\n  expect packet 1 accept new"
                                                + " by chain forward\n")
                                        .replace("CAP", capture));
        assertThat(ran.out).contains("all passed");
        ran =
                run(
                        HEAD
                                + "test \"captured\"\n  capture \"CAP\" expect drop\n"
                                        .replace("CAP", capture));
        assertThat(ran.out).contains("expected a drop; all");
        ran = run(HEAD + "test \"captured\"\n  capture none.pcap expect drop\n");
        assertThat(ran.out).contains("none.pcap: ").contains("1 failed");
    }

    @ParameterizedTest(name = "{1}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    rules none.nft      | cannot read rule set
                    set helper.foo=1    | t.scenario:6:1: error: set helper.foo=1: unknown
                    define nope = { 1 } | nope
                    """)
    void refusesWhatTestsCannotStandOn(String line, String message) throws IOException {
        String text = HEAD.replace("host    server6 2001:db8:2::10", line) + ISSUE;
        assertThatThrownBy(() -> run(text))
                .isInstanceOf(UserError.class)
                .satisfies(
                        e ->
                                assertThat(String.join("\n", ((UserError) e).lines()))
                                        .contains(message));
    }

    @Test
    void writesWhatOtherProgramsRead() throws Exception {
        String failing =
                HEAD
                        + ISSUE.replace(
                                "server:4001 -> client:40001  syn    drop",
                                "client -> server:80 syn accept");
        Path junit = dir.resolve("out/junit.xml");
        Path sarif = dir.resolve("out/pinhole.sarif");
        Path html = dir.resolve("out/coverage.html");
        Path pcaps = dir.resolve("pcaps");
        Ran ran =
                run(
                        failing,
                        "--json",
                        "--junit",
                        junit.toString(),
                        "--sarif",
                        sarif.toString(),
                        "--coverage-html",
                        html.toString(),
                        "--pcap",
                        pcaps.toString());
        assertThat(ran.status).isEqualTo(1);

        List<JsonNode> lines = ran.out.lines().map(JSON::readTree).toList();
        assertThat(lines.get(0).get("passed").asBoolean()).isFalse();
        assertThat(lines.get(0).get("failure").get("line").asInt()).isEqualTo(15);
        assertThat(lines.get(0).get("failure").get("verdict").asString()).isEqualTo("drop");
        assertThat(lines.getLast().get("failed").asInt()).isEqualTo(1);

        NodeList cases =
                DocumentBuilderFactory.newInstance()
                        .newDocumentBuilder()
                        .parse(junit.toFile())
                        .getElementsByTagName("testcase");
        assertThat(cases.getLength()).isEqualTo(3);
        assertThat(((Element) cases.item(0)).getElementsByTagName("failure").getLength()).isOne();
        assertThat(((Element) cases.item(1)).getElementsByTagName("failure").getLength()).isZero();

        JsonNode result =
                JSON.readTree(Files.readString(sarif)).get("runs").get(0).get("results").get(0);
        JsonNode place = result.get("locations").get(0).get("physicalLocation");
        assertThat(place.get("artifactLocation").get("uri").asString())
                .isEqualTo("ftp-gateway.nft");
        assertThat(place.get("region").get("startLine").asInt()).isPositive();
        assertThat(Files.readString(html)).contains("class=\"hit\"").contains("class=\"miss\"");

        List<Path> captures;
        try (Stream<Path> files = Files.list(pcaps)) {
            captures = files.sorted().toList();
        }
        assertThat(captures).hasSize(3);
        CapturedPacket packet = new CapturedPacket();
        long packets = 0;
        try (CaptureFiles files =
                CaptureFiles.open(
                        List.of(captures.get(1).toString()), InputStream.nullInputStream())) {
            while (files.next(packet)) {
                packets++;
            }
        }
        assertThat(packets).isEqualTo(lines.get(1).get("packets").asLong());

        ran = run(failing, "--tap");
        assertThat(ran.out)
                .startsWith("TAP version 13\n1..3\nnot ok 1 - active mode")
                .contains("\nok 2 - ");
    }

    /** Coverage counts elements apart: the walk shows the rules as they are written. */
    @Test
    void showsTheSameWalkWhereCoverageIsCounted() throws Exception {
        String accepted = "server:4001 -> client:40001  syn    drop";
        String failing =
                HEAD
                        + "define ftp_ports = { 21, 2121 }\n"
                        + ISSUE.replace(accepted, "client -> server:2121 syn drop");
        String walk = run(failing).out.replaceFirst("(?s)\n\n.*", "");
        assertThat(walk).contains("=> ftp-gateway.nft:");
        assertThat(run(failing, "--coverage").out).startsWith(walk);
    }

    @Test
    void needsTestsToRun() {
        assertThatThrownBy(() -> command(dir.toString()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("no *.scenario file below");
        assertThatThrownBy(() -> run(HEAD + ISSUE, "--filter", "nothing like it"))
                .isInstanceOf(UserError.class);
    }
}
