package io.pinhole.path;

import static io.pinhole.path.Rig.CLIENT;
import static io.pinhole.path.Rig.SERVER;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Packets by someone who knows the 4-tuple and guesses the rest: what they must not do. */
class ForgedPacketsTest {
    private final Rig rig = new Rig(new GatewayRules(21).block(f -> f.packet.tcpWindow() == 666));

    @AfterEach
    void close() {
        rig.close();
    }

    private Wire.Tcp announced() {
        Wire.Tcp control = rig.login(CLIENT, 41022, SERVER).c("PASV");
        control.s("227 Entering (203,0,113,10,195,80)");
        rig.told();
        return control;
    }

    private String connects() {
        return rig.judge(Packets.tcp(CLIENT, 41023, SERVER, 50000).flags("S").seq(7000));
    }

    @Test
    void finAheadOfTheStreamClosesNothing() {
        Wire.End server = announced().server;
        assertThat(rig.judge(server.packet("FA").seq(server.next + 5000)))
                .isEqualTo("accept established established");
        assertThat(connects()).isEqualTo("accept related pinhole");
    }

    @Test
    void finBehindTheStreamClosesNothing() {
        Wire.End server = announced().server;
        rig.judge(server.packet("FA").seq(server.next - 10));
        assertThat(connects()).isEqualTo("accept related pinhole");
    }

    @Test
    void finThatComesBeforeTheLineItFollowsClosesWhenTheLineHasCome() {
        Wire.Tcp control = announced();
        Packets line = control.server.packet("PA").payload("421 timeout\r\n");
        control.server.next += 13;
        rig.judge(control.server.packet("FA"));
        assertThat(rig.told("pinhole")).isEmpty();
        rig.judge(line);
        assertThat(rig.told("pinhole"))
                .containsExactly("pinhole passive 198.51.100.7 > 203.0.113.10:50000 closed");
    }

    @Test
    void segmentTooFarAheadIsNotInspectedAndThereforeNotForwarded() {
        Wire.End client = announced().client;
        assertThat(
                        rig.judge(
                                client.packet("PA")
                                        .seq(client.next + 500_000)
                                        .payload("PORT 1,2,3,4,5,6\r\n")))
                .isEqualTo("drop established ftp helper reassembly-full");
    }

    @Test
    void packetsThatRulesDropAreNoConnectionOfTheirOwn() {
        Wire.Tcp control = announced();
        assertThat(
                        rig.judge(
                                control.client
                                        .packet("PA")
                                        .window(666)
                                        .payload("PORT 198,51,100,7,200,1\r\n")))
                .startsWith("drop");
        control.s("200 ok");
        assertThat(rig.judge(Packets.tcp(SERVER, 20, CLIENT, 51201).flags("S")))
                .isEqualTo("drop new policy");
        assertThat(rig.finish()).filteredOn(line -> line.startsWith("control")).hasSize(1);
    }

    /** IPv6 packets between mapped addresses (RFC 4291 section 2.5.5.2) are nobody's IPv4. */
    @Test
    void aDialogueBetweenMappedAddressesOpensNothingForIpv4() {
        Wire.Tcp control = rig.login("::ffff:" + CLIENT, 41_022, "::ffff:" + SERVER);
        control.c("PORT 198,51,100,7,195,80").s("200 ok").c("PASV");
        control.s("227 Entering (203,0,113,10,195,81)");
        assertThat(rig.judge(Packets.tcp(SERVER, 20, CLIENT, 50_000).flags("S")))
                .isEqualTo("drop new policy");
        assertThat(rig.judge(Packets.tcp(CLIENT, 41_023, SERVER, 50_001).flags("S")))
                .isEqualTo("drop new policy");
    }

    /** Only what may begin a connection can use a pinhole up. */
    @Test
    void noOtherPacketThanASynUsesAPinholeUp() {
        announced();
        assertThat(rig.judge(Packets.tcp(CLIENT, 41_023, SERVER, 50_000).flags("SA").seq(1).ack(1)))
                .startsWith("drop");
        assertThat(rig.judge(Packets.tcp(CLIENT, 41_023, SERVER, 50_000).flags("FA").seq(1).ack(1)))
                .startsWith("drop");
        assertThat(connects()).isEqualTo("accept related pinhole");
    }
}
