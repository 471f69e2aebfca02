package io.pinhole.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.report.Samples.ControlBuilder;
import io.pinhole.rule.RuleOrigin;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What people read: layout, grouping, limits, and nothing that a terminal would obey. */
class TextReportTest {
    private static final int WIDTH = 100;

    private static String text(Consumer<TextReport> told) {
        return text(false, told);
    }

    private static String text(boolean colour, Consumer<TextReport> told) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TextReport report = new TextReport(out, TextReport.Options.of(colour, false));
        report.beginFile(0, "a.pcap", 6);
        told.accept(report);
        report.endFile(false);
        report.finish();
        String text = out.toString(StandardCharsets.UTF_8);
        if (!colour) {
            assertThat(text.lines()).allMatch(l -> l.codePointCount(0, l.length()) <= WIDTH);
            assertThat(text).doesNotContainPattern("[\\p{Cntrl}&&[^\\n]]");
            assertThat(text.lines()).noneMatch(l -> l.endsWith(" "));
        }
        return text;
    }

    private static void verdict(
            Report r, int packet, Verdict verdict, CtState ct, RuleOrigin rule, Anomaly why) {
        r.packet(Samples.at(packet), 0, 60, () -> Samples.DATA);
        boolean seen = ct != null;
        r.verdict(Samples.at(packet), verdict, ct, seen ? Hook.FORWARD : null, rule, why);
    }

    @Test
    void tellsASessionAsAConversation() {
        String text =
                text(
                        r -> {
                            r.event(
                                    Samples.pinhole(
                                            TransferMode.PASSIVE,
                                            PinholeOutcome.USED,
                                            Samples.at(17),
                                            null));
                            r.event(Samples.data(Verdict.ACCEPT, true));
                            r.event(Samples.control());
                        });
        assertThat(text)
                .isEqualTo(
                        """
                        session 1  198.51.100.7:41022 > 203.0.113.10:21
                          user alice, server vsFTPd 3.0.3, 9 commands in 30.0 ms, closed
                          #14  passive  198.51.100.7 > 203.0.113.10:50000  pinhole used by #17
                          #17  RETR     big.bin  1.00 kB in 1.00 ms  complete

                        summary
                          0 packets, 0 B: 0 accepted
                          1 control connection, 1 data connection, 1 pinhole (1 used), no alerts
                        """);
    }

    // ---- blocked packets ----

    @Test
    void groupsBlockedPacketsByCauseLargestFirst() {
        String text =
                text(
                        r -> {
                            for (int i = 1; i <= 3; i++) {
                                verdict(
                                        r,
                                        i,
                                        Verdict.DROP,
                                        CtState.NEW,
                                        Samples.POLICY,
                                        Anomaly.NONE);
                            }
                            verdict(r, 4, Verdict.ACCEPT, CtState.NEW, Samples.RULE, Anomaly.NONE);
                            for (int i = 5; i <= 9; i++) {
                                verdict(
                                        r,
                                        i,
                                        Verdict.DROP,
                                        CtState.INVALID,
                                        new RuleOrigin("r.nft:4", "ct state invalid drop"),
                                        Anomaly.OUT_OF_WINDOW);
                            }
                            verdict(
                                    r,
                                    10,
                                    Verdict.UNDECODABLE,
                                    null,
                                    new RuleOrigin("undecodable", ""),
                                    Anomaly.IP_BAD_CHECKSUM);
                            verdict(
                                    r,
                                    11,
                                    Verdict.REJECT,
                                    CtState.NEW,
                                    Samples.POLICY,
                                    Anomaly.NONE);
                        });
        assertThat(text)
                .startsWith(
                        """
                        blocked packets  10 of 11
                            5  r.nft:4  ct state invalid drop
                               dropped in forward, ct state invalid (out-of-window); first #5: tcp
                               198.51.100.7:41023 > 203.0.113.10:50000
                            3  policy r.nft:9
                               dropped in forward, ct state new; first #1: tcp 198.51.100.7:41023 > 203.0.113.10:50000
                            1  ip-bad-checksum  IPv4 header checksum is wrong
                               undecodable; #10: tcp 198.51.100.7:41023 > 203.0.113.10:50000
                            1  policy r.nft:9
                               rejected in forward, ct state new; #11: tcp 198.51.100.7:41023 > 203.0.113.10:50000
                        """);
        assertThat(text)
                .contains("11 packets, 660 B: 1 accepted, 8 dropped, 1 rejected, 1 undecodable");
    }

    @Test
    void showsTheTenLargestCauses() {
        String text =
                text(
                        r -> {
                            int packet = 1;
                            for (int rule = 1; rule <= 40; rule++) {
                                for (int n = 0; n < rule; n++) {
                                    RuleOrigin origin = new RuleOrigin("r.nft:" + rule, "drop");
                                    verdict(
                                            r,
                                            packet++,
                                            Verdict.DROP,
                                            CtState.NEW,
                                            origin,
                                            Anomaly.NONE);
                                }
                            }
                        });
        assertThat(text.lines().filter(l -> l.matches(" +\\d+  r\\.nft:\\d+  drop"))).hasSize(10);
        assertThat(text).contains("   40  r.nft:40  drop").doesNotContain("r.nft:30  drop");
        assertThat(text).contains("… and 465 packets of other causes");
    }

    @ParameterizedTest
    @CsvSource({"1, 1 packet carries", "2, 2 packets carry"})
    void saysWhatIsNotLookedInto(int packets, String says) {
        String text =
                text(
                        r -> {
                            for (int i = 1; i <= packets; i++) {
                                verdict(
                                        r,
                                        i,
                                        Verdict.UNFILTERED,
                                        null,
                                        new RuleOrigin("not filtered", ""),
                                        Anomaly.ENCAPSULATED);
                            }
                        });
        assertThat(text)
                .contains(says + " MPLS, PPPoE, GRE or the like, which is not looked into")
                .contains("no FTP control connection found: nothing was said on port 21");
    }

    // ---- many, long, hostile ----

    @Test
    void aThousandSessionsFitOnFewScreens() {
        String text =
                text(
                        r -> {
                            for (int i = 1; i <= 1000; i++) {
                                boolean bad = i % 10 == 0;
                                r.event(session(i, data(i, bad ? Verdict.DROP : Verdict.ACCEPT)));
                                r.event(session(i, Samples.control()));
                            }
                        });
        assertThat(text.lines().filter(l -> l.startsWith("session "))).hasSize(40);
        // The first twenty whatever they hold, then twenty with trouble.
        assertThat(text).contains("session 20 ", "session 30 ", "session 220 ");
        assertThat(text).doesNotContain("session 21 ", "session 230 ");
        assertThat(text).contains("… and 960 more sessions (--json lists all)");
        assertThat(text).contains("diagnosis: blocked-data  session 10, and 99 more");
        assertThat(text.lines().count()).isLessThan(250);
    }

    private static Event.Data data(int session, Verdict verdict) {
        return (Event.Data) session(session, Samples.data(verdict, verdict == Verdict.ACCEPT));
    }

    private static Event session(long number, Event event) {
        return switch (event) {
            case Event.Data d ->
                    new Event.Data(
                            number,
                            d.position(),
                            d.timeNanos(),
                            d.endNanos(),
                            d.flow(),
                            d.control(),
                            d.mode(),
                            d.command(),
                            d.file(),
                            d.bytes(),
                            d.complete(),
                            d.verdict(),
                            d.rule(),
                            d.helper());
            case Event.Control c ->
                    new Event.Control(
                            number,
                            c.position(),
                            c.timeNanos(),
                            c.endNanos(),
                            c.flow(),
                            c.user(),
                            c.loginRefused(),
                            c.server(),
                            c.helper(),
                            c.encryptedAt(),
                            c.cutAt(),
                            c.gapAt(),
                            c.linuxDroppedAt(),
                            c.midstream(),
                            c.only(),
                            c.commands(),
                            c.closed(),
                            c.verdict(),
                            c.rule(),
                            c.dropped(),
                            c.unseen(),
                            c.unseenTotal());
            case Event.Pinhole _, Event.Alert _, Event.Elsewhere _ ->
                    throw new IllegalArgumentException();
        };
    }

    @Test
    void oneSessionWithAThousandTransfersIsCutShort() {
        String text =
                text(
                        r -> {
                            for (int i = 0; i < 1000; i++) {
                                r.event(Samples.data(Verdict.ACCEPT, true));
                            }
                            r.event(Samples.control());
                        });
        assertThat(text.lines().filter(l -> l.contains("RETR"))).hasSize(20);
        assertThat(text).contains("… and 980 more (--json lists all)");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\u001b[2Jgone",
                "\u202eexe.fdp",
                "a\rb",
                "bell\u0007",
                "zero\u200bwidth",
                "\u009b31m",
                "\ud800",
                "\u0000",
                "line\nfeed"
            })
    void namesCannotDriveTheTerminal(String name) {
        String text =
                text(
                        r -> {
                            r.event(named(name));
                            r.event(
                                    new Event.Alert(
                                            1,
                                            Samples.at(9),
                                            0,
                                            Anomaly.BOUNCE,
                                            Samples.CONTROL,
                                            name));
                            ControlBuilder control = new ControlBuilder();
                            control.user = name;
                            control.server = name;
                            r.event(control.build());
                        });
        assertThat(text).doesNotContain(name);
        assertThat(text).contains("\\");
    }

    private static Event.Data named(String file) {
        Event.Data d = Samples.data(Verdict.ACCEPT, true);
        return new Event.Data(
                d.session(),
                d.position(),
                d.timeNanos(),
                d.endNanos(),
                d.flow(),
                d.control(),
                d.mode(),
                d.command(),
                file,
                d.bytes(),
                d.complete(),
                d.verdict(),
                d.rule(),
                d.helper());
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "ж", "長", "a b "})
    void longNamesAreCut(String letter) {
        String text =
                text(
                        r -> {
                            r.event(named(letter.repeat(3000)));
                            r.event(Samples.control());
                        });
        assertThat(text.lines().count()).isLessThan(10);
        assertThat(text).contains("…");
    }

    @ParameterizedTest
    @ValueSource(strings = {"PASS hunter2", "pass hunter2", "x: PASS\thunter2", "ACCT hunter2"})
    void passwordsAreNeverPrinted(String line) {
        Event alert =
                new Event.Alert(1, Samples.at(9), 0, Anomaly.NUL_IN_LINE, Samples.CONTROL, line);
        String text =
                text(
                        r -> {
                            r.event(alert);
                            r.event(Samples.control());
                        });
        ByteArrayOutputStream json = new ByteArrayOutputStream();
        JsonReport report = new JsonReport(json, false);
        report.beginFile(0, "a.pcap", 6);
        report.event(alert);
        report.finish();
        assertThat(text + json.toString(StandardCharsets.UTF_8))
                .doesNotContain("hunter2")
                .contains("***");
    }

    @Test
    void colourOnlyWrapsText() {
        Consumer<TextReport> told =
                r -> {
                    verdict(r, 1, Verdict.DROP, CtState.NEW, Samples.POLICY, Anomaly.NONE);
                    r.event(Samples.data(Verdict.DROP, false));
                    r.event(Samples.control());
                };
        String colour = text(true, told);
        assertThat(colour).contains("\u001b[");
        assertThat(colour.replaceAll("\u001b\\[[0-9]+m", "")).isEqualTo(text(told));
    }

    @ParameterizedTest
    @CsvSource({
        "true,  '', '',     true",
        "false, '', '',     false",
        "true,  1,  '',     false",
        "true,  '', dumb,   false",
        "true,  '', xterm,  true",
    })
    void coloursOnTerminalsUnlessAskedNotTo(
            boolean terminal, String noColor, String term, boolean colour) {
        assertThat(TextReport.Options.colour(terminal, Map.of("NO_COLOR", noColor, "TERM", term)))
                .isEqualTo(colour);
    }

    @Test
    void memoryDoesNotGrowWithTheInput() {
        TextReport report =
                new TextReport(new ByteArrayOutputStream(), TextReport.Options.of(false, false));
        report.beginFile(0, "a.pcap", 6);
        for (int i = 1; i <= 50_000; i++) {
            report.event(data(i, i % 2 == 0 ? Verdict.DROP : Verdict.ACCEPT));
            report.event(session(i, Samples.control()));
            RuleOrigin rule = new RuleOrigin("r.nft:" + i, "");
            verdict(report, i, Verdict.DROP, CtState.NEW, rule, Anomaly.NONE);
        }
        assertThat(report.retained()).isLessThan(200);
    }

    // ---- --fail-on ----

    @ParameterizedTest
    @CsvSource({
        "DROP,       drop",
        "DROP,       reject",
        "ALERT,      alert",
        "INCOMPLETE, incomplete",
    })
    void failsOnWhatWasAskedFor(FailOn failOn, String happened) {
        TextReport report =
                new TextReport(new ByteArrayOutputStream(), TextReport.Options.of(false, false));
        report.beginFile(0, "a.pcap", 6);
        verdict(report, 1, Verdict.ACCEPT, CtState.NEW, Samples.RULE, Anomaly.NONE);
        report.event(Samples.data(Verdict.ACCEPT, true));
        assertThat(failOn.matches(report.totals())).isFalse();
        switch (happened) {
            case "drop" ->
                    verdict(report, 2, Verdict.DROP, CtState.NEW, Samples.POLICY, Anomaly.NONE);
            case "reject" ->
                    verdict(report, 2, Verdict.REJECT, CtState.NEW, Samples.POLICY, Anomaly.NONE);
            case "alert" ->
                    report.event(
                            new Event.Alert(
                                    0, Samples.at(2), 0, Anomaly.BOUNCE, Samples.CONTROL, ""));
            default -> report.event(Samples.data(Verdict.ACCEPT, false));
        }
        for (FailOn other : FailOn.values()) {
            assertThat(other.matches(report.totals())).isEqualTo(other == failOn);
        }
    }

    // ---- events outside sessions ----

    @Test
    void tellsOfFtpThatNobodyReads() {
        FlowKey flow = FlowKey.tcp(Samples.CLIENT, 41022, Samples.SERVER, 2121);
        String text = text(r -> r.event(new Event.Elsewhere(Samples.at(4), 0, flow, false)));
        assertThat(text)
                .isEqualTo(
                        """
                        diagnosis: other-port
                          203.0.113.10:2121 speaks FTP, and nobody reads this port
                          cure: name the port to Pinhole, or assign the helper there:
                            --ftp-port 21,2121
                            tcp dport 2121 ct helper set "ftp"  # beside that for port 21

                        summary
                          0 packets, 0 B: 0 accepted
                          no FTP control connection found
                        """);
        assertThat(List.of(text)).hasSize(1);
    }
}
