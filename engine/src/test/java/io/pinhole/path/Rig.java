package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A {@link PacketPath} under test, with everything it said as text. */
final class Rig implements AutoCloseable {
    static final long SECOND = 1_000_000_000L;
    static final String CLIENT = "198.51.100.7";
    static final String SERVER = "203.0.113.10";
    static final String CLIENT6 = "2001:db8:1::7";
    static final String SERVER6 = "2001:db8:2::10";

    /** {@code 3 accept new control}: packet, verdict, ct state, rule, reason if there is one. */
    final List<String> verdicts = new ArrayList<>();

    final List<Event> events = new ArrayList<>();
    final Wire wire = new Wire(this::ip);
    final PacketPath path;
    private long now = 1_700_000_000L * SECOND;
    private long number;

    Rig(GatewayRules rules) {
        this(rules, Settings.DEFAULTS);
    }

    Rig(GatewayRules rules, Settings settings) {
        this(rules, settings, 42);
    }

    Rig(GatewayRules rules, Settings settings, long seed) {
        this(rules, settings, seed, false);
    }

    Rig(GatewayRules rules, Settings settings, long seed, boolean compatLinux) {
        path =
                new PacketPath(
                        new PathOptions(
                                settings,
                                Set.of(21),
                                Set.of(),
                                List.of(),
                                new InterfaceMap(List.of()),
                                compatLinux,
                                seed),
                        rules,
                        (position, verdict, ct, hook, rule, why) ->
                                verdicts.add(
                                        "%d %s %s %s%s"
                                                .formatted(
                                                        Positions.number(position),
                                                        verdict.label(),
                                                        ct == null ? "-" : ct.label(),
                                                        rule,
                                                        why == Anomaly.NONE
                                                                ? ""
                                                                : " " + why.label())),
                        events::add);
    }

    /** Lets time pass. */
    Rig pass(double seconds) {
        now += (long) (seconds * SECOND);
        return this;
    }

    /** Judges one frame of a script at its own time; an earlier one changes nothing. */
    void frame(AttackScript.Frame frame) {
        now = frame.timeNanos();
        raw(frame.bytes(), frame.bytes().length, frame.bytes().length, LinkType.ETHERNET);
    }

    long now() {
        return now;
    }

    /** Number of the last packet. */
    long number() {
        return number;
    }

    void ip(byte[] packet) {
        raw(packet, packet.length, packet.length, LinkType.RAW);
    }

    void raw(byte[] packet, int captured, int wireLength, LinkType link) {
        number++;
        path.process(
                MemorySegment.ofArray(packet),
                0,
                captured,
                wireLength,
                link,
                now,
                Positions.of(0, number),
                null,
                null);
    }

    /** Sends one packet and returns its verdict without the packet's number. */
    String judge(Packets packet) {
        int before = verdicts.size();
        ip(packet.ip());
        if (verdicts.size() != before + 1) {
            return verdicts.subList(before, verdicts.size()).toString();
        }
        String last = verdicts.get(before);
        return last.substring(last.indexOf(' ') + 1);
    }

    /** Verdict of the last packet, without its number. */
    String last() {
        String last = verdicts.get(verdicts.size() - 1);
        return last.substring(last.indexOf(' ') + 1);
    }

    /** An FTP control connection up to the login. */
    Wire.Tcp login(String client, int port, String server) {
        return wire.connect(client, port, server, 21)
                .s("220 ready")
                .c("USER alice")
                .s("331 password")
                .c("PASS x")
                .s("230 in");
    }

    /** What was told, one event a line, and then forgotten. */
    List<String> told() {
        List<String> lines = events.stream().map(Rig::text).toList();
        events.clear();
        return lines;
    }

    /** Events of one kind: {@code pinhole}, {@code data}, {@code control} or {@code alert}. */
    List<String> told(String kind) {
        return told().stream().filter(line -> line.startsWith(kind)).toList();
    }

    List<String> finish() {
        path.finish();
        return told();
    }

    static String text(Event event) {
        return switch (event) {
            case Event.Control c ->
                    "control %s user=%s helper=%s commands=%d closed=%s%s%s%s%s"
                            .formatted(
                                    c.flow(),
                                    c.user(),
                                    c.helper(),
                                    c.commands(),
                                    c.closed().label(),
                                    c.encryptedAt() != 0 ? " encrypted" : "",
                                    c.cutAt() != 0 ? " cut" : "",
                                    c.midstream() ? " midstream" : "",
                                    c.unseenTotal() != 0 ? " unseen=" + c.unseenTotal() : "");
            case Event.Pinhole p ->
                    "pinhole %s %s > %s %s%s%s"
                            .formatted(
                                    p.mode().label(),
                                    p.source(),
                                    p.destination() == null
                                            ? "?"
                                            : FlowKey.endpoint(
                                                    p.destination(), p.destinationPort()),
                                    p.outcome().label(),
                                    p.reason() == null ? "" : " (" + p.reason() + ")",
                                    p.helper() ? "" : " observed");
            case Event.Data d ->
                    "data %s %s %s %s %d bytes %s%s%s"
                            .formatted(
                                    d.mode().label(),
                                    d.flow(),
                                    d.command(),
                                    d.file(),
                                    d.bytes(),
                                    d.complete() ? "complete" : "incomplete",
                                    d.verdict() == Verdict.ACCEPT ? "" : " " + d.verdict().label(),
                                    d.helper() ? "" : " observed");
            case Event.Alert a -> "alert %s %s".formatted(a.kind().label(), a.flow());
            case Event.Elsewhere e ->
                    "elsewhere %s%s".formatted(e.flow(), e.encrypted() ? " encrypted" : "");
        };
    }

    @Override
    public void close() {
        path.close();
    }
}
