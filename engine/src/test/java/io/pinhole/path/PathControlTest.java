package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Flows that the kernel carries, or carried before: what the path makes of the packets it sees. */
class PathControlTest {
    private static final Settings STRICT_START =
            new Settings(
                    Settings.DEFAULTS.timeouts(),
                    Settings.DEFAULTS.limits(),
                    new Settings.Tcp(false, false, 3, true),
                    Settings.DEFAULTS.helper(),
                    Settings.DEFAULTS.helpers());
    private static final FlowKey DATA = key(41023, 50000);
    private static final FlowKey CONTROL = key(41022, 21);

    private final Rig rig = new Rig(new GatewayRules(21), STRICT_START);
    private final PathControl control = rig.path.control();

    @AfterEach
    void close() {
        rig.close();
    }

    private static FlowKey key(int sport, int dport) {
        return FlowKey.tcp(IpAddress.parse(Rig.CLIENT), sport, IpAddress.parse(Rig.SERVER), dport);
    }

    private Wire.Tcp passive(Wire.Tcp session) {
        session.c("PASV").s("227 Entering (203,0,113,10,195,80)").c("RETR big").s("150 coming");
        return rig.wire.connect(Rig.CLIENT, 41023, Rig.SERVER, 50000);
    }

    @Test
    void onlyAnEstablishedDataConnectionIsOffloadable() {
        Wire.Tcp session = rig.login(Rig.CLIENT, 41022, Rig.SERVER);
        assertThat(control.isOffloadable(true)).as("control").isFalse();
        assertThat(control.isOffloadable(false)).as("control").isFalse();
        session.c("PASV").s("227 Entering (203,0,113,10,195,80)");
        Wire.Tcp data = rig.wire.tcp(Rig.CLIENT, 41023, Rig.SERVER, 50000);
        data.client.syn();
        assertThat(control.isOffloadable(true)).as("SYN").isFalse();
        data.server.synAck();
        assertThat(control.isOffloadable(true)).as("SYN-ACK").isFalse();
        data.client.acknowledge();
        assertThat(control.isOffloadable(true)).as("ACK").isTrue();
        assertThat(control.flow()).isEqualTo(DATA);
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 100_000_000, 2_000_000_000, -100})
    void theEndOfAnOffloadedTransferIsInWindowHoweverFarItIs(int bytes) {
        Wire.Tcp session = rig.login(Rig.CLIENT, 41022, Rig.SERVER);
        Wire.Tcp data = passive(session);
        control.offload(DATA, rig.now());
        data.server.next += bytes; // the kernel carried these; -100 stands for 4 GiB less 100
        rig.pass(400);
        data.close();
        session.s("226 done");
        assertThat(rig.told("data"))
                .containsExactly(
                        "data passive 198.51.100.7:41023 > 203.0.113.10:50000 RETR big %d bytes complete"
                                .formatted(Integer.toUnsignedLong(bytes)));
        assertThat(rig.verdicts).noneMatch(v -> v.contains("drop"));
    }

    @Test
    void withoutOffloadThatEndIsOutOfWindow() {
        Wire.Tcp data = passive(rig.login(Rig.CLIENT, 41022, Rig.SERVER));
        data.server.next += 100_000_000;
        data.server.fin();
        assertThat(rig.last()).startsWith("drop invalid");
    }

    @Test
    void whatTheKernelFoundInvalidIsInvalid() {
        Wire.Tcp data = passive(rig.login(Rig.CLIENT, 41022, Rig.SERVER));
        control.offload(DATA, rig.now());
        rig.path.hint(false, true);
        assertThat(rig.judge(data.server.packet("R"))).startsWith("drop invalid");
        rig.path.hint(false, false);
        data.close();
        assertThat(rig.verdicts.getLast()).contains("accept established");
    }

    @Test
    void recalledFlowsAreSeenAgain() {
        Wire.Tcp data = passive(rig.login(Rig.CLIENT, 41022, Rig.SERVER));
        control.offload(DATA, rig.now());
        assertThat(control.recall(DATA, rig.now())).isTrue();
        data.client.acknowledge();
        assertThat(control.isOffloaded()).isFalse();
        assertThat(control.isOffloadable(true)).isTrue();
    }

    @Test
    void midStreamIsPickedUpOnlyWhereItWasTakenOver() {
        Wire.Tcp session = rig.wire.tcp(Rig.CLIENT, 41022, Rig.SERVER, 21);
        session.c("NOOP");
        assertThat(rig.last()).startsWith("drop invalid");

        assertThat(control.takeOver(CONTROL, false, new GatewayRules(21), null, null, rig.now()))
                .isTrue();
        assertThat(control.takeOver(CONTROL, false, new GatewayRules(21), null, null, rig.now()))
                .as("twice")
                .isFalse();
        session.c("PASV").s("227 Entering (203,0,113,10,195,80)");
        Wire.Tcp data = rig.wire.connect(Rig.CLIENT, 41023, Rig.SERVER, 50000);
        assertThat(rig.last()).isEqualTo("accept established established");
        session.c("RETR x").s("150 coming");
        data.server.say("y".repeat(500));
        data.close();
        session.s("226 done");
        assertThat(rig.told("data")).singleElement().asString().contains("500 bytes complete");
    }

    @Test
    void aFlowThatTheKernelForgotIsGone() {
        Wire.Tcp data = passive(rig.login(Rig.CLIENT, 41022, Rig.SERVER));
        assertThat(control.removeCarried(DATA, rig.now())).as("seen packet by packet").isFalse();
        control.offload(DATA, rig.now());
        assertThat(control.removeCarried(DATA, rig.now())).isTrue();
        assertThat(rig.judge(data.client.packet("A"))).startsWith("drop invalid");
    }

    @Test
    void anOperatorClosesPinholesAndFlows() {
        Wire.Tcp session = rig.login(Rig.CLIENT, 41022, Rig.SERVER);
        session.c("PASV").s("227 Entering (203,0,113,10,195,80)");
        assertThat(control.waiting()).isEqualTo(1);
        assertThat(control.closePinholes(DATA.source(), DATA.destination(), 50000)).isEqualTo(1);
        assertThat(rig.told("pinhole"))
                .containsExactly(
                        "pinhole passive 198.51.100.7 > 203.0.113.10:50000 closed (by the"
                                + " operator)");
        rig.wire.tcp(Rig.CLIENT, 41023, Rig.SERVER, 50000).client.syn();
        assertThat(rig.last()).startsWith("drop new");
        assertThat(control.remove(CONTROL.reversed(), rig.now())).isTrue();
        session.c("NOOP");
        assertThat(rig.last()).startsWith("drop invalid");
    }

    @Test
    void asksOtherRulesAboutAFlow() {
        passive(rig.login(Rig.CLIENT, 41022, Rig.SERVER));
        assertThat(control.ask(new GatewayRules(21), DATA, null, null, rig.now()))
                .isEqualTo(Verdict.ACCEPT);
        assertThat(control.ask(new GatewayRules(21).block(f -> true), DATA, null, null, rig.now()))
                .isEqualTo(Verdict.DROP);
    }

    @Test
    void pagesThroughTheTables() {
        passive(rig.login(Rig.CLIENT, 41022, Rig.SERVER));
        rig.login(Rig.CLIENT6, 41022, Rig.SERVER6);
        java.util.List<FlowKey> keys = new java.util.ArrayList<>();
        long at = 0;
        int calls = 0;
        while (at >= 0) {
            at = control.flows(at, 1, rig.now(), row -> keys.add(row.key()));
            calls++;
        }
        assertThat(keys).hasSize(3).contains(DATA, CONTROL);
        assertThat(calls).isGreaterThan(2);
    }
}
