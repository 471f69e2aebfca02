package io.pinhole.path;

import static io.pinhole.path.Rig.CLIENT;
import static io.pinhole.path.Rig.SERVER;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A pinhole's life beside those of other flows and sessions, and what policies make of it. */
class PinholeTest {
    private static final String PEER = "192.0.2.9";
    private static final String RELATED = "accept related pinhole";
    private static final String DROPPED = "drop new policy";

    private Rig rig = new Rig(new GatewayRules(21));

    @AfterEach
    void close() {
        rig.close();
    }

    private void use(UnaryOperator<Policy> change) {
        rig.close();
        Settings d = Settings.DEFAULTS;
        rig =
                new Rig(
                        new GatewayRules(21),
                        new Settings(
                                d.timeouts(),
                                d.limits(),
                                d.tcp(),
                                change.apply(new Policy(d.helper())).policy,
                                Map.of()));
    }

    /** A helper policy under construction. */
    private record Policy(Settings.HelperPolicy policy) {
        Policy thirdParty(String... peers) {
            return with(
                    Settings.ThirdParty.ALLOW,
                    List.of(peers).stream()
                            .map(p -> Objects.requireNonNull(IpAddress.parse(p)))
                            .toList(),
                    policy.passiveAddress(),
                    policy.activeSourcePort(),
                    policy.lifetimeSeconds());
        }

        Policy announcedAddress() {
            return with(
                    policy.thirdParty(),
                    policy.thirdPartyPeers(),
                    Settings.PassiveAddress.ALLOW,
                    policy.activeSourcePort(),
                    policy.lifetimeSeconds());
        }

        Policy fromPort20() {
            return with(
                    policy.thirdParty(),
                    policy.thirdPartyPeers(),
                    policy.passiveAddress(),
                    Settings.ActiveSourcePort.FTP_DATA,
                    policy.lifetimeSeconds());
        }

        Policy lifetime(int seconds) {
            return with(
                    policy.thirdParty(),
                    policy.thirdPartyPeers(),
                    policy.passiveAddress(),
                    policy.activeSourcePort(),
                    seconds);
        }

        private Policy with(
                Settings.ThirdParty third,
                List<IpAddress> peers,
                Settings.PassiveAddress passive,
                Settings.ActiveSourcePort source,
                int lifetime) {
            return new Policy(
                    new Settings.HelperPolicy(
                            third,
                            peers,
                            policy.privilegedPorts(),
                            passive,
                            policy.auth(),
                            policy.requireLogin(),
                            policy.deniedPorts(),
                            source,
                            policy.strict(),
                            lifetime));
        }
    }

    private Wire.Tcp login(int port) {
        Wire.Tcp control = rig.login(CLIENT, port, SERVER);
        rig.told();
        return control;
    }

    private Wire.Tcp passive() {
        return login(41022).c("PASV").s("227 (203,0,113,10,195,80)");
    }

    private String syn(String from, int sport, String to, int dport) {
        return rig.judge(Packets.tcp(from, sport, to, dport).flags("S").seq(7000));
    }

    // ---- beside live flows ----

    @Test
    void aLiveFlowIsNotAPinholesFlow() {
        Wire.Tcp control = passive();
        Wire.Tcp data = rig.wire.connect(CLIENT, 41023, SERVER, 50000);
        // The server announces the same port again while the transfer runs.
        control.c("PASV").s("227 (203,0,113,10,195,80)");
        data.server.say("still the first transfer");
        assertThat(rig.last()).isEqualTo("accept established established");
        assertThat(rig.judge(data.client.packet("S")))
                .as("a SYN within the live flow")
                .isEqualTo("accept established established");
        assertThat(rig.told("pinhole")).as("one used").hasSize(1);
        assertThat(syn(CLIENT, 41024, SERVER, 50000)).isEqualTo(RELATED);
        assertThat(syn(CLIENT, 41025, SERVER, 50000)).isEqualTo(DROPPED);
    }

    @Test
    void theSameTupleAgainAfterItsConnectionEndedNeedsAPinholeOfItsOwn() {
        Wire.Tcp control = passive();
        Wire.Tcp data = rig.wire.connect(CLIENT, 41023, SERVER, 50000).close();
        assertThat(rig.judge(data.client.packet("S").seq(99_000))).isEqualTo(DROPPED);
        control.c("PASV").s("227 (203,0,113,10,195,80)");
        assertThat(rig.judge(data.client.packet("S").seq(99_000))).isEqualTo(RELATED);
    }

    @Test
    void twoSessionsThatAnnounceOneEndPointClash() {
        // Only one connection may come, and it is the newer one's; somebody should know.
        passive();
        Wire.Tcp second = login(41099);
        second.c("PASV").s("227 (203,0,113,10,195,80)");
        assertThat(rig.told())
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 replaced",
                        "alert pinhole-clash 198.51.100.7:41099 > 203.0.113.10:21");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo(RELATED);
        assertThat(syn(CLIENT, 41024, SERVER, 50000)).isEqualTo(DROPPED);
    }

    @Test
    void twoClientsMayWaitForOnePortOfTheServer() {
        passive();
        rig.login("198.51.100.8", 41022, SERVER).c("PASV").s("227 (203,0,113,10,195,80)");
        assertThat(syn("198.51.100.8", 41023, SERVER, 50000)).isEqualTo(RELATED);
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo(RELATED);
        assertThat(rig.told("alert")).isEmpty();
    }

    @Test
    void aSessionMayHaveMorePinholesWhereTheLimitSaysSo() {
        Settings d = Settings.DEFAULTS;
        Settings.Limits l = d.limits();
        rig.close();
        rig =
                new Rig(
                        new GatewayRules(21),
                        new Settings(
                                d.timeouts(),
                                new Settings.Limits(
                                        l.flows(),
                                        l.controls(),
                                        l.expectations(),
                                        2,
                                        l.expectationsPerClient(),
                                        l.reassemblyBytes(),
                                        l.lineBytes(),
                                        l.pipeline(),
                                        l.fragmentBytes(),
                                        l.fragmentDatagrams()),
                                d.tcp(),
                                d.helper(),
                                Map.of()));
        Wire.Tcp control = login(41022);
        for (int port = 80; port < 83; port++) {
            control.c("PASV").s("227 (203,0,113,10,195," + port + ")");
        }
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).as("the oldest").isEqualTo(DROPPED);
        assertThat(syn(CLIENT, 41024, SERVER, 50001)).isEqualTo(RELATED);
        assertThat(syn(CLIENT, 41025, SERVER, 50002)).isEqualTo(RELATED);
    }

    // ---- the wrong host ----

    @Test
    void theWrongHostDoesNotUseItUpHoweverOftenItTries() {
        passive();
        for (int i = 0; i < 50; i++) {
            assertThat(syn("198.51.100.66", 40000 + i, SERVER, 50000)).isEqualTo(DROPPED);
        }
        assertThat(rig.told("alert"))
                .as("named, but not fifty times")
                .hasSize(16)
                .allMatch(line -> line.startsWith("alert pinhole-wrong-host"));
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo(RELATED);
    }

    // ---- policies ----

    @Test
    void thirdPartyOnTheListMayBeNamed() {
        use(p -> p.thirdParty(PEER));
        login(41022).c("PORT 192,0,2,9,195,80").s("200 ok");
        assertThat(syn(SERVER, 20, CLIENT, 50000)).isEqualTo(DROPPED);
        assertThat(syn("198.51.100.66", 20, PEER, 50000)).isEqualTo(DROPPED);
        assertThat(syn(SERVER, 20, PEER, 50000)).isEqualTo(RELATED);
        assertThat(syn(SERVER, 20, PEER, 50000)).as("retransmission").isEqualTo(RELATED);
        assertThat(rig.told("pinhole"))
                .containsExactly("pinhole active 203.0.113.10 > 192.0.2.9:50000 used");
    }

    @Test
    void thirdPartyThatIsNotOnTheListMayNot() {
        use(p -> p.thirdParty("192.0.2.8"));
        login(41022).c("PORT 192,0,2,9,195,80").s("200 ok");
        assertThat(syn(SERVER, 20, PEER, 50000)).isEqualTo(DROPPED);
        assertThat(rig.told("alert")).contains("alert bounce 198.51.100.7:41022 > 203.0.113.10:21");
    }

    @Test
    void transferBetweenTwoServers() {
        // RFC 959 section 5.2, figure 3: PASV on one control connection, its answer as PORT on the
        // other. The second server is the first one's third party.
        use(p -> p.thirdParty("203.0.113.11").announcedAddress());
        Wire.Tcp one = rig.login(CLIENT, 41022, SERVER);
        Wire.Tcp two = rig.login(CLIENT, 41023, "203.0.113.11");
        two.c("PASV").s("227 (203,0,113,11,195,80)");
        one.c("PORT 203,0,113,11,195,80").s("200 ok");
        assertThat(syn(SERVER, 20, "203.0.113.11", 50000)).isEqualTo(RELATED);
    }

    @Test
    void passiveAddressAsAnnounced() {
        use(Policy::announcedAddress);
        login(41022).c("PASV").s("227 (192,0,2,9,195,80)");
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo(DROPPED);
        assertThat(syn(CLIENT, 41023, PEER, 50000)).isEqualTo(RELATED);
    }

    @Test
    void activeDataFromPort20Only() {
        use(Policy::fromPort20);
        login(41022).c("PORT 198,51,100,7,195,80").s("200 ok");
        assertThat(syn(SERVER, 4001, CLIENT, 50000)).isEqualTo(DROPPED);
        assertThat(rig.told("alert")).hasSize(1);
        assertThat(syn(SERVER, 20, CLIENT, 50000)).isEqualTo(RELATED);
    }

    @Test
    void lifetimeOfItsOwn() {
        use(p -> p.lifetime(10));
        passive();
        rig.pass(10);
        assertThat(syn(CLIENT, 41023, SERVER, 50000)).isEqualTo(DROPPED);
        assertThat(rig.told("pinhole")).first().asString().endsWith("expired");
    }
}
