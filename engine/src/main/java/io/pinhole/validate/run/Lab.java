package io.pinhole.validate.run;

import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.path.Event;
import io.pinhole.path.OpenPinhole;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.validate.scenario.ScenarioLimits;
import io.pinhole.validate.scenario.Step.Tweaks;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Simulated hosts around one {@link PacketPath}: builds packets, sends them one after another,
 * delivers what was accepted. One test, one thread.
 */
final class Lab implements AutoCloseable {
    /** 2026-01-01T00:00:00Z: a test's first packet, in every run. */
    static final long BEGIN_NANOS = 1_767_225_600L * 1_000_000_000L;

    /** From one packet to the next. */
    static final long STEP_NANOS = 100_000;

    /** Of each flow's last packet so much is kept for an ICMP error to quote. */
    private static final int QUOTED = 128;

    private final PacketPath path;
    private final PacketTap tap;
    private final Frame frame = new Frame();
    private final Map<FlowKey, TcpEnd> ends = new HashMap<>();
    private final Map<FlowKey, byte[]> last = new HashMap<>();
    private final List<Event> events = new ArrayList<>();
    private final Totals totals = new Totals();
    private final @Nullable Tracer tracer;
    private final int ofTracer;

    private long now = BEGIN_NANOS;
    private long number;
    private int nextPort = 50_000;
    private int initials;
    private int line;
    private String what = "";

    // The verdicts of what is being sent; fragments get theirs together.
    private final List<Judged> judged = new ArrayList<>();

    /** How many packets got which verdict. */
    static final class Totals {
        long accepted;
        long refused;
        @Nullable Judged firstRefused;
    }

    Lab(PathOptions options, RuleProgram rules, PacketTap tap) {
        this(options, rules, tap, null);
    }

    /**
     * @param tracer is told of each packet before it is judged; null for none
     */
    Lab(PathOptions options, RuleProgram rules, PacketTap tap, @Nullable Tracer tracer) {
        this.tap = tap;
        this.tracer = tracer;
        ofTracer = tracer == null ? 0 : tracer.lab();
        path = new PacketPath(options, rules, this::verdict, events::add);
    }

    private void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        Judged j = new Judged(Positions.number(position), what, verdict, ct, hook, rule, why);
        if (verdict == Verdict.DROP || verdict == Verdict.REJECT) {
            totals.refused++;
            totals.firstRefused = totals.firstRefused == null ? j : totals.firstRefused;
        } else {
            totals.accepted++;
        }
        judged.add(j);
    }

    /** Names the scenario's line that the following packets are of. */
    void line(int scenarioLine) {
        line = scenarioLine;
    }

    void pass(long nanos) {
        now = Math.addExact(now, nanos);
    }

    List<Event> events() {
        return events;
    }

    Totals totals() {
        return totals;
    }

    long packets() {
        return number;
    }

    List<OpenPinhole> pinholes() {
        return path.pinholes(now);
    }

    /** What is still open is told. */
    void finish() {
        path.finish();
    }

    /** A port for whoever names none. */
    int ephemeralPort() {
        nextPort = nextPort == 60_999 ? 50_001 : nextPort + 1;
        return nextPort;
    }

    /** The end of a connection that sends from this flow's source; made where there is none. */
    TcpEnd end(FlowKey flow) {
        TcpEnd end = ends.get(flow);
        if (end == null) {
            end = new TcpEnd(flow, initial());
            ends.put(flow, end);
            ends.put(flow.reversed(), new TcpEnd(flow.reversed(), initial()));
        }
        return end;
    }

    TcpEnd peer(TcpEnd end) {
        return end(end.flow.reversed());
    }

    /** Both ends forget what they said: the next SYN begins a new connection. */
    void restart(TcpEnd end) {
        ends.remove(end.flow);
        ends.remove(end.flow.reversed());
    }

    /** Initial sequence numbers that look alike in no two connections; one wraps soon. */
    private int initial() {
        initials++;
        return initials == 1 ? -40 : initials * 0x3c6ef372;
    }

    // ---- sending ----

    /** Sends a segment as its end would: sequence and acknowledgement numbers follow. */
    Judged tcp(TcpEnd end, int flags, byte[] data, Tweaks tweaks) throws StepFailure {
        return tcp(end, flags, end.next, null, null, data, 0, data.length, tweaks);
    }

    /**
     * Sends a segment.
     *
     * @param acknowledgement relative; null for what arrived
     * @param window null for the usual
     * @param data null for bytes that nobody reads
     */
    Judged tcp(
            TcpEnd end,
            int flags,
            long sequence,
            @Nullable Long acknowledgement,
            @Nullable Integer window,
            byte @Nullable [] data,
            int offset,
            int count,
            Tweaks tweaks)
            throws StepFailure {
        TcpEnd peer = peer(end);
        FlowKey flow = end.flow;
        frame.begin(flow.source(), flow.destination(), FlowKey.TCP, tweaks.ttl());
        long ack = acknowledgement != null ? acknowledgement : end.received;
        boolean acknowledges = (flags & TcpEnd.ACK) != 0;
        frame.tcp(
                flow,
                flags,
                end.initial + (int) sequence,
                acknowledges ? peer.initial + (int) ack : 0,
                window == null ? TcpEnd.WINDOW : window);
        if (data == null) {
            frame.filler(count);
        } else {
            frame.data(data, offset, count);
        }
        what = Words.tcp(flow, flags, count);
        Judged result = send(flow, tweaks);
        if (result.verdict() == Verdict.ACCEPT) {
            long taken = (long) count + Integer.bitCount(flags & (TcpEnd.SYN | TcpEnd.FIN));
            if ((flags & TcpEnd.RST) == 0) {
                end.sent(sequence, sequence + taken);
                if (!tweaks.badChecksum()) {
                    peer.arrived(sequence, sequence + taken);
                }
            }
        }
        return result;
    }

    Judged udp(FlowKey flow, byte @Nullable [] data, int count, Tweaks tweaks) throws StepFailure {
        frame.begin(flow.source(), flow.destination(), FlowKeys.UDP, tweaks.ttl());
        frame.udp(flow);
        if (data == null) {
            frame.filler(count);
        } else {
            frame.data(data, 0, count);
        }
        what = flow.protocolName() + " " + flow;
        return send(flow, tweaks);
    }

    Judged icmp(
            IpAddress source,
            IpAddress destination,
            int type,
            int code,
            int rest,
            byte[] body,
            Tweaks tweaks)
            throws StepFailure {
        int protocol = source.isV4() ? FlowKeys.ICMP : FlowKeys.ICMPV6;
        FlowKey flow = FlowKeys.portless(protocol, source, destination);
        frame.begin(source, destination, protocol, tweaks.ttl());
        frame.icmp(type, code, rest);
        frame.data(body, 0, body.length);
        what = Words.portless(flow) + " type " + type + " code " + code;
        return send(flow, tweaks);
    }

    Judged other(FlowKey flow, byte @Nullable [] data, int count, Tweaks tweaks)
            throws StepFailure {
        frame.begin(flow.source(), flow.destination(), flow.protocol(), tweaks.ttl());
        if (data == null) {
            frame.filler(count);
        } else {
            frame.data(data, 0, count);
        }
        what = Words.portless(flow);
        return send(flow, tweaks);
    }

    /** The last packet sent from one end point to another, cut to what an error quotes. */
    byte @Nullable [] lastOf(FlowKey flow) {
        return last.get(flow);
    }

    /** Makes a packet as its sender would, without sending it: for an error to quote. */
    byte[] imagined(FlowKey flow) {
        frame.begin(flow.source(), flow.destination(), flow.protocol(), 64);
        if (flow.protocol() == FlowKey.TCP) {
            frame.tcp(flow, TcpEnd.SYN, end(flow).initial, 0, TcpEnd.WINDOW);
        } else {
            frame.udp(flow);
        }
        frame.finish(false);
        return frame.ip(QUOTED);
    }

    private Judged send(FlowKey flow, Tweaks tweaks) throws StepFailure {
        frame.finish(tweaks.badChecksum());
        last.put(flow, frame.ip(QUOTED));
        if (tweaks.fragmentBytes() == 0) {
            transmit(tweaks);
        } else {
            byte[] packet = frame.ip(Integer.MAX_VALUE - Frame.ETHERNET);
            int header = flow.source().isV4() ? 20 : 40;
            int total = packet.length - header;
            int id = (int) number + 1;
            for (int at = 0; at < total; at += tweaks.fragmentBytes()) {
                frame.fragment(packet, at, Math.min(tweaks.fragmentBytes(), total - at), id);
                transmit(tweaks);
            }
        }
        return result();
    }

    private Judged result() {
        if (judged.isEmpty()) {
            throw new IllegalStateException("no verdict for packet " + number);
        }
        return judged.getLast();
    }

    private void transmit(Tweaks tweaks) throws StepFailure {
        count();
        path.process(
                frame.segment(),
                0,
                frame.length(),
                frame.length(),
                LinkType.ETHERNET,
                now,
                Positions.of(0, number),
                tweaks.inputInterface(),
                tweaks.outputInterface());
        tap.packet(
                frame.segment(), frame.length(), frame.length(), LinkType.ETHERNET, now, comment());
        now += STEP_NANOS;
    }

    private String comment() {
        return (judged.isEmpty() ? "held" : judged.getLast().verdictText())
                + "; scenario line "
                + line;
    }

    private void count() throws StepFailure {
        judged.clear();
        if (++number > ScenarioLimits.PACKETS) {
            throw new StepFailure(
                    "the test sends more than " + ScenarioLimits.PACKETS + " packets");
        }
        announce();
    }

    private void announce() {
        if (tracer != null) {
            tracer.next(ofTracer, number);
        }
    }

    /** Sends a recorded frame; no verdict as long as it is held as a fragment. */
    List<Judged> raw(MemorySegment data, int captured, int wire, LinkType link) throws StepFailure {
        count();
        path.process(data, 0, captured, wire, link, now, Positions.of(0, number), null, null);
        List<Judged> out = named();
        tap.packet(data, captured, wire, link, now, comment());
        now += STEP_NANOS;
        return out;
    }

    /** Time of the next packet; never runs backwards. */
    void at(long nanos) {
        now = Math.max(now, nanos);
    }

    /** Judges a captured packet. */
    List<Judged> captured(CapturedPacket p) throws StepFailure {
        if (++number > ScenarioLimits.CAPTURED_PACKETS) {
            throw new StepFailure(
                    "the capture holds more than " + ScenarioLimits.CAPTURED_PACKETS + " packets");
        }
        judged.clear();
        announce();
        long position = Positions.of(0, number);
        if (p.unsupportedLink) {
            path.unsupportedLink(now, position);
            return List.copyOf(judged);
        }
        path.process(
                p.data,
                p.offset,
                p.capturedLength,
                p.wireLength,
                p.linkType,
                now,
                position,
                p.outbound ? null : p.interfaceName,
                p.outbound ? p.interfaceName : null);
        return named();
    }

    /** The verdicts that just came; the packet at hand is named by its flow. */
    private List<Judged> named() {
        List<Judged> out = new ArrayList<>();
        for (Judged j : judged) {
            FlowKey flow = j.number() == number ? path.currentFlow() : null;
            Judged called = j.called(flow == null ? "a frame" : Words.portless(flow));
            if (j.equals(totals.firstRefused)) {
                totals.firstRefused = called;
            }
            out.add(called);
        }
        return out;
    }

    @Override
    public void close() {
        path.close();
    }
}
