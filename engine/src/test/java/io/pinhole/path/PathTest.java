package io.pinhole.path;

import static io.pinhole.path.Rig.CLIENT;
import static io.pinhole.path.Rig.CLIENT6;
import static io.pinhole.path.Rig.SERVER;
import static io.pinhole.path.Rig.SERVER6;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.CtState;
import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole FTP dialogues as packets: what opens, what passes, what is told. */
class PathTest {
    private static final String STRANGER = "198.51.100.66";

    private Rig rig = new Rig(new GatewayRules(21));

    @AfterEach
    void close() {
        rig.close();
    }

    private void use(GatewayRules rules) {
        rig.close();
        rig = new Rig(rules);
    }

    private void use(Settings settings) {
        rig.close();
        rig = new Rig(new GatewayRules(21), settings);
    }

    private Wire.Tcp login() {
        return rig.login(CLIENT, 41022, SERVER);
    }

    private Wire.Tcp login6() {
        return rig.login(CLIENT6, 41022, SERVER6);
    }

    private String syn(String from, int sport, String to, int dport) {
        return rig.judge(Packets.tcp(from, sport, to, dport).flags("S").seq(7000));
    }

    /** A whole data connection; {@code bytes} go from the given end. */
    private void transfer(Wire.Tcp data, boolean fromClient, int bytes) {
        data.handshake();
        Wire.End sender = fromClient ? data.client : data.server;
        sender.say("x".repeat(bytes));
        (fromClient ? data.server : data.client).acknowledge();
        data.close();
    }

    // ---- one table of dialogues: every kind of announcement, both IP versions ----

    @ParameterizedTest(name = "{0} {1}{2}")
    @CsvSource(
            delimiter = ';',
            textBlock =
                    """
                    # v; asks                          ; answers                                    ; data connection             ; pinhole
                    4  ; PORT 198,51,100,7,195,80      ; 200 PORT ok                                ; 203.0.113.10:20>198.51.100.7:50000 ; active 203.0.113.10 > 198.51.100.7:50000
                    4  ; PORT 198,51,100,7,195,80      ; 200 PORT ok                                ; 203.0.113.10:4001>198.51.100.7:50000; active 203.0.113.10 > 198.51.100.7:50000
                    4  ; EPRT |1|198.51.100.7|50000|   ; 200 EPRT ok                                ; 203.0.113.10:20>198.51.100.7:50000 ; eprt 203.0.113.10 > 198.51.100.7:50000
                    4  ; PASV                          ; 227 Entering (203,0,113,10,195,80)         ; 198.51.100.7:41023>203.0.113.10:50000; passive 198.51.100.7 > 203.0.113.10:50000
                    4  ; PASV                          ; 227 =203,0,113,10,195,80                   ; 198.51.100.7:41023>203.0.113.10:50000; passive 198.51.100.7 > 203.0.113.10:50000
                    4  ; EPSV                          ; 229 Extended (|||50000|)                   ; 198.51.100.7:41023>203.0.113.10:50000; epsv 198.51.100.7 > 203.0.113.10:50000
                    6  ; EPRT |2|2001:db8:1::7|50000|  ; 200 EPRT ok                                ; 2001:db8:2::10:20>2001:db8:1::7:50000; eprt 2001:db8:2::10 > [2001:db8:1::7]:50000
                    6  ; EPSV                          ; 229 Extended (|||50000|)                   ; 2001:db8:1::7:41023>2001:db8:2::10:50000; epsv 2001:db8:1::7 > [2001:db8:2::10]:50000
                    """)
    void opensForEachKindOfAnnouncement(
            int version, String asks, String answers, String connection, String pinhole) {
        Wire.Tcp control = version == 4 ? login() : login6();
        String[] ends = connection.split(">");
        Wire.Tcp data = rig.wire.tcp(host(ends[0]), port(ends[0]), host(ends[1]), port(ends[1]));
        rig.told();

        assertThat(rig.judge(data.client.packet("S"))).as("before").isEqualTo("drop new policy");
        control.c(asks).s(answers).c("RETR big.bin").s("150 here it comes");
        data.client.syn();
        assertThat(rig.last()).isEqualTo("accept related pinhole");
        data.server.synAck();
        assertThat(rig.last()).isEqualTo("accept established established");
        data.client.acknowledge();
        boolean active = asks.startsWith("P") ? asks.startsWith("PORT") : asks.startsWith("EPRT");
        (active ? data.client : data.server).say("x".repeat(1000));
        data.close();
        control.s("226 done").c("QUIT").s("221 bye").close();

        assertThat(rig.told())
                .filteredOn(line -> !line.startsWith("alert"))
                .containsExactly(
                        "pinhole " + pinhole + " used",
                        "data %s %s RETR big.bin 1000 bytes complete"
                                .formatted(
                                        pinhole.substring(0, pinhole.indexOf(' ')),
                                        connectionText(ends)),
                        "control %s user=alice helper=true commands=%d closed=fin"
                                .formatted(version == 4 ? CONTROL : CONTROL6, 5));
        assertThat(rig.verdicts.stream().filter(v -> v.contains("drop"))).hasSize(1);
    }

    private static final String CONTROL = "198.51.100.7:41022 > 203.0.113.10:21";
    private static final String CONTROL6 = "[2001:db8:1::7]:41022 > [2001:db8:2::10]:21";

    private static String host(String end) {
        return end.trim().substring(0, end.trim().lastIndexOf(':'));
    }

    private static int port(String end) {
        return Integer.parseInt(end.trim().substring(end.trim().lastIndexOf(':') + 1));
    }

    private static String connectionText(String[] ends) {
        String a = host(ends[0]).contains(":") ? "[" + host(ends[0]) + "]" : host(ends[0]);
        String b = host(ends[1]).contains(":") ? "[" + host(ends[1]) + "]" : host(ends[1]);
        return a + ":" + port(ends[0]) + " > " + b + ":" + port(ends[1]);
    }

    // ---- when a pinhole opens and when it goes ----

    @Test
    void serverThatConnectsBeforeItAnswersPortMayConnect() {
        // pyftpdlib connects first and says 200 then.
        Wire.Tcp control = login().c("PORT 198,51,100,7,195,80");
        assertThat(syn(SERVER, 20, CLIENT, 50000)).isEqualTo("accept related pinhole");
        control.s("200 Active data connection established.");
        assertThat(rig.told("pinhole"))
                .containsExactly("pinhole active 203.0.113.10 > 198.51.100.7:50000 used");
    }

    @Test
    void refusedPortOpensNothing() {
        login().c("PORT 198,51,100,7,195,80").s("500 no");
        assertThat(syn(SERVER, 20, CLIENT, 50000)).isEqualTo("drop new policy");
        assertThat(rig.told("pinhole"))
                .containsExactly(
                        "pinhole active 203.0.113.10 > 198.51.100.7:50000 refused"
                                + " (command-refused)");
    }

    @Test
    void newAnnouncementReplacesTheOld() {
        login().c("PASV")
                .s("227 Entering (203,0,113,10,195,80)")
                .c("PASV")
                .s("227 Entering (203,0,113,10,195,81)");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(syn(CLIENT, 41024, SERVER, 50001)).isEqualTo("accept related pinhole");
        assertThat(rig.told("pinhole"))
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 replaced",
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50001 used");
    }

    @Test
    void aRefusedPortLeavesTheFormerPinholeAsItWas() {
        login().c("PASV")
                .s("227 Entering (203,0,113,10,195,80)")
                .c("PORT 198,51,100,7,195,81")
                .s("500 no");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
    }

    @ParameterizedTest
    @CsvSource({"299.999999999, accept related pinhole", "300, drop new policy"})
    void pinholeLivesThreeHundredSeconds(double seconds, String verdict) {
        Wire.Tcp control = login().c("PASV");
        control.server.sayUnacknowledged("227 Entering (203,0,113,10,195,80)\r\n");
        rig.pass(seconds);
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo(verdict);
        assertThat(rig.told("pinhole"))
                .hasSize(1)
                .first()
                .asString()
                .contains(seconds < 300 ? "used" : "expired");
    }

    @Test
    void pinholeOpensOnce() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
        // The same SYN again is a retransmission of the same flow.
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
        assertThat(syn(CLIENT, 41024, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.told("alert"))
                .containsExactly("alert pinhole-reused 198.51.100.7:41024 > 203.0.113.10:50000");
    }

    @Test
    void pinholeIsForOneHost() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(syn(STRANGER, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.told("alert"))
                .containsExactly(
                        "alert pinhole-wrong-host 198.51.100.66:41023 > 203.0.113.10:50000");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
    }

    @Test
    void portIsNotOpenForTheOtherDirection() {
        login().c("PORT 198,51,100,7,195,80").s("200 ok");
        assertThat(syn(CLIENT, 50000, SERVER, 20)).isEqualTo("drop new policy");
        assertThat(syn(SERVER, 20, CLIENT, 50001)).isEqualTo("drop new policy");
    }

    @Test
    void quitClosesPinholes() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)").c("QUIT").s("221 bye");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.told("pinhole"))
                .containsExactly("pinhole passive 198.51.100.7 > 203.0.113.10:50000 closed");
    }

    @Test
    void finOfTheServerClosesPinholes() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)").server.fin();
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
    }

    @Test
    void finOfTheClientAloneDoesNot() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)").client.fin();
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
    }

    @Test
    void resetClosesPinholes() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)").client.reset();
        assertThat(rig.last()).isEqualTo("accept established established");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.told())
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 closed",
                        "control " + CONTROL + " user=alice helper=true commands=3 closed=rst");
    }

    @Test
    void resetThatOnlyFitsTheWindowChangesNothing() {
        // RFC 5961 section 3: the receiver answers it with a challenge ACK and goes on.
        Wire.Tcp control = login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        rig.judge(control.client.packet("R").seq(control.client.next + 100));
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
        control.c("PASV").s("227 Entering (203,0,113,10,195,81)");
        assertThat(syn(CLIENT, 41024, SERVER, 50001)).isEqualTo("accept related pinhole");
        assertThat(rig.told("control")).isEmpty();
    }

    @Test
    void resetOutsideTheWindowIsInvalid() {
        Wire.Tcp control = login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(rig.judge(control.client.packet("R").seq(control.client.next - 100)))
                .isEqualTo("drop invalid policy invalid-rst");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
    }

    @Test
    void pinholeDiesWithItsControlFlow() {
        // Whether the dead entry has been swept must not matter: the sweep depends on the seed.
        Settings.Timeouts t = Settings.Timeouts.DEFAULTS;
        Settings quick =
                new Settings(
                        new Settings.Timeouts(
                                120,
                                60,
                                100,
                                120,
                                60,
                                30,
                                120,
                                10,
                                120,
                                300,
                                300,
                                30,
                                120,
                                30,
                                600,
                                t.expectation(),
                                30),
                        Settings.Limits.DEFAULTS,
                        Settings.Tcp.DEFAULTS,
                        Settings.HelperPolicy.DEFAULTS,
                        Map.of());
        List<String> verdicts = new ArrayList<>();
        for (long seed = 0; seed < 20; seed++) {
            try (Rig r = new Rig(new GatewayRules(21), quick, seed)) {
                r.login(CLIENT, 41022, SERVER).c("PASV").s("227 Entering (203,0,113,10,195,80)");
                r.pass(101);
                verdicts.add(r.judge(Packets.tcp(CLIENT, 41023, SERVER, 50000).flags("S").seq(1)));
            }
        }
        assertThat(verdicts).containsOnly("drop new policy");
    }

    @Test
    void ruleThatDropsTheDataConnectionIsNamedAndThePinholeStays() {
        boolean[] closed = {true};
        use(new GatewayRules(21).block(f -> closed[0] && GatewayRules.to(f, 50000)));
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)").c("LIST");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop related blocked");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop related blocked");
        closed[0] = false;
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
        assertThat(rig.told("pinhole"))
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 used (blocked by"
                                + " blocked)");
    }

    @Test
    void blockedDataConnectionIsToldOnceHoweverOftenItKnocks() {
        use(new GatewayRules(21).block(f -> GatewayRules.to(f, 50000)));
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)").c("LIST");
        for (int sport = 41023; sport < 41043; sport++) {
            assertThat(syn(CLIENT, sport, SERVER, 50000)).isEqualTo("drop related blocked");
        }
        assertThat(rig.finish())
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 unused (blocked by"
                                + " blocked)",
                        "data passive 198.51.100.7:41023 > 203.0.113.10:50000 LIST null 0 bytes"
                                + " incomplete drop",
                        "control " + CONTROL + " user=alice helper=true commands=4 closed=open");
    }

    @Test
    void attemptFromAnotherPortThatPassesIsTheOneToBeTold() {
        // A rule narrows active data connections to source port 20; the server tries 4001 first.
        use(
                new GatewayRules(21)
                        .block(f -> f.ctState == CtState.RELATED && f.packet.sourcePort() == 4001));
        Wire.Tcp control = login().c("PORT 198,51,100,7,195,80").s("200 ok").c("RETR f");
        assertThat(syn(SERVER, 4001, CLIENT, 50000)).isEqualTo("drop related blocked");
        transfer(rig.wire.tcp(SERVER, 20, CLIENT, 50000), true, 500);
        control.s("226 done");
        assertThat(rig.told("data"))
                .contains(
                        "data active 203.0.113.10:20 > 198.51.100.7:50000 RETR f 500 bytes"
                                + " complete");
    }

    // ---- ICMP ----

    @Test
    void icmpErrorAboutADataConnectionIsRelated() {
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        Packets syn = Packets.tcp(CLIENT, 41023, SERVER, 50000).flags("S").seq(1);
        assertThat(rig.judge(syn)).isEqualTo("accept related pinhole");
        assertThat(rig.judge(Packets.icmpError("192.0.2.1", CLIENT, 3, 1, syn.ip())))
                .isEqualTo("accept related icmp-error");
        assertThat(rig.judge(Packets.icmpError("192.0.2.1", STRANGER, 3, 1, syn.ip())))
                .as("not to the sender of what it quotes")
                .isEqualTo("drop invalid policy icmp-untrackable");
        Packets foreign = Packets.tcp(CLIENT, 41024, SERVER, 50000).flags("S").seq(1);
        assertThat(rig.judge(Packets.icmpError("192.0.2.1", CLIENT, 3, 1, foreign.ip())))
                .isEqualTo("drop invalid policy icmp-untrackable");
    }

    @Test
    void icmpv6ErrorAboutADataConnectionIsRelated() {
        login6().c("EPSV").s("229 ok (|||50000|)");
        Packets syn = Packets.tcp(CLIENT6, 41023, SERVER6, 50000).flags("S").seq(1);
        assertThat(rig.judge(syn)).isEqualTo("accept related pinhole");
        assertThat(rig.judge(Packets.icmpError("2001:db8::1", CLIENT6, 2, 0, syn.ip())))
                .isEqualTo("accept related icmp-error");
    }

    @ParameterizedTest(name = "id {0}")
    @ValueSource(ints = {0, 1, 2, 3, 255, 256, 0x7fff, 0x8000, 0xffff})
    void pingsOfTwoHostsWithOneIdentifierAreTwoFlows(int id) {
        use(new GatewayRules(21).open(f -> f.ctState == CtState.NEW));
        assertThat(rig.judge(Packets.icmp(CLIENT, SERVER, 8, 0, id))).isEqualTo("accept new open");
        assertThat(rig.judge(Packets.icmp(CLIENT, SERVER, 0, 0, id)))
                .as("a reply from the one who asked")
                .isEqualTo("drop invalid policy icmp-unexpected");
        assertThat(rig.judge(Packets.icmp(SERVER, CLIENT, 8, 0, id)))
                .as("the other asks too")
                .isEqualTo("accept new open");
        assertThat(rig.judge(Packets.icmp(SERVER, CLIENT, 0, 0, id)))
                .isEqualTo("accept established established");
        assertThat(rig.judge(Packets.icmp(SERVER, CLIENT, 14, 0, id)))
                .as("a reply of another kind")
                .isEqualTo("drop invalid policy icmp-unexpected");
        assertThat(
                        rig.judge(
                                Packets.icmpError(
                                        "192.0.2.1",
                                        CLIENT,
                                        11,
                                        0,
                                        Packets.icmp(CLIENT, SERVER, 8, 0, id).ip())))
                .isEqualTo("accept related icmp-error");
    }

    @Test
    void ipv6WithoutAPayloadIsInvalid() {
        // ipv6_skip_exthdr finds no transport header behind next header 59.
        use(new GatewayRules(21).open(f -> f.ctState == CtState.NEW));
        assertThat(rig.judge(Packets.other(59, CLIENT6, SERVER6, new byte[0])))
                .startsWith("drop invalid policy");
    }

    // ---- fragments ----

    @Test
    void fragmentsAreJudgedAsTheirDatagram() {
        Wire.Tcp control = login().c("PASV");
        Packets reply =
                control.server.packet("PA").payload("227 Entering (203,0,113,10,195,80)\r\n");
        List<byte[]> parts = reply.fragments(24, 77);
        assertThat(parts).hasSize(3);
        int before = rig.verdicts.size();
        rig.ip(parts.get(2));
        rig.ip(parts.get(0));
        assertThat(rig.verdicts).as("held").hasSize(before);
        rig.ip(parts.get(1));
        long n = rig.number();
        assertThat(rig.verdicts.subList(before, rig.verdicts.size()))
                .containsExactlyInAnyOrder(
                        n - 2 + " accept established established",
                        n - 1 + " accept established established",
                        n + " accept established established");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
    }

    @Test
    void fragmentsThatNeverCompleteAreDropped() {
        List<byte[]> parts =
                Packets.udp(CLIENT, 1, SERVER, 2).payload("x".repeat(100)).fragments(40, 5);
        rig.ip(parts.get(0));
        rig.ip(parts.get(2));
        rig.pass(31);
        assertThat(syn(CLIENT, 1, SERVER, 80)).contains("1 drop -", "2 drop -", "3 drop new");
        assertThat(rig.verdicts)
                .startsWith(
                        "1 drop - fragment reassembly fragment-timeout",
                        "2 drop - fragment reassembly fragment-timeout");
    }

    @Test
    void everyFragmentHasAVerdictAtTheEndOfTheInput() {
        rig.ip(Packets.udp(CLIENT, 1, SERVER, 2).payload("x".repeat(99)).fragments(40, 5).get(1));
        rig.path.finish();
        assertThat(rig.verdicts).containsExactly("1 drop - fragment reassembly fragment-timeout");
    }

    @Test
    void overlappingFragmentsKillTheirDatagram() {
        Packets p = Packets.udp(CLIENT, 1, SERVER, 2).payload("x".repeat(100));
        rig.ip(p.fragments(40, 5).get(0));
        rig.ip(p.fragments(32, 5).get(1));
        assertThat(rig.verdicts)
                .containsExactly(
                        "1 drop - fragment reassembly fragment-overlap",
                        "2 drop - fragment reassembly fragment-overlap");
    }

    // ---- what the capture lacks ----

    @Test
    void snapLengthBlindsTheHelperAndSaysSo() {
        Wire.Tcp control = login().c("PASV");
        byte[] reply =
                control.server.packet("PA").payload("227 Entering (203,0,113,10,195,80)\r\n").ip();
        rig.raw(reply, 60, reply.length, LinkType.RAW);
        control.server.next += reply.length - 40;
        control.client.acknowledge();
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.finish())
                .contains(
                        "control "
                                + CONTROL
                                + " user=alice helper=true commands=3 closed=open cut unseen=1");
    }

    @Test
    void snapLengthWithinFragmentsBlindsTheHelperToo() {
        Wire.Tcp control = login().c("PASV");
        List<byte[]> parts =
                control.server
                        .packet("PA")
                        .payload("227 Entering (203,0,113,10,195,80)\r\n")
                        .fragments(32, 9);
        rig.raw(parts.get(0), 48, parts.get(0).length, LinkType.RAW);
        rig.ip(parts.get(1));
        assertThat(rig.last()).isEqualTo("accept established established");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.finish()).anyMatch(line -> line.contains(" cut unseen=1"));
    }

    @Test
    void tlsBlindsTheHelperAndWhatItDropsIsNoted() {
        Wire.Tcp control = login().c("AUTH TLS").s("234 go ahead");
        control.client.say("\u0016\u0003\u0001\u0000\u0004abcd");
        control.server.say("\u0016\u0003\u0003\u0000\u0004abcd");
        control.client.say("\u0017\u0003\u0003\u0000\u0004PASV");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("drop new policy");
        control.close();
        assertThat(rig.told("control"))
                .containsExactly(
                        "control "
                                + CONTROL
                                + " user=alice helper=true commands=3 closed=fin encrypted"
                                + " unseen=1");
    }

    @Test
    void segmentWithAWrongChecksumIsNotRead() {
        Wire.Tcp control = login();
        Packets forged =
                control.client.packet("PA").payload("PORT 198,51,100,7,195,80\r\n").badChecksum();
        assertThat(rig.judge(forged)).isEqualTo("accept established established");
        control.c("NOOP").s("200 ok");
        assertThat(syn(SERVER, 20, CLIENT, 50000)).isEqualTo("drop new policy");
        assertThat(rig.told("alert")).contains("alert bad-checksum " + CONTROL);
    }

    @Test
    void retransmissionWithOtherBytesIsDropped() {
        Wire.Tcp control = login();
        int at = control.client.next;
        control.client.sayUnacknowledged("NOOP\r\n");
        Packets other = control.client.packet("PA").seq(at).payload("QUIT\r\n");
        assertThat(rig.judge(other)).isEqualTo("drop established ftp helper overlap");
        Packets same = control.client.packet("PA").seq(at).payload("NOOP\r\n");
        assertThat(rig.judge(same)).isEqualTo("accept established established");
    }

    // ---- the observer ----

    @ParameterizedTest(name = "rules let data pass: {0}")
    @ValueSource(booleans = {true, false})
    void withoutHelperNothingOpensButAllIsTold(boolean open) {
        use(new GatewayRules(21).withoutHelper().open(f -> open && GatewayRules.to(f, 50000)));
        Wire.Tcp control = login().c("PASV").s("227 Entering (203,0,113,10,195,80)").c("RETR f");
        assertThat(syn(CLIENT, 41023, SERVER, 50000))
                .isEqualTo(open ? "accept new open" : "drop new policy");
        control.s("226 done").c("QUIT").s("221 bye").close();
        // At the end of the input the data connection is still open.
        assertThat(rig.finish())
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 used observed",
                        "data passive 198.51.100.7:41023 > 203.0.113.10:50000 RETR f 0 bytes"
                                + " complete"
                                + (open ? "" : " drop")
                                + " observed",
                        "control " + CONTROL + " user=alice helper=false commands=5 closed=fin");
    }

    @Test
    void observerReadsADialogueThatRulesDrop() {
        use(new GatewayRules());
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(rig.verdicts).allMatch(v -> v.contains(" drop "));
        assertThat(rig.finish())
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 unused observed",
                        "control " + CONTROL + " user=alice helper=false commands=3 closed=open");
    }

    @Test
    void observerReadsTheNextConnectionOfTheSameTuple() {
        use(new GatewayRules(21).withoutHelper());
        login().c("QUIT").s("221 bye").close();
        rig.pass(1);
        login().c("QUIT").s("221 bye").close();
        assertThat(rig.finish())
                .containsExactly(
                        "control " + CONTROL + " user=alice helper=false commands=3 closed=fin",
                        "control " + CONTROL + " user=alice helper=false commands=3 closed=fin");
    }

    @Test
    void helperTakesOverWhatTheObserverReads() {
        // The connection's beginning is dropped; then the rules let it pass, in mid-stream.
        boolean[] dropped = {true};
        use(new GatewayRules(21).block(f -> dropped[0]));
        Wire.Tcp control = login();
        dropped[0] = false;
        control.c("NOOP").s("200 ok").c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
        assertThat(rig.finish())
                .filteredOn(line -> line.startsWith("control"))
                .hasSize(1)
                .first()
                .asString()
                .contains("helper=true");
    }

    // ---- the control flow itself ----

    @Test
    void nextControlConnectionOfTheSameTupleIsReadFromItsStart() {
        login().c("QUIT").s("221 bye").close();
        rig.pass(5);
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
        assertThat(rig.finish())
                .filteredOn(line -> line.startsWith("control"))
                .containsExactly(
                        "control " + CONTROL + " user=alice helper=true commands=3 closed=fin",
                        "control " + CONTROL + " user=alice helper=true commands=3 closed=open");
    }

    @Test
    void clientThatForgotItsConnectionAndReusesTheTupleIsReadFromItsStart() {
        // The client crashed; the table still has the flow as established. Its SYN is let through
        // unfollowed, and the server, which crashed too, answers it: nf_conntrack follows them.
        login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        rig.pass(5);
        login().c("PASV").s("227 Entering (203,0,113,10,195,81)");
        assertThat(rig.verdicts).allMatch(v -> v.contains(" accept "));
        assertThat(syn(CLIENT, 41023, SERVER, 50001)).isEqualTo("accept related pinhole");
        assertThat(syn(CLIENT, 41024, SERVER, 50000)).isEqualTo("drop new policy");
        assertThat(rig.finish())
                .filteredOn(line -> line.startsWith("control"))
                .hasSize(2)
                .allMatch(
                        line -> line.startsWith("control " + CONTROL + " user=alice helper=true"));
    }

    @Test
    void foreignSynWithinTheHandshakeDoesNotMisleadTheHelper() {
        Wire.Tcp control = rig.wire.tcp(CLIENT, 41022, SERVER, 21);
        control.client.syn();
        control.server.synAck();
        rig.judge(control.client.packet("S").seq(control.client.next + 20_000));
        rig.judge(control.server.packet("SA").seq(control.server.next + 20_000));
        control.client.acknowledge();
        control.s("220 ready")
                .c("USER alice")
                .s("331 password")
                .c("PASS x")
                .s("230 in")
                .c("PASV")
                .s("227 Entering (203,0,113,10,195,80)");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo("accept related pinhole");
    }

    @Test
    void alertsAfterTheEndOfASessionAreNotThatSessions() {
        Wire.Tcp control = login().c("PASV").s("227 Entering (203,0,113,10,195,80)");
        transfer(rig.wire.tcp(CLIENT, 41023, SERVER, 50000), false, 10);
        control.s("226 done").c("QUIT").s("221 bye").close();
        assertThat(rig.events.get(rig.events.size() - 1)).isInstanceOf(Event.Control.class);
        rig.told();
        syn(CLIENT, 41024, SERVER, 50000);
        assertThat(rig.events).allMatch(e -> e.session() == 0);
    }

    @Test
    void droppedResetOfAHalfOpenFlowEndsItAllTheSame() {
        // nf_conntrack_tcp_packet kills the entry before any rule sees the packet.
        use(new GatewayRules(21).block(f -> f.packet.has(4)));
        assertThat(syn(CLIENT, 41022, SERVER, 21)).isEqualTo("accept new control");
        assertThat(rig.path.flows()).isEqualTo(1);
        assertThat(rig.judge(Packets.tcp(SERVER, 21, CLIENT, 41022).flags("RA").seq(0).ack(7001)))
                .isEqualTo("drop established blocked");
        assertThat(rig.path.flows()).isZero();
    }

    @Test
    void droppedFirstPacketLeavesNothingBehind() {
        assertThat(syn(CLIENT, 1, SERVER, 80)).isEqualTo("drop new policy");
        assertThat(rig.path.flows()).isZero();
    }

    @Test
    void untrackedPacketsHaveNoFlow() {
        use(
                new GatewayRules(21)
                        .notrack(f -> GatewayRules.to(f, 80))
                        .open(f -> f.ctState == CtState.UNTRACKED));
        assertThat(syn(CLIENT, 1, SERVER, 80)).isEqualTo("accept untracked open");
        assertThat(rig.path.flows()).isZero();
    }

    // ---- cut, doubled, out of order ----

    @ParameterizedTest
    @EnumSource(names = {"WHOLE", "BYTES", "INSIDE_LINES"})
    void theCutOfTheStreamDoesNotMatter(Wire.Cut cut) {
        assertThat(longDialogue(cut, 1)).isEqualTo(longDialogue(Wire.Cut.WHOLE, 1));
    }

    @Test
    void orderAndRepetitionOfSegmentsDoNotMatter() {
        List<String> expected = longDialogue(Wire.Cut.WHOLE, 1);
        assertThat(expected).hasSize(11);
        for (long seed = 0; seed < 200; seed++) {
            assertThat(longDialogue(Wire.Cut.SHUFFLED, seed))
                    .as("seed " + seed)
                    .isEqualTo(expected);
        }
    }

    private static List<String> longDialogue(Wire.Cut cut, long seed) {
        try (Rig r = new Rig(new GatewayRules(21))) {
            r.wire.cut(cut, seed);
            Wire.Tcp control = r.login(CLIENT, 41022, SERVER);
            control.c("PORT 198,51,100,7,195,80").s("200 ok").c("LIST");
            r.judge(Packets.tcp(SERVER, 20, CLIENT, 50000).flags("S").seq(1));
            control.s("226-done\r\n227 (203,0,113,10,1,1) is only talk\r\n226 really");
            control.c("PORT 198,51,100,8,195,80").s("500 bounce");
            control.c("PASV\r\nSTOR name").s("227 Entering (203,0,113,10,195,81)\r\n150 go");
            r.judge(Packets.tcp(CLIENT, 41023, SERVER, 50001).flags("S").seq(1));
            control.s("226 done").c("EPSV").s("229 take (|||50002|)").c("QUIT").s("221 bye");
            r.judge(Packets.tcp(CLIENT, 41024, SERVER, 50002).flags("S").seq(1));
            control.close();
            return r.finish();
        }
    }

    // ---- hostile growth ----

    @Test
    void aFloodOfSynsMakesNoSessions() {
        for (int i = 0; i < 100_000; i++) {
            rig.ip(
                    Packets.tcp(
                                    "10." + (i >> 16) + "." + (i >> 8 & 255) + "." + (i & 255),
                                    999,
                                    SERVER,
                                    21)
                            .flags("S")
                            .seq(i)
                            .payload(i % 2 == 0 ? "" : "x")
                            .ip());
        }
        assertThat(rig.path.flows()).isEqualTo(100_000);
        assertThat(rig.finish()).isEmpty();
    }

    @Test
    void aFloodOfSynsDoesNotMakeTheHelperForgetItsPolicy() {
        // Privileged ports are allowed, but not by the helper object that the rules assign.
        Settings.HelperPolicy refuses = Settings.HelperPolicy.DEFAULTS;
        Settings.HelperPolicy allows =
                new Settings.HelperPolicy(
                        refuses.thirdParty(),
                        List.of(),
                        Settings.PrivilegedPorts.ALLOW,
                        refuses.passiveAddress(),
                        refuses.auth(),
                        false,
                        List.of(),
                        refuses.activeSourcePort(),
                        false,
                        0);
        Settings d = Settings.DEFAULTS;
        rig.close();
        rig =
                new Rig(
                        new GatewayRules(21),
                        new Settings(
                                d.timeouts(),
                                d.limits(),
                                d.tcp(),
                                allows,
                                Map.of("ftp-std", refuses)));
        Wire.Tcp control = rig.wire.tcp(CLIENT, 41022, SERVER, 21);
        control.client.syn();
        control.server.synAck();
        for (int i = 0; i < 70_000; i++) {
            String from = "10.1." + (i >> 8 & 255) + "." + (i & 255);
            rig.ip(Packets.tcp(from, 900 + (i >> 16), SERVER, 21).flags("S").ip());
        }
        control.client.acknowledge();
        control.s("220 ready").c("PORT 198,51,100,7,0,80").s("200 ok");
        assertThat(syn(SERVER, 20, CLIENT, 80)).isEqualTo("drop new policy");
        assertThat(rig.told("alert")).contains("alert privileged-port " + CONTROL);
    }

    @Test
    void aHundredThousandPortsOnOneConnection() {
        Wire.Tcp control = login();
        for (int i = 0; i < 100_000; i++) {
            control.client.sayUnacknowledged(
                    "PORT 198,51,100,7,%d,%d\r\n".formatted(4 + i % 250, i / 250 % 250));
            if (i % 3 == 0) {
                control.s("200 ok");
            }
            rig.told();
        }
        assertThat(rig.finish().size()).isLessThan(200);
    }

    @Test
    void strictHelperResetsAConnectionThatBreaksTheRules() {
        use(
                new Settings(
                        Settings.Timeouts.DEFAULTS,
                        Settings.Limits.DEFAULTS,
                        Settings.Tcp.DEFAULTS,
                        strict(),
                        Map.of()));
        Wire.Tcp control = rig.login(CLIENT, 40000, SERVER);
        control.c("PORT 198,51,100,66,200,100");
        assertThat(rig.last()).isEqualTo("reject established ftp helper strict-violation");
        control.s("200 ok");
        assertThat(rig.last()).isEqualTo("reject established ftp helper strict-violation");
        assertThat(rig.told())
                .anyMatch(line -> line.startsWith("alert strict-violation"))
                .anyMatch(line -> line.startsWith("alert bounce"))
                .anyMatch(line -> line.startsWith("control") && line.contains("closed=rst"));
    }

    private static Settings.HelperPolicy strict() {
        Settings.HelperPolicy p = Settings.HelperPolicy.DEFAULTS;
        return new Settings.HelperPolicy(
                p.thirdParty(),
                p.thirdPartyPeers(),
                p.privilegedPorts(),
                p.passiveAddress(),
                p.auth(),
                p.requireLogin(),
                p.deniedPorts(),
                p.activeSourcePort(),
                true,
                p.lifetimeSeconds());
    }

    @Test
    void oneClientCannotTakeAllPinholes() {
        Settings.Limits l = Settings.Limits.DEFAULTS;
        use(
                new Settings(
                        Settings.Timeouts.DEFAULTS,
                        new Settings.Limits(
                                l.flows(),
                                l.controls(),
                                l.expectations(),
                                l.expectationsPerParent(),
                                2,
                                l.reassemblyBytes(),
                                l.lineBytes(),
                                l.pipeline(),
                                l.fragmentBytes(),
                                l.fragmentDatagrams()),
                        Settings.Tcp.DEFAULTS,
                        Settings.HelperPolicy.DEFAULTS,
                        Map.of()));
        for (int i = 0; i < 3; i++) {
            rig.login(CLIENT, 40000 + i, SERVER)
                    .c("PASV")
                    .s("227 Entering Passive Mode (203,0,113,10,200,%d)".formatted(i));
        }
        rig.login("198.51.100.8", 40000, SERVER)
                .c("PASV")
                .s("227 Entering Passive Mode (203,0,113,10,200,9)");
        assertThat(rig.told())
                .filteredOn(line -> line.startsWith("pinhole") || line.startsWith("alert"))
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:51202 refused"
                                + " (expectations-full)",
                        "alert expectations-full 198.51.100.7:40002 > 203.0.113.10:21");
        assertThat(syn(CLIENT, 50000, SERVER, 51200)).startsWith("accept related");
        assertThat(syn("198.51.100.8", 50000, SERVER, 51209)).startsWith("accept related");
        // One is free again.
        rig.login(CLIENT, 40009, SERVER)
                .c("PASV")
                .s("227 Entering Passive Mode (203,0,113,10,200,20)");
        assertThat(syn(CLIENT, 50001, SERVER, 51220)).startsWith("accept related");
    }
}
