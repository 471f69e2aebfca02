package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleFixture;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What Linux 6.18 does and {@code --compat=linux} repeats, one test for each difference that {@code
 * KernelDifferentialIT} once found.
 */
class CompatLinuxTest {
    private static final String HELPER =
            """
              ct helper ftp { type "ftp" protocol tcp; }
              chain helper {
                type filter hook prerouting priority -150;
                tcp dport 21 ct helper set "ftp"
              }
            """;

    private final List<String> verdicts = new ArrayList<>();
    private final Wire wire = new Wire(this::send);
    private PacketPath path = open("");
    private long now = 1_700_000_000L * 1_000_000_000L;
    private long number;

    private PacketPath open(String chains) {
        CompiledRules rules = RuleFixture.load("table inet t {\n" + chains + "\n}\n").compile();
        return new PacketPath(
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        true,
                        42),
                rules,
                (position, verdict, ct, hook, rule, why) ->
                        verdicts.add(verdict.label() + " " + (ct == null ? "-" : ct.label())),
                event -> {});
    }

    private void rules(String chains) {
        path.close();
        path = open(chains);
    }

    private static String forward(String... rules) {
        return "chain forward { type filter hook forward priority 0; policy accept;\n"
                + String.join("\n", rules)
                + "\n}\n";
    }

    private void send(byte[] ip) {
        now += 50_000;
        path.process(
                MemorySegment.ofArray(ip),
                0,
                ip.length,
                ip.length,
                LinkType.RAW,
                now,
                Positions.of(0, ++number),
                "left",
                "right");
    }

    /** Sends a packet; its verdict and ct state. */
    private String judge(byte[] ip) {
        int before = verdicts.size();
        send(ip);
        return String.join(", ", verdicts.subList(before, verdicts.size()));
    }

    private String judge(Packets packet) {
        return judge(packet.ip());
    }

    private static Packets echo(boolean request, int code) {
        return request
                ? Packets.icmp("198.51.100.7", "203.0.113.10", 8, code, 1)
                : Packets.icmp("203.0.113.10", "198.51.100.7", 0, code, 1);
    }

    @AfterEach
    void close() {
        path.close();
    }

    @Test
    void anIcmpQueryIsKnownByItsCodeToo() {
        assertThat(judge(echo(true, 0))).isEqualTo("accept new");
        assertThat(judge(echo(true, 1))).isEqualTo("accept new");
        assertThat(judge(echo(false, 2))).isEqualTo("accept invalid");
        assertThat(judge(echo(false, 1))).isEqualTo("accept established");
        assertThat(judge(echo(true, 0))).isEqualTo("accept new");
        // All eight bits of it.
        assertThat(judge(echo(true, 0x80))).isEqualTo("accept new");
        assertThat(judge(echo(false, 0x80))).isEqualTo("accept established");
    }

    @Test
    void anErrorAboutAnIcmpMessageThatIsNoQueryIsInvalid() {
        judge(echo(true, 0));
        byte[] query = echo(true, 0).ip();
        byte[] solicitation = Packets.icmp("198.51.100.7", "203.0.113.10", 10, 0, 1).ip();
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, query)))
                .isEqualTo("accept related");
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, solicitation)))
                .isEqualTo("accept invalid");
    }

    @Test
    void anErrorAboutALaterFragmentIsInvalid() {
        Packets gre = Packets.other(4, "198.51.100.7", "203.0.113.10", new byte[16]);
        judge(gre);
        byte[] quoted = gre.ip();
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, quoted)))
                .isEqualTo("accept related");
        quoted[0] = 0x75; // the kernel does not look at the version of what is quoted
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, quoted)))
                .isEqualTo("accept related");
        quoted[7] = 1;
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, quoted)))
                .isEqualTo("accept invalid");
    }

    @Test
    void anErrorAboutEnhancedGreThatCarriesNoPppIsInvalid() {
        Packets gre = Packets.other(47, "198.51.100.7", "203.0.113.10", new byte[16]);
        judge(gre);
        byte[] quoted = gre.ip();
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, quoted)))
                .isEqualTo("accept related");
        quoted[21] = 1; // version 1, and protocol type 0
        assertThat(judge(Packets.icmpError("203.0.113.1", "198.51.100.7", 3, 1, quoted)))
                .isEqualTo("accept invalid");
    }

    /** ipv6_skip_exthdr reads two bytes of an extension header, whatever its length. */
    @Test
    void anErrorMayQuoteAnExtensionHeaderInPart() {
        judge(Packets.other(89, "2001:db8:1::7", "2001:db8:2::10", new byte[16]));
        byte[] quoted =
                PacketBytes.ipv6("2001:db8:1::7", "2001:db8:2::10", 60, new byte[] {89, 0, 1, 4});
        assertThat(judge(Packets.icmpError("2001:db8:2::1", "2001:db8:1::7", 1, 0, quoted)))
                .isEqualTo("accept related");
        byte[] shorter = java.util.Arrays.copyOf(quoted, 41);
        assertThat(judge(Packets.icmpError("2001:db8:2::1", "2001:db8:1::7", 1, 0, shorter)))
                .isEqualTo("accept invalid");
    }

    @Test
    void dccpIsTrackedByItsAddresses() {
        byte[] anything = new byte[16];
        anything[1] = 1;
        assertThat(judge(Packets.other(33, "198.51.100.7", "203.0.113.10", anything)))
                .isEqualTo("accept new");
        assertThat(judge(Packets.other(33, "203.0.113.10", "198.51.100.7", new byte[3])))
                .isEqualTo("accept established");
    }

    @Test
    void aTunnelIsAssuredOnceItIsAnswered() {
        rules(forward("ct expiration > 100s drop", "ct status assured drop"));
        byte[] gre = new byte[8];
        String[] ends = {"198.51.100.7", "203.0.113.10"};
        assertThat(judge(Packets.other(47, ends[0], ends[1], gre))).isEqualTo("accept new");
        assertThat(judge(Packets.other(47, ends[1], ends[0], gre))).isEqualTo("accept established");
        assertThat(judge(Packets.other(47, ends[0], ends[1], gre))).isEqualTo("drop established");
    }

    @Test
    void aCallOfEnhancedGreIsAFlowOfItsOwnEachWay() {
        byte[] call = {0x30, (byte) 0x81, (byte) 0x88, 0x0b, 0, 0, 0, 5};
        String[] ends = {"198.51.100.7", "203.0.113.10"};
        assertThat(judge(Packets.other(47, ends[0], ends[1], call))).isEqualTo("accept new");
        assertThat(judge(Packets.other(47, ends[1], ends[0], call))).isEqualTo("accept new");
        call[2] = 8;
        assertThat(judge(Packets.other(47, ends[0], ends[1], call))).isEqualTo("accept invalid");
    }

    @Test
    void udpLiteIsAStreamOnceItIsAnswered() {
        rules(forward("ct expiration > 100s drop"));
        byte[] there = {0, 9, 0, 7, 0, 8, 1, 1};
        byte[] back = {0, 7, 0, 9, 0, 8, 1, 1};
        String[] ends = {"198.51.100.7", "203.0.113.10"};
        assertThat(judge(Packets.other(136, ends[0], ends[1], there))).isEqualTo("accept new");
        assertThat(judge(Packets.other(136, ends[1], ends[0], back)))
                .isEqualTo("accept established");
        assertThat(judge(Packets.other(136, ends[0], ends[1], there)))
                .isEqualTo("drop established");
    }

    @Test
    void aWrongChecksumIsInvalid() {
        Packets syn = Packets.tcp("198.51.100.7", 40_000, "203.0.113.10", 80).flags("S");
        assertThat(judge(syn.badChecksum())).isEqualTo("accept invalid");
        assertThat(judge(echo(true, 0).badChecksum())).isEqualTo("accept invalid");
        assertThat(judge(Packets.udp("198.51.100.7", 9, "203.0.113.10", 9).badChecksum()))
                .isEqualTo("accept invalid");
    }

    @Test
    void theTtlIsOneLessFromForwardOn() {
        rules(
                "chain pre { type filter hook prerouting priority 0; ip ttl != 64 drop; }\n"
                        + forward("ip ttl != 63 drop"));
        assertThat(judge(echo(true, 0))).isEqualTo("accept new");
        byte[] last = echo(true, 0).ip();
        io.pinhole.decode.PacketBytes.ttl(last, 1);
        rules(forward());
        assertThat(judge(last)).isEqualTo("drop new");
        io.pinhole.decode.PacketBytes.ttl(last, 2);
        assertThat(judge(last)).isEqualTo("accept new");
    }

    @Test
    void nobodyKnowsTheOutputInterfaceBeforeRouting() {
        rules(
                "chain pre { type filter hook prerouting priority 0; oifname \"right\" drop; }\n"
                        + forward("oifname \"right\" iifname \"left\" accept", "drop"));
        assertThat(judge(echo(true, 0))).isEqualTo("accept new");
    }

    @Test
    void aFlowThatIsNotInTheTableYetHasNoExpiration() {
        rules(forward("ct expiration > 0s drop"));
        assertThat(judge(echo(true, 0))).isEqualTo("accept new");
        assertThat(judge(echo(true, 0))).isEqualTo("drop new");
    }

    @Test
    void aFlowKeepsTheTimeoutsThatWereAssigned() {
        rules(
                "ct timeout slow { protocol tcp; policy = { established : 900, close : 77 }; }\n"
                        + forward(
                                "ct state new ct timeout set \"slow\"",
                                "ct expiration 890s-900s drop"));
        Wire.Tcp tcp = wire.connect("198.51.100.7", 40_000, "203.0.113.10", 80);
        assertThat(verdicts)
                .containsExactly("accept new", "accept established", "drop established");
        assertThat(judge(tcp.client.packet("R"))).isEqualTo("accept established");
        rules(
                "ct timeout u { protocol udp; policy = { unreplied : 500, replied : 700 }; }\n"
                        + forward(
                                "ct state new ct timeout set \"u\"",
                                "ct expiration 490s-500s drop"));
        Packets udp = Packets.udp("198.51.100.7", 9, "203.0.113.10", 9);
        assertThat(judge(udp)).isEqualTo("accept new");
        assertThat(judge(udp)).isEqualTo("drop new");
    }

    @Test
    void aMarkStaysOnAFlowWhosePacketIsDroppedLater() {
        rules(
                forward("ct direction reply ct mark set 3")
                        + "chain post { type filter hook postrouting priority 0;\n"
                        + "ct mark 3 drop; }");
        assertThat(judge(echo(true, 0))).isEqualTo("accept new");
        assertThat(judge(echo(false, 0))).isEqualTo("drop established");
        assertThat(judge(echo(true, 0))).isEqualTo("drop established");
    }

    @Test
    void aDataConnectionHasTheMarkOfItsControlConnection() {
        rules(HELPER + forward("tcp dport 21 ct mark set 9", "ct state related ct mark != 9 drop"));
        wire.connect("198.51.100.7", 40_000, "203.0.113.10", 21)
                .s("220 ready")
                .c("PASV")
                .s("227 Entering Passive Mode (203,0,113,10,195,81)");
        assertThat(judge(Packets.tcp("198.51.100.7", 40_001, "203.0.113.10", 50_001).flags("S")))
                .isEqualTo("accept related");
    }

    @Test
    void anInvalidPacketUsesAnExpectationUp() {
        rules(HELPER);
        wire.connect("198.51.100.7", 40_000, "203.0.113.10", 21)
                .s("220 ready")
                .c("PASV")
                .s("227 Entering Passive Mode (203,0,113,10,195,81)");
        Packets data = Packets.tcp("198.51.100.7", 40_001, "203.0.113.10", 50_001);
        assertThat(judge(data.flags("SA"))).isEqualTo("accept invalid");
        assertThat(judge(data.flags("S"))).isEqualTo("accept new");
    }

    @Test
    void theHelperReadsOnAfterBothSidesAreDone() {
        rules(HELPER);
        Wire.Tcp tcp =
                wire.connect("198.51.100.7", 40_000, "203.0.113.10", 21).s("220 ready").close();
        tcp.c("NOOP");
        assertThat(judge(tcp.client.packet("PA").payload("PORT 1,2")))
                .isEqualTo("drop established");
    }

    @Test
    void aFragmentThatEndsInItsTransportHeaderIsNotHeld() {
        List<byte[]> parts =
                Packets.tcp("2001:db8:1::7", 40_000, "2001:db8:2::10", 80)
                        .flags("S")
                        .payload(new byte[12])
                        .fragments(16, 7);
        assertThat(judge(parts.get(0))).isEqualTo("accept invalid");
        assertThat(judge(parts.get(1))).isEmpty();
    }

    @Test
    void udpLiteWithoutAChecksumIsInvalid() {
        byte[] none = {0, 9, 0, 7, 0, 8, 0, 0};
        assertThat(judge(Packets.other(136, "198.51.100.7", "203.0.113.10", none)))
                .isEqualTo("accept invalid");
    }

    @Test
    void aRepeatedFragmentMaySayWhereTheDatagramEnds() {
        List<byte[]> parts =
                Packets.udp("198.51.100.7", 9, "203.0.113.10", 9)
                        .payload(new byte[24])
                        .fragments(16, 7);
        byte[] end =
                Packets.udp("198.51.100.7", 9, "203.0.113.10", 9)
                        .payload(new byte[8])
                        .fragments(8, 7)
                        .get(1);
        judge(parts.get(0));
        assertThat(judge(end)).isEqualTo("drop -");
        assertThat(judge(parts.get(1))).contains("drop -").doesNotContain("accept");
    }

    @Test
    void aDatagramThatWasGivenUpMayBeginAgain() {
        List<byte[]> parts =
                Packets.udp("198.51.100.7", 9, "203.0.113.10", 9)
                        .payload(new byte[24])
                        .fragments(16, 7);
        byte[] overlap =
                Packets.udp("198.51.100.7", 9, "203.0.113.10", 9)
                        .payload(new byte[24])
                        .fragments(24, 7)
                        .get(0);
        judge(parts.get(0));
        assertThat(judge(overlap)).isEqualTo("drop -, drop -");
        judge(parts.get(0));
        assertThat(judge(parts.get(1))).isEqualTo("accept new, accept new");
    }
}
