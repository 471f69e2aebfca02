package io.pinhole.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.Positions;
import io.pinhole.report.Samples.ControlBuilder;
import io.pinhole.rule.RuleFixture;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Each cause with what brings it about, and with a cure that can be carried out. */
class DiagnoserTest {
    private static final FlowKey ACTIVE_DATA =
            FlowKey.tcp(Samples.SERVER, 20, Samples.CLIENT, 50000);

    private final List<Event> events = new ArrayList<>();
    private final ControlBuilder control = new ControlBuilder();

    private List<Diagnosis> diagnose() {
        Totals totals = new Totals();
        totals.beginFile(0, "a.pcap", 6);
        Diagnoser diagnoser = new Diagnoser(totals, 100);
        events.forEach(e -> assertThat(diagnoser.event(e)).isEmpty());
        List<Diagnosis> found = diagnoser.event(control.build());
        assertThat(diagnoser.open()).as("remembered after the end").isZero();
        assertThat(found)
                .allSatisfy(
                        d -> {
                            assertThat(d.detail()).isNotBlank().doesNotEndWith(".");
                            assertThat(d.cure()).isNotBlank().doesNotEndWith(".");
                            assertThat(Positions.number(d.position())).isPositive();
                        });
        return found;
    }

    private Diagnosis only(String cause) {
        List<Diagnosis> found = diagnose();
        assertThat(found).extracting(d -> d.cause().label()).containsExactly(cause);
        return found.getFirst();
    }

    private static Event.Data data(FlowKey flow, TransferMode mode) {
        return new Event.Data(
                1,
                Samples.at(17),
                0,
                0,
                flow,
                Samples.CONTROL,
                mode,
                "RETR",
                "a",
                0,
                false,
                Verdict.DROP,
                Samples.POLICY,
                true);
    }

    private static Event.Pinhole announced(
            TransferMode mode, String host, PinholeOutcome outcome, @Nullable String reason) {
        IpAddress address = Samples.address(host);
        Event.Pinhole p = Samples.pinhole(mode, outcome, 0, reason);
        return new Event.Pinhole(
                1,
                p.position(),
                0,
                p.control(),
                mode,
                p.source(),
                mode.serverConnects() ? address : Samples.SERVER,
                50000,
                address,
                outcome,
                outcome == PinholeOutcome.USED ? Samples.at(17) : 0,
                reason,
                "a line",
                true);
    }

    @Test
    void nothingWrongNothingSaid() {
        events.add(
                Samples.pinhole(TransferMode.PASSIVE, PinholeOutcome.USED, Samples.at(17), null));
        events.add(Samples.data(Verdict.ACCEPT, true));
        assertThat(diagnose()).isEmpty();
    }

    @Test
    void noHelper() {
        control.helper = false;
        events.add(data(ACTIVE_DATA, TransferMode.ACTIVE));
        Diagnosis d = only("no-helper");
        assertThat(d.detail())
                .isEqualTo(
                        "no helper reads this control connection; the announced data connection"
                                + " 203.0.113.10:20 > 198.51.100.7:50000 was blocked in #17 by policy"
                                + " r.nft:9");
        assertThat(d.cure()).contains("since Linux 6.0");
        loads(d, true);
    }

    @Test
    void blockedData() {
        events.add(data(Samples.DATA, TransferMode.PASSIVE));
        events.add(data(Samples.DATA, TransferMode.PASSIVE));
        Diagnosis d = only("blocked-data");
        assertThat(d.detail()).contains("in #17 by policy r.nft:9, and 1 more later");
        loads(d, false);
    }

    /** The lines of a cure, put where they say, must be rules. */
    private static void loads(Diagnosis d, boolean withHelper) {
        StringBuilder table = new StringBuilder("table inet t {\n");
        StringBuilder helpers =
                new StringBuilder("chain h { type filter hook prerouting priority 0;\n");
        StringBuilder forward =
                new StringBuilder("chain f { type filter hook forward priority 0; policy drop;\n");
        for (String line : d.lines()) {
            if (line.contains("# in the table")) {
                table.append(line).append('\n');
            } else if (line.contains("at hook prerouting")) {
                helpers.append(line).append('\n');
            } else {
                forward.append(line).append('\n');
            }
        }
        String set = table + (withHelper ? helpers + "}\n" : "") + forward + "}\n}\n";
        assertThat(RuleFixture.load(set).compile().assignsHelper()).isEqualTo(withHelper);
    }

    @Test
    void controlBlocked() {
        control.verdict = Verdict.DROP;
        Diagnosis d = only("control-blocked");
        assertThat(d.detail()).isEqualTo("the control connection was blocked by policy r.nft:9");
        loads(d, false);
    }

    @Test
    void controlBlockedOnItsWayBack() {
        control.commands = 0;
        control.server = null;
        control.dropped = 5;
        assertThat(only("control-blocked").detail())
                .isEqualTo(
                        "the control connection may start (r.nft:3), but 5 later packets of it did"
                                + " not pass");
    }

    @Test
    void privateAddressOfAServer() {
        events.add(announced(TransferMode.PASSIVE, "10.0.0.5", PinholeOutcome.CLOSED, null));
        Diagnosis d = only("private-address");
        assertThat(d.detail())
                .isEqualTo(
                        "the server announced 10.0.0.5 in #14, but is seen as 203.0.113.10: it is"
                                + " behind NAT and does not know it");
        assertThat(d.lines()).anyMatch(l -> l.startsWith("pasv_address=203.0.113.10"));
    }

    @Test
    void privateAddressOfAServerThatClientsIgnore() {
        events.add(announced(TransferMode.PASSIVE, "10.0.0.5", PinholeOutcome.USED, null));
        assertThat(only("private-address").detail())
                .contains("the data connection came all the same (#17)");
    }

    @Test
    void privateAddressOfAClient() {
        events.add(announced(TransferMode.ACTIVE, "192.168.1.7", PinholeOutcome.REFUSED, "bounce"));
        Diagnosis d = only("private-address");
        assertThat(d.detail())
                .startsWith("the client announced 192.168.1.7 in #14, but is seen as");
        assertThat(d.cure()).contains("passive mode");
    }

    @Test
    void foreignAddressAndTheClientThatWentThere() {
        FlowKey there = FlowKey.tcp(Samples.CLIENT, 41023, Samples.address("203.0.113.66"), 50000);
        events.add(
                new Event.Alert(
                        1, Samples.at(14), 0, Anomaly.ADDRESS_MISMATCH, Samples.CONTROL, "a line"));
        events.add(
                new Event.Alert(
                        1, Samples.at(15), 0, Anomaly.ADDRESS_MISMATCH, there, "dropped by x"));
        events.add(announced(TransferMode.PASSIVE, "203.0.113.66", PinholeOutcome.CLOSED, null));
        assertThat(only("foreign-address").detail())
                .isEqualTo(
                        "the server announced 203.0.113.66 in #14, but is seen as 203.0.113.10; the"
                                + " client went there in #15 (dropped by x)");
    }

    @Test
    void refusedByPolicy() {
        for (Anomaly kind :
                List.of(
                        Anomaly.BOUNCE,
                        Anomaly.PRIVILEGED_PORT,
                        Anomaly.DENIED_PORT,
                        Anomaly.NOT_LOGGED_IN,
                        Anomaly.EPSV_ALL_VIOLATION,
                        Anomaly.FAMILY_MISMATCH)) {
            events.clear();
            events.add(
                    announced(
                            TransferMode.ACTIVE,
                            "198.51.100.66",
                            PinholeOutcome.REFUSED,
                            kind.label()));
            assertThat(only("pinhole-refused").detail())
                    .isEqualTo("the helper refused the announcement in #14: " + kind.text());
        }
        events.clear();
        events.add(
                announced(
                        TransferMode.ACTIVE,
                        "198.51.100.7",
                        PinholeOutcome.REFUSED,
                        Anomaly.COMMAND_REFUSED.label()));
        assertThat(diagnose()).as("what the server refuses is its own affair").isEmpty();
    }

    @Test
    void tlsOnlyWhereSomethingWasBlocked() {
        control.encryptedAt = Samples.at(8);
        assertThat(diagnose()).isEmpty();
        control.unseen = List.of(new Event.Unseen(Samples.at(30), Samples.DATA, Samples.POLICY));
        Diagnosis d = only("tls-control");
        assertThat(d.detail())
                .isEqualTo(
                        "TLS hides the dialogue from #8 on, so its announcements opened nothing;"
                                + " blocked meanwhile: 198.51.100.7:41023 > 203.0.113.10:50000 in"
                                + " #30, by policy r.nft:9");
        assertThat(d.lines()).anyMatch(l -> l.startsWith("ip daddr 203.0.113.10 tcp dport"));
    }

    @Test
    void whatTheCaptureLacks() {
        record Row(String cause, Consumer<ControlBuilder> set) {}
        for (Row row :
                List.of(
                        new Row("snap-length", c -> c.cutAt = Samples.at(19)),
                        new Row("capture-loss", c -> c.gapAt = Samples.at(19)))) {
            ControlBuilder builder = new ControlBuilder();
            row.set.accept(builder);
            List<Diagnosis> found = new Diagnoser(totals(), 10).event(builder.build());
            assertThat(found).extracting(d -> d.cause().label()).containsExactly(row.cause);
            assertThat(found.getFirst().detail()).contains("#19");
            assertThat(found.getFirst().lines()).anyMatch(l -> l.startsWith("tcpdump "));
        }
    }

    private static Totals totals() {
        Totals totals = new Totals();
        totals.beginFile(0, "a.pcap", 6);
        return totals;
    }

    @Test
    void lateStartOnlyWhereSomethingWasBlocked() {
        control.midstream = true;
        assertThat(diagnose()).isEmpty();
        events.add(
                new Event.Alert(
                        1,
                        Samples.at(30),
                        0,
                        Anomaly.UNANNOUNCED_CONNECTION,
                        Samples.DATA,
                        "dropped"));
        assertThat(only("late-start").detail()).contains("older than the capture", "in #30");
    }

    @Test
    void linuxHelperMissesAnAnnouncement() {
        events.add(data(ACTIVE_DATA, TransferMode.ACTIVE));
        events.add(
                announced(
                        TransferMode.ACTIVE,
                        "198.51.100.7",
                        PinholeOutcome.USED,
                        Event.Pinhole.NOT_SEEN_BY_LINUX));
        assertThat(only("linux-helper").detail())
                .startsWith("Linux's helper does not see the announcement in #14; the announced");
    }

    @Test
    void linuxHelperDropsASegment() {
        control.linuxDroppedAt = Samples.at(11);
        assertThat(only("linux-helper").detail()).startsWith("Linux's helper drops #11");
    }

    @Test
    void elsewhere() {
        FlowKey flow = FlowKey.tcp(Samples.CLIENT, 41022, Samples.SERVER, 990);
        List<Diagnosis> found =
                new Diagnoser(totals(), 10)
                        .event(new Event.Elsewhere(Samples.at(4), 0, flow, true));
        assertThat(found).extracting(d -> d.cause().label()).containsExactly("tls-control");
    }

    @Test
    void forgetsTheOldestSessionAtItsLimit() {
        Diagnoser diagnoser = new Diagnoser(totals(), 10);
        for (int i = 1; i <= 1000; i++) {
            Event.Data d = data(Samples.DATA, TransferMode.PASSIVE);
            diagnoser.event(
                    new Event.Data(
                            i,
                            d.position(),
                            0,
                            0,
                            d.flow(),
                            d.control(),
                            d.mode(),
                            null,
                            null,
                            0,
                            false,
                            d.verdict(),
                            d.rule(),
                            true));
        }
        assertThat(diagnoser.open()).isEqualTo(10);
    }
}
