package io.pinhole.path;

import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import io.pinhole.expect.Expectation;
import io.pinhole.flow.FlowTable;
import io.pinhole.rule.RuleOrigin;
import java.util.BitSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the dialogues that no helper reads, and follows the data connections announced there or
 * stopped by a rule: so that a report can tell what happened whatever the rules say. It opens
 * nothing, and no verdict depends on it.
 *
 * <p>Keeps its own entries ("shadows"), because the flows of dropped packets are in no table. Owned
 * by the path; bounded by the limit of control connections.
 */
final class Observer implements AutoCloseable {
    private static final long SECOND = 1_000_000_000L;
    private static final long HANDSHAKE_TIMEOUT = 120 * SECOND;
    private static final long CLOSED_TIMEOUT = 120 * SECOND;

    private final Sessions sessions;
    // A ring of its own: a flood of SYNs that rules drop must not make the helper forget.
    private final Handshakes handshakes;
    private final FlowTable shadows4;
    private final FlowTable shadows6;
    private final BitSet ports = new BitSet(65_536);
    private final long idleTimeout;

    Observer(
            Sessions sessions,
            Set<Integer> observedPorts,
            Settings settings,
            long seed,
            int shards) {
        this.sessions = sessions;
        handshakes = new Handshakes(settings.limits().controls(), shards);
        int limit = (int) Math.min(Integer.MAX_VALUE, 2L * settings.limits().controls());
        shadows4 = new FlowTable(false, limit, seed, this::removed);
        shadows6 = new FlowTable(true, limit, seed, this::removed);
        idleTimeout = settings.timeouts().established() * SECOND;
        for (int port : observedPorts) {
            ports.set(port);
        }
    }

    private void removed(FlowTable table, long flow, boolean expired) {
        int tag = table.tag(flow);
        if (table.flag(flow, FlowTable.CONTROL)) {
            sessions.sessionGone(tag);
        } else if (table.flag(flow, FlowTable.DATA)) {
            sessions.dataGone(tag);
        }
    }

    void sweep(long now, int most) {
        shadows4.sweepSome(now, most);
        shadows6.sweepSome(now, most);
    }

    /** True if a packet that no helper reads and that is no data connection's may concern it. */
    boolean mayConcern(PacketView p) {
        return ports.get(p.destinationPort())
                || ports.get(p.sourcePort())
                || shadows4.size() + shadows6.size() > 0
                || sessions.observed().waiting() > 0;
    }

    /** As {@link #mayConcern}, of this one packet. */
    boolean follows(PlainPacket p, int fingerprint) {
        if (ports.get(p.destinationPort())
                || ports.get(p.sourcePort())
                || sessions.observed().waiting() > 0) {
            return true;
        }
        // The seed is that of the tracker's tables, and so is the fingerprint.
        FlowTable t = p.isV6() ? shadows6 : shadows4;
        return t.find(FlowTable.NONE, fingerprint, p, sessions.now()) != FlowTable.NONE;
    }

    /**
     * Looks at a TCP packet that has its verdict.
     *
     * @param known the ring that knows the connection's handshake under {@code serial}; 0 if none
     *     does
     * @return true if it belongs to a control connection or to a data connection that was announced
     */
    boolean packet(
            PacketView p,
            long position,
            Verdict verdict,
            RuleOrigin rule,
            Handshakes known,
            int serial) {
        long now = sessions.now();
        FlowTable t = p.isV4() ? shadows4 : shadows6;
        long flow = find(t, p, now);
        if (flow != FlowTable.NONE && startsAnew(t, flow, p)) {
            t.remove(flow);
            flow = FlowTable.NONE;
        }
        if (flow == FlowTable.NONE) {
            if (matchAnnouncement(t, p, position, verdict, rule)) {
                return true;
            }
            boolean toServer = ports.get(p.destinationPort());
            if (!toServer && !ports.get(p.sourcePort())) {
                return false;
            }
            // SYN-ACK: from the server, also where both ports are observed.
            if (toServer && ports.get(p.sourcePort())) {
                toServer = !p.has(PacketView.SYN | PacketView.ACK);
            }
            flow = begin(t, p, toServer, position, verdict, rule);
            if (flow == FlowTable.NONE) {
                return false;
            }
            int copy = handshakes.copy(known, serial);
            if (copy != 0) {
                t.tag(flow, copy);
            }
        }
        int tag = t.tag(flow);
        Direction direction = t.direction();
        if (t.flag(flow, FlowTable.DATA)) {
            DataConnection d = sessions.data(tag);
            if (d != null) {
                sessions.packet(d, p, direction);
                if (direction == Direction.REPLY) {
                    t.setFlag(flow, FlowTable.ASSURED);
                }
                boolean open = t.flag(flow, FlowTable.ASSURED) && !d.hasEnded();
                t.deadline(flow, now + (open ? idleTimeout : CLOSED_TIMEOUT));
            }
            return true;
        }
        control(t, flow, p, direction, position, verdict, rule);
        return true;
    }

    /** A SYN where the connection before it has ended. */
    private boolean startsAnew(FlowTable t, long flow, PacketView p) {
        if ((p.tcpFlags() & (PacketView.SYN | PacketView.ACK)) != PacketView.SYN) {
            return false;
        }
        if (t.flag(flow, FlowTable.CONTROL)) {
            return sessions.session(t.tag(flow)) == null;
        }
        if (!t.flag(flow, FlowTable.DATA)) {
            return false;
        }
        DataConnection d = sessions.data(t.tag(flow));
        return d == null || d.hasEnded();
    }

    private void control(
            FlowTable t,
            long flow,
            PacketView p,
            Direction direction,
            long position,
            Verdict verdict,
            RuleOrigin rule) {
        boolean fromClient = direction == Direction.ORIGINAL;
        boolean moves = p.tcpFlags() != PacketView.ACK || p.payloadLength() > 0;
        boolean checksumBad = moves && sessions.checksumBad(p);
        if (!t.flag(flow, FlowTable.CONTROL)) {
            int serial = t.tag(flow);
            if (p.has(PacketView.SYN)) {
                handshakes.syn(serial, fromClient, p, checksumBad);
                return;
            }
            if (p.payloadLength() == 0 || !sessions.hasRoom()) {
                return;
            }
            FlowKey key = fromClient ? Sessions.key(p) : Sessions.key(p).reversed();
            ControlSession s =
                    sessions.begin(
                            key, handshakes, serial, position, verdict, rule, false, null, null);
            t.tag(flow, s.index);
            t.setFlag(flow, FlowTable.CONTROL | FlowTable.ASSURED);
        }
        ControlSession s = sessions.session(t.tag(flow));
        if (s == null) {
            return;
        }
        if (verdict != Verdict.ACCEPT) {
            s.dropped++;
        }
        long now = sessions.now();
        s.packet(p, fromClient, checksumBad, p.has(PacketView.RST), position, now);
        boolean lastAck = p.payloadLength() == 0 && !p.has(PacketView.FIN);
        if (s.closed == Event.Closed.RST || (s.isFinished() && lastAck)) {
            sessions.end(s, Event.Closed.FIN);
            t.deadline(flow, now + CLOSED_TIMEOUT);
        } else {
            t.deadline(flow, now + idleTimeout);
        }
    }

    /** A rule stopped the first packet of a connection that has a pinhole. */
    void blocked(Pinhole pinhole, PacketView p, long position, Verdict verdict, RuleOrigin rule) {
        FlowTable t = p.isV4() ? shadows4 : shadows6;
        // However often it knocks, and from whatever port, it is one attempt.
        if (pinhole.data == null && find(t, p, sessions.now()) == FlowTable.NONE) {
            arrived(t, pinhole, p, position, verdict, rule);
        }
    }

    private boolean matchAnnouncement(
            FlowTable t, PacketView p, long position, Verdict verdict, RuleOrigin rule) {
        if (sessions.observed().waiting() == 0) {
            return false;
        }
        Expectation e =
                sessions.observed()
                        .find(
                                p.ipVersion(),
                                p.sourceHigh(),
                                p.sourceLow(),
                                p.sourcePort(),
                                p.destinationHigh(),
                                p.destinationLow(),
                                p.destinationPort(),
                                sessions.now());
        return switch (e) {
            case Pinhole.Permission permission -> {
                arrived(t, permission.pinhole, p, position, verdict, rule);
                yield true;
            }
            case RefusedTarget target -> {
                String detail = RefusedTarget.detail(verdict == Verdict.ACCEPT, rule);
                target.session.cameTo(target, position, Sessions.key(p), detail);
                yield true;
            }
            case null, default -> false;
        };
    }

    private void arrived(
            FlowTable t,
            Pinhole pinhole,
            PacketView p,
            long position,
            Verdict verdict,
            RuleOrigin rule) {
        if (enter(t, p, true) == FlowTable.NONE) {
            return;
        }
        long flow = find(t, p, sessions.now());
        DataConnection d = sessions.arrived(pinhole, p, position, verdict, rule, true);
        if (d != null) {
            t.tag(flow, d.index);
            t.setFlag(flow, FlowTable.DATA);
        }
    }

    private long begin(
            FlowTable t,
            PacketView p,
            boolean fromClient,
            long position,
            Verdict verdict,
            RuleOrigin rule) {
        if (enter(t, p, fromClient) == FlowTable.NONE) {
            return FlowTable.NONE;
        }
        long flow = find(t, p, sessions.now());
        t.tag(flow, handshakes.begin(position, sessions.now(), verdict, rule));
        return flow;
    }

    private long enter(FlowTable t, PacketView p, boolean forward) {
        long now = sessions.now();
        long flow =
                forward
                        ? t.prepare(
                                PacketView.TCP,
                                p.sourceHigh(),
                                p.sourceLow(),
                                p.sourcePort(),
                                p.destinationHigh(),
                                p.destinationLow(),
                                p.destinationPort())
                        : t.prepare(
                                PacketView.TCP,
                                p.destinationHigh(),
                                p.destinationLow(),
                                p.destinationPort(),
                                p.sourceHigh(),
                                p.sourceLow(),
                                p.sourcePort());
        t.deadline(flow, now + HANDSHAKE_TIMEOUT);
        if (!t.hasRoom() && !t.evictOne(now)) {
            return FlowTable.NONE;
        }
        return t.insert();
    }

    private static long find(FlowTable t, PacketView p, long now) {
        return t.find(
                PacketView.TCP,
                p.sourceHigh(),
                p.sourceLow(),
                p.sourcePort(),
                p.destinationHigh(),
                p.destinationLow(),
                p.destinationPort(),
                now);
    }

    /**
     * Gives up a connection because a helper reads it from now on.
     *
     * @return the session that was read until now, or null
     */
    @Nullable ControlSession handOver(PacketView p) {
        FlowTable t = p.isV4() ? shadows4 : shadows6;
        if (t.size() == 0) {
            return null;
        }
        long flow = find(t, p, sessions.now());
        if (flow == FlowTable.NONE || !t.flag(flow, FlowTable.CONTROL)) {
            return null;
        }
        ControlSession s = sessions.session(t.tag(flow));
        if (s != null) {
            sessions.replace(s);
        }
        t.remove(flow);
        return s;
    }

    @Override
    public void close() {
        shadows4.close();
        shadows6.close();
    }
}
