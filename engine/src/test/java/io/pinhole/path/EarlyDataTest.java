package io.pinhole.path;

import static io.pinhole.path.Rig.CLIENT;
import static io.pinhole.path.Rig.SERVER;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Where the two streams of a control connection begin: data on SYN and SYN-ACK (RFC 7413), several
 * SYNs, and segments that only one of the two hosts takes.
 */
class EarlyDataTest {
    private static final String COMMANDS = "USER alice\r\nPASS x\r\nPASV\r\n";
    private static final String SAYS = "220 ready\r\n331 go on\r\n230 in\r\n";

    private final Rig rig = new Rig(new GatewayRules(21));
    private final Wire.Tcp tcp = rig.wire.tcp(CLIENT, 41_022, SERVER, 21);
    private final Wire.End client = tcp.client;
    private final Wire.End server = tcp.server;

    @AfterEach
    void close() {
        rig.close();
    }

    private void syn(String data) {
        rig.judge(client.packet("S").payload(data));
    }

    /**
     * @param taken bytes of the SYN that the server acknowledges
     */
    private void synAck(int taken, String data) {
        client.next += 1 + taken;
        assertThat(rig.judge(server.packet("SA").payload(data))).startsWith("accept");
        server.next += 1 + data.length();
        client.acknowledge();
    }

    private String connects(int port) {
        return rig.judge(Packets.tcp(CLIENT, 41_023, SERVER, port).flags("S").seq(7_000));
    }

    private void announce() {
        server.say(SAYS + "227 Entering (203,0,113,10,195,80)\r\n");
    }

    private List<String> control() {
        return rig.finish().stream().filter(line -> line.startsWith("control")).toList();
    }

    @Test
    void dataOnASynThatTheServerTakesIsPartOfTheStream() {
        syn(COMMANDS);
        synAck(COMMANDS.length(), "");
        announce();
        assertThat(connects(50_000)).isEqualTo("accept related pinhole");
        assertThat(control()).first().asString().contains("user=alice", "commands=3");
    }

    @Test
    void dataOnASynThatTheServerDoesNotTakeIsReadWhenItComesAgain() {
        syn("USER mallory\r\nPASV\r\n");
        synAck(0, "");
        client.say(COMMANDS);
        announce();
        assertThat(connects(50_000)).isEqualTo("accept related pinhole");
        assertThat(control()).first().asString().contains("user=alice", "commands=3");
    }

    @Test
    void aServerMayTakeTheBeginningOnly() {
        syn(COMMANDS);
        synAck(7, "");
        client.say(COMMANDS.substring(7));
        announce();
        assertThat(connects(50_000)).isEqualTo("accept related pinhole");
        assertThat(control()).first().asString().contains("user=alice", "commands=3");
    }

    @Test
    void aSynMayComeAgainWithoutItsData() {
        syn(COMMANDS);
        syn("");
        syn(COMMANDS);
        synAck(COMMANDS.length(), "");
        announce();
        assertThat(connects(50_000)).isEqualTo("accept related pinhole");
    }

    /** Which of the two the server took, nobody else can say. */
    @Test
    void aSynThatCameWithOtherDataTellsNothing() {
        syn("PORT 198,51,100,7,195,80\r\n");
        syn("PORT 198,51,100,7,195,81\r\n");
        synAck(26, "");
        server.say("220 ready\r\n200 ok\r\n");
        for (int port : new int[] {50_000, 50_001}) {
            assertThat(rig.judge(Packets.tcp(SERVER, 20, CLIENT, port).flags("S")))
                    .isEqualTo("drop new policy");
        }
        assertThat(rig.told("alert")).first().asString().contains("stream-gap");
    }

    @Test
    void dataOnASynIsForgottenInAFloodOfThemAndThenItIsMissing() {
        syn(COMMANDS);
        for (int i = 0; i < 1_000; i++) {
            rig.judge(
                    Packets.tcp("198.51.100.66", 1024 + i, SERVER, 21)
                            .flags("S")
                            .payload("x".repeat(1_400)));
        }
        synAck(COMMANDS.length(), "");
        announce();
        assertThat(connects(50_000)).isEqualTo("drop new policy");
        assertThat(rig.told("alert")).anyMatch(line -> line.contains("stream-gap"));
    }

    @Test
    void dataOnASynAckIsPartOfTheStream() {
        syn("");
        synAck(0, "220-first ProFTPD line\r\n220 ready\r\n");
        client.say(COMMANDS);
        server.say(SAYS.substring(11) + "227 Entering (203,0,113,10,195,80)\r\n");
        assertThat(connects(50_000)).isEqualTo("accept related pinhole");
        assertThat(rig.told("alert")).isEmpty();
    }

    /** The server answers the first of two SYNs: its stream begins where that one says. */
    @ParameterizedTest
    @CsvSource({"1000", "60"})
    void theSynAckSaysWhichSynCounts(int ahead) {
        rig.judge(client.packet("S"));
        rig.judge(client.packet("S").seq(client.next + ahead));
        client.next++;
        assertThat(rig.judge(server.packet("SA"))).startsWith("accept");
        server.next++;
        client.acknowledge();
        client.say(COMMANDS);
        announce();
        assertThat(rig.told("alert")).first().asString().contains("stream-gap");
        rig.told();
        client.say("PASV\r\n");
        server.say("227 Entering (203,0,113,10,195,81)\r\n");
        assertThat(connects(50_001)).isEqualTo("accept related pinhole");
        assertThat(control()).first().asString().contains("user=null", "commands=3");
    }

    /** The client answers a SYN-ACK that came another way: what follows is not what we read. */
    @Test
    void nothingPassesThatBeginsBeforeTheStreamDoes() {
        syn("");
        client.next++;
        rig.judge(server.packet("SA"));
        int other = server.next - 500;
        rig.judge(client.packet("A").ack(other + 1));
        assertThat(rig.judge(server.packet("PA").seq(other + 1).payload("220 ready\r\n")))
                .isEqualTo("drop established ftp helper out-of-window");
    }

    @Test
    void aResetThatNobodyObeysEndsNothing() {
        Wire.Tcp control = rig.login(CLIENT, 41_024, SERVER).c("PASV");
        control.s("227 Entering (203,0,113,10,195,80)");
        rig.judge(control.client.packet("RA").badChecksum());
        control.c("PASV").s("227 Entering (203,0,113,10,195,81)");
        assertThat(connects(50_001)).isEqualTo("accept related pinhole");
    }

    @Test
    void aFinThatNobodyObeysEndsNothing() {
        Wire.Tcp control = rig.login(CLIENT, 41_024, SERVER).c("PASV");
        control.s("227 Entering (203,0,113,10,195,80)");
        rig.judge(control.server.packet("FA").badChecksum());
        assertThat(connects(50_000)).isEqualTo("accept related pinhole");
    }

    /** One SYN with a right checksum shows that no hardware writes them later. */
    @Test
    void aSynWithAWrongChecksumDoesNotExcuseTheOthers() {
        rig.judge(client.packet("S"));
        rig.judge(client.packet("S").badChecksum());
        synAck(0, "220 ready\r\n");
        assertThat(rig.judge(client.packet("PA").payload("PASV\r\n").badChecksum()))
                .startsWith("accept");
        server.say("227 Entering (203,0,113,10,195,80)\r\n");
        assertThat(connects(50_000)).isEqualTo("drop new policy");
        assertThat(rig.told("alert")).first().asString().contains("bad-checksum");
    }
}
