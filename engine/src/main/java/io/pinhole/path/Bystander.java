package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import io.pinhole.expect.Expectation;
import io.pinhole.flow.FlowTable;

/** What a report wants to know of TCP packets that no helper reads. Changes no verdict. */
final class Bystander {
    private final Sessions sessions;
    private final ConnectionTracker tracker;
    private final Observer observer;
    private final Handshakes handshakes;
    private final FtpElsewhere elsewhere;
    private final ShardNotes notes;
    private final Outcome outcome;

    /** The view of what was put together from fragments: its key is in no single packet. */
    private final PacketView datagram;

    Bystander(
            Sessions sessions,
            ConnectionTracker tracker,
            Observer observer,
            Handshakes handshakes,
            FtpElsewhere elsewhere,
            ShardNotes notes,
            PacketView datagram,
            Outcome outcome) {
        this.sessions = sessions;
        this.tracker = tracker;
        this.observer = observer;
        this.handshakes = handshakes;
        this.elsewhere = elsewhere;
        this.notes = notes;
        this.datagram = datagram;
        this.outcome = outcome;
    }

    /** Whether a TCP packet that is of no session must be handed to {@link #observe}. */
    boolean wants(PlainPacket p, int fingerprint) {
        return FtpElsewhere.mayConcern(p.payloadStart()) || observer.follows(p, fingerprint);
    }

    /** A packet that has its verdict. */
    void observe(PacketView p, long position, Verdict verdict) {
        long flow = tracker.matched();
        if (flow == FlowTable.NONE && tracker.state() == CtState.UNTRACKED) {
            flow = tracker.wouldMatch(p, sessions.now()); // dropped before tracking, forged perhaps
        }
        int serial = 0;
        if (flow != FlowTable.NONE) {
            FlowTable t = tracker.table();
            int flags = t.flags(flow);
            if ((flags & (FlowTable.CONTROL | FlowTable.DATA)) != 0) {
                if (verdict != Verdict.ACCEPT) {
                    droppedOf(t, flow, flags, p, position);
                }
                return;
            }
            if ((flags & FlowTable.HELPED) != 0) {
                if (verdict == Verdict.ACCEPT) {
                    return;
                }
                serial = t.tag(flow); // one direction only: no session will come of it
            }
        }
        elsewhere.packet(p, position);
        boolean explained =
                tracker.expectation() != null
                        || (observer.mayConcern(p)
                                && observer.packet(
                                        p, position, verdict, outcome.rule, handshakes, serial));
        if ((p.tcpFlags() & (PacketView.SYN | PacketView.ACK)) == PacketView.SYN) {
            boolean named = deniedPinhole(p, position, verdict);
            if (verdict != Verdict.ACCEPT && !named && !explained) {
                sessions.unannounced(p, position, outcome.rule);
            }
        }
    }

    private void droppedOf(FlowTable t, long flow, int flags, PacketView p, long position) {
        ControlSession s = null;
        if ((flags & FlowTable.CONTROL) != 0) {
            s = sessions.session(t.tag(flow));
            if (s != null) {
                s.dropped++;
            }
        } else if ((flags & FlowTable.DATA) != 0) {
            DataConnection d = sessions.data(t.tag(flow));
            s = d == null ? null : d.pinhole.session;
        }
        if (s != null
                && outcome.why != Anomaly.NONE
                && !outcome.rule.equals(HelperReading.HELPER)) {
            s.packetAlert(outcome.why, position, Sessions.key(p), outcome.why.text());
        }
    }

    /** Someone knocks at a pinhole that is not, or no longer, theirs. */
    private boolean deniedPinhole(PacketView p, long position, Verdict verdict) {
        if (tracker.expectation() != null) {
            return false;
        }
        Expectation e =
                sessions.expectations()
                        .findDenied(
                                p.ipVersion(),
                                p.destinationHigh(),
                                p.destinationLow(),
                                p.destinationPort(),
                                sessions.now());
        if (e instanceof Pinhole.Permission permission) {
            boolean admitted = e.admits(p.sourceHigh(), p.sourceLow(), p.sourcePort());
            if (admitted && e.status() == Expectation.Status.WAITING) {
                // Theirs, but a rule stopped it before it was tracked.
                if (verdict != Verdict.ACCEPT) {
                    observer.blocked(permission.pinhole, p, position, verdict, outcome.rule);
                }
                return true;
            }
            Anomaly kind = admitted ? Anomaly.PINHOLE_REUSED : Anomaly.PINHOLE_WRONG_HOST;
            permission.pinhole.session.packetAlert(
                    kind, position, Sessions.key(p), permission.pinhole.announcement.text());
            return true;
        }
        notes.knock(p == datagram ? Sessions.key(p) : null);
        return false;
    }
}
