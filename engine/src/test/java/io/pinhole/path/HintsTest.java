package io.pinhole.path;

import static io.pinhole.path.Rig.CLIENT;
import static io.pinhole.path.Rig.SERVER;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is told beside sessions: what Linux's helper did, refused end points, FTP elsewhere. */
class HintsTest {
    private static final String CONTROL = "198.51.100.7:41022 > 203.0.113.10:21";

    private Rig rig = new Rig(new GatewayRules(21));

    @AfterEach
    void close() {
        rig.close();
    }

    private Wire.Tcp login() {
        return rig.login(CLIENT, 41022, SERVER);
    }

    private void useLinux() {
        rig.close();
        rig = new Rig(new GatewayRules(21), Settings.DEFAULTS, 42, true);
    }

    private void syn(String from, int sport, String to, int dport) {
        rig.judge(Packets.tcp(from, sport, to, dport).flags("S").seq(7000));
    }

    // ---- --compat=linux ----

    @Test
    void tellsWhatLinuxOpened() {
        useLinux();
        Wire.Tcp control = login().c("PORT 198,51,100,7,195,80").s("200 ok").c("RETR a");
        Wire.Tcp data = rig.wire.tcp(SERVER, 20, CLIENT, 50000).handshake();
        data.client.say("x".repeat(100));
        data.server.acknowledge();
        data.close();
        control.s("150 here").s("226 done").c("QUIT").s("221 bye").close();

        assertThat(rig.finish())
                .containsExactly(
                        "pinhole active 203.0.113.10 > 198.51.100.7:50000 used",
                        "data active 203.0.113.10:20 > 198.51.100.7:50000 RETR a 100 bytes"
                                + " complete",
                        "control " + CONTROL + " user=alice helper=true commands=5 closed=fin");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = ';',
            textBlock =
                    """
                    PORT 198,51,100,7,0,22    ; 22   # Linux does not mind a privileged port
                    PORT 198,51,100,7,256,22  ; 22   # nor a number that wraps
                    """)
    void tellsWhatLinuxOpensAndPinholeWouldNot(String line, String port) {
        useLinux();
        int dport = Integer.parseInt(port.replaceAll("#.*", "").strip());
        login().c(line).s("200 ok").c("RETR a");
        syn(SERVER, 20, CLIENT, dport);
        assertThat(rig.last()).isEqualTo("accept related pinhole");
        assertThat(rig.told("pinhole"))
                .containsExactly("pinhole active 203.0.113.10 > 198.51.100.7:" + dport + " used");
    }

    @Test
    void namesThePacketThatLinuxDrops() {
        useLinux();
        Wire.Tcp control = login();
        control.client.sayUnacknowledged("PORT 198,51,");
        assertThat(rig.last()).startsWith("drop established ftp helper");
        long dropped = rig.number();
        control.client.sayUnacknowledged("100,7,195,80\r\n");
        control.s("200 ok").c("RETR a");
        syn(SERVER, 20, CLIENT, 50000);
        assertThat(rig.last()).isEqualTo("drop new policy");
        rig.path.finish();

        assertThat(rig.events)
                .filteredOn(Event.Control.class::isInstance)
                .singleElement()
                .extracting(e -> Positions.number(((Event.Control) e).linuxDroppedAt()))
                .isEqualTo(dropped);
        assertThat(rig.told("pinhole"))
                .containsExactly(
                        "pinhole active 203.0.113.10 > 198.51.100.7:50000 used"
                                + " (not seen by Linux's helper) observed");
    }

    // ---- end points that were announced and refused ----

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(
            delimiter = ';',
            textBlock =
                    """
                    PORT 198,51,100,66,195,80 ; 200 ok                       ; 203.0.113.10 ; 198.51.100.66 ; 50000 ; bounce
                    PORT 198,51,100,7,0,22    ; 200 ok                       ; 203.0.113.10 ; 198.51.100.7  ; 22    ; privileged-port
                    PASV                      ; 227 (203,0,113,66,195,80)    ; 198.51.100.7 ; 203.0.113.66  ; 50000 ; address-mismatch
                    NOOP                      ; 227 (203,0,113,10,195,80)    ; 198.51.100.7 ; 203.0.113.10  ; 50000 ; unsolicited-reply
                    """)
    void tellsOnceWhoCameToARefusedEndPoint(
            String asks, String answers, String from, String to, int port, String kind) {
        login().c(asks).s(answers);
        rig.told();

        syn("198.51.100.99", 4000, to, port);
        assertThat(rig.told("alert " + kind)).as("somebody else").isEmpty();
        syn(from, 4001, to, port);
        syn(from, 4001, to, port);
        assertThat(rig.told())
                .containsExactly("alert %s %s:4001 > %s:%d".formatted(kind, from, to, port));
    }

    // ---- elsewhere ----

    @Test
    void noticesFtpOnAnotherPortOnce() {
        for (int i = 0; i < 2; i++) {
            rig.wire
                    .connect(CLIENT, 41022 + i, SERVER, 2121)
                    .s("220 ready")
                    .c("USER alice")
                    .s("331 password");
        }
        assertThat(rig.told()).containsExactly("elsewhere 198.51.100.7:41022 > 203.0.113.10:2121");
    }

    @Test
    void noticesImplicitFtps() {
        Wire.Tcp tls = rig.wire.tcp(CLIENT, 41022, SERVER, 990).handshake();
        tls.client.sayUnacknowledged("\u0016\u0003\u0001\u0000\u0005hello");
        assertThat(rig.told())
                .containsExactly("elsewhere 198.51.100.7:41022 > 203.0.113.10:990 encrypted");
    }

    @ParameterizedTest
    @CsvSource({"0x8847, encapsulated", "0x8864, encapsulated", "0x0806, ''"})
    void saysWhatFramesMayHoldIp(String etherType, String reason) {
        int type = Integer.decode(etherType);
        byte[] frame = new byte[60];
        frame[12] = (byte) (type >> 8);
        frame[13] = (byte) type;
        rig.raw(frame, frame.length, frame.length, LinkType.ETHERNET);
        assertThat(rig.last()).isEqualTo(("unfiltered - not filtered " + reason).strip());
    }

    @ParameterizedTest
    @CsvSource({
        "4, drop new policy encapsulated",
        "94, drop new policy encapsulated",
        "50, drop new policy"
    })
    void saysWhatDatagramsMayHoldIp(int protocol, String verdict) {
        byte[] packet = Packets.tcp(CLIENT, 1, SERVER, 2).flags("S").ip();
        packet[9] = (byte) protocol;
        packet[10] = 0; // a header checksum of 0 is not held against it
        packet[11] = 0;
        rig.ip(packet);
        assertThat(rig.last()).isEqualTo(verdict);
    }

    // ---- captures that lack something ----

    /** A control connection as a list of packets: the test feeds those that its capture has. */
    private List<byte[]> session() {
        List<byte[]> packets = new ArrayList<>();
        Wire wire = new Wire(packets::add);
        Wire.Tcp control = wire.connect(CLIENT, 41022, SERVER, 21);
        control.s("220 ready").c("USER alice").s("331 password").c("PASS x").s("230 in");
        control.c("PASV").s("227 Entering Passive Mode (203,0,113,10,195,80)").c("RETR a");
        Wire.Tcp data = wire.tcp(CLIENT, 41023, SERVER, 50000).handshake();
        control.s("150 here");
        data.server.say("x".repeat(100));
        data.close();
        control.s("226 done").c("QUIT").s("221 bye").close();
        return packets;
    }

    private static boolean isFromClient(byte[] ip) {
        return ip[12] == (byte) 198;
    }

    private List<String> tellOf(List<byte[]> packets) {
        packets.forEach(rig::ip);
        return rig.finish();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void oneDirectionIsToldAsSuchAndRaisesNoAlarm(boolean client) {
        List<byte[]> half = session().stream().filter(p -> isFromClient(p) == client).toList();
        assertThat(tellOf(half))
                .noneMatch(line -> line.startsWith("alert"))
                .filteredOn(line -> line.startsWith("control"))
                .singleElement()
                .asString()
                .startsWith("control " + CONTROL)
                .contains(client ? "user=alice" : "user=null");
    }

    /** A 227 whose PASV went by before the capture began is no attack. */
    @Test
    void aReplyWhoseCommandIsNotInTheCaptureRaisesNoAlarm() {
        List<byte[]> all = session();
        int reply = 0;
        while (!new String(all.get(reply), StandardCharsets.ISO_8859_1).contains("227 ")) {
            reply++;
        }
        assertThat(tellOf(all.subList(reply, all.size())))
                .noneMatch(line -> line.startsWith("alert"))
                .contains(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 refused (asked-unseen)"
                                + " observed");
    }

    /** But where the whole capture is there, it is. */
    @Test
    void aReplyThatNobodyAskedForRaisesOne() {
        login().s("227 Entering Passive Mode (203,0,113,10,195,80)");
        assertThat(rig.told()).anyMatch(line -> line.startsWith("alert unsolicited-reply"));
    }

    @Test
    void aRefusedLoginIsTold() {
        rig.wire
                .connect(CLIENT, 41022, SERVER, 21)
                .s("220 ready")
                .c("USER eve")
                .s("331 password")
                .c("PASS x")
                .s("530 no");
        rig.path.finish();
        assertThat(rig.events)
                .filteredOn(Event.Control.class::isInstance)
                .singleElement()
                .matches(e -> ((Event.Control) e).loginRefused());
    }
}
