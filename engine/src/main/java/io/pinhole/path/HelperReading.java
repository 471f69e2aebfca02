package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.FlowTable;
import io.pinhole.flow.TcpTracker;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The FTP helper's part in a packet's way: it is assigned with the first packet of a control
 * connection and reads every accepted one after.
 */
final class HelperReading {
    /** The rule named where the helper itself drops a packet. */
    static final RuleOrigin HELPER = new RuleOrigin("ftp helper", "");

    final BitSet attachPorts = new BitSet();
    private final Sessions sessions;
    private final ConnectionTracker tracker;
    private final Observer observer;
    private final Handshakes handshakes;
    private final Outcome outcome;

    // A flow names its helper object by its place here, from 1. As long as rule sets have objects.
    private final List<String> helperNames = new ArrayList<>();

    HelperReading(
            Set<Integer> attachPorts,
            Sessions sessions,
            ConnectionTracker tracker,
            Observer observer,
            Handshakes handshakes,
            Outcome outcome) {
        attachPorts.forEach(this.attachPorts::set);
        this.sessions = sessions;
        this.tracker = tracker;
        this.observer = observer;
        this.handshakes = handshakes;
        this.outcome = outcome;
    }

    /** Gives a TCP flow that was just entered the helper that its rules or the options name. */
    void assign(FlowTable t, long flow, PacketView p, PacketFacts facts, long position) {
        HelperObject helper = facts.helper;
        if (helper != null ? helper.type().equals("ftp") : attachPorts.get(p.destinationPort())) {
            t.setFlag(flow, FlowTable.HELPED);
            t.tag(flow, handshakes.begin(position, sessions.now(), Verdict.ACCEPT, outcome.rule));
            tracker.assign(
                    helper == null ? 0 : number(helper.name()), facts.timeout, sessions.now());
        }
    }

    int number(String helperName) {
        int i = helperNames.indexOf(helperName);
        if (i < 0) {
            i = helperNames.size();
            helperNames.add(helperName);
        }
        return i + 1;
    }

    private @Nullable String helperName(FlowTable t, long flow) {
        int number = ConnectionTracker.helperOf(t, flow);
        return number == 0 ? null : helperNames.get(number - 1);
    }

    /**
     * A new connection takes the place of an old one in its flow: the packet is the SYN-ACK to a
     * SYN that was let through but not followed.
     */
    void restart(FlowTable t, long flow, PacketView p, long position) {
        int flags = t.flags(flow);
        int serial = t.tag(flow);
        boolean checksumUnknown = false;
        if ((flags & FlowTable.DATA) != 0) {
            sessions.dataGone(t.tag(flow));
            t.clearFlag(flow, FlowTable.DATA);
        } else if ((flags & FlowTable.CONTROL) != 0) {
            ControlSession old = sessions.session(t.tag(flow));
            checksumUnknown = old != null && old.clientChecksumUnknown();
            sessions.sessionGone(t.tag(flow));
            t.clearFlag(flow, FlowTable.CONTROL);
            serial = handshakes.begin(position, sessions.now(), Verdict.ACCEPT, outcome.rule);
            t.tag(flow, serial);
        }
        if ((flags & FlowTable.HELPED) != 0) {
            handshakes.client(serial, p.tcpAcknowledgement() - 1, checksumUnknown);
        }
    }

    /** The helper reads an accepted packet of a control connection. */
    Verdict read(FlowTable t, long flow, PacketView p, long position) {
        boolean fromClient = tracker.direction() == Direction.ORIGINAL;
        boolean syn = p.has(PacketView.SYN);
        boolean moves = p.tcpFlags() != PacketView.ACK || p.payloadLength() > 0;
        boolean checksumBad = moves && sessions.checksumBad(p);
        if (!t.flag(flow, FlowTable.CONTROL)) {
            int serial = t.tag(flow);
            if (syn) {
                // One that the tracker does not follow is perhaps nobody's. What it carries is
                // only kept: a flood of SYNs must not become sessions.
                if (tracker.isFollowed() || !handshakes.sawSyn(serial, fromClient)) {
                    handshakes.syn(serial, fromClient, p, checksumBad);
                }
                return Verdict.ACCEPT;
            }
            boolean established = t.state(flow) == TcpTracker.ESTABLISHED;
            if (p.payloadLength() == 0 && !(established && t.flag(flow, FlowTable.ASSURED))) {
                return Verdict.ACCEPT;
            }
            ControlSession former = observer.handOver(p);
            if (!sessions.hasRoom()) {
                sessions.alert(
                        0,
                        position,
                        Anomaly.CONTROLS_FULL,
                        Sessions.key(p),
                        Anomaly.CONTROLS_FULL.text());
                t.clearFlag(flow, FlowTable.HELPED);
                return Verdict.ACCEPT;
            }
            ControlSession s =
                    sessions.begin(
                            t.key(flow),
                            handshakes,
                            serial,
                            position,
                            Verdict.ACCEPT,
                            outcome.rule,
                            true,
                            helperName(t, flow),
                            former);
            t.tag(flow, s.index);
            t.setFlag(flow, FlowTable.CONTROL);
        }
        ControlSession s = sessions.session(t.tag(flow));
        if (s == null || (syn && !tracker.isFollowed())) {
            return Verdict.ACCEPT;
        }
        s.mark(t.mark(flow));
        int state = t.state(flow);
        // RFC 5961 section 3: an RST that only fits the window is answered, not obeyed.
        boolean resets = p.has(PacketView.RST) && state == TcpTracker.CLOSE;
        boolean taken = s.packet(p, fromClient, checksumBad, resets, position, sessions.now());
        if (s.isViolated()) {
            s.packetAlert(
                    Anomaly.STRICT_VIOLATION,
                    position,
                    Sessions.key(p),
                    Anomaly.STRICT_VIOLATION.text());
            s.closed = Event.Closed.RST;
            sessions.end(s, Event.Closed.RST);
            t.setFlag(flow, FlowTable.CONDEMNED);
            return condemn();
        }
        boolean over = state == TcpTracker.TIME_WAIT || state == TcpTracker.CLOSE;
        if (s.linux == null && (s.closed == Event.Closed.RST || (over && s.isFinished()))) {
            sessions.end(s, Event.Closed.FIN);
        }
        if (s.linux != null) {
            // It reads on as long as the flow's entry lives.
            boolean reads = tracker.state() == CtState.ESTABLISHED;
            if (reads && !sessions.linuxReads(s, s.linux, p, fromClient, position)) {
                s.linuxDroppedAt = s.linuxDroppedAt == 0 ? position : s.linuxDroppedAt;
                outcome.rule = HELPER;
                return Verdict.DROP;
            }
            return Verdict.ACCEPT;
        }
        if (!taken) {
            // The receiver may read these bytes, and nobody has inspected them.
            outcome.why = s.objection();
            outcome.rule = HELPER;
            return Verdict.DROP;
        }
        return Verdict.ACCEPT;
    }

    Verdict condemn() {
        outcome.why = Anomaly.STRICT_VIOLATION;
        outcome.rule = HELPER;
        return Verdict.REJECT;
    }

    /** Bytes of SYNs that are kept. */
    int earlyBytes() {
        return handshakes.earlyBytes();
    }
}
