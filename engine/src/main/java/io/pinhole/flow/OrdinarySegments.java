package io.pinhole.flow;

import io.pinhole.core.Settings;
import io.pinhole.decode.PlainPacket;
import java.lang.foreign.MemorySegment;

/**
 * Tracks the ordinary segment of an established connection: both sides were heard, it has ACK and
 * at most PSH, no selective acknowledgement, and is in window. What it leaves behind is what {@link
 * TcpTracker#track} would have, in a fraction of the time; any other segment it leaves to that.
 */
public final class OrdinarySegments {
    // What a flow must be, and must not be.
    private static final int WANTED =
            FlowEntries.SEEN_REPLY | FlowEntries.ASSURED | FlowEntries.CONFIRMED;
    private static final int UNWANTED = FlowEntries.OFFLOADED | FlowEntries.TIMED;

    private final int maxRetrans;
    private final long usual;
    private final long afterRetransmissions;
    private final long unacknowledged;

    public OrdinarySegments(Settings.Tcp tcp, Settings.Timeouts t) {
        maxRetrans = tcp.maxRetrans();
        long[] timeouts = TcpTracker.timeouts(t);
        usual = timeouts[TcpTracker.ESTABLISHED];
        afterRetransmissions = timeouts[TcpTracker.RETRANS];
        unacknowledged = timeouts[TcpTracker.UNACK];
    }

    /** Whether a flow is one whose segments may be ordinary. */
    public static boolean areOf(FlowTable t, long flow) {
        return (t.flags(flow) & (WANTED | UNWANTED)) == WANTED
                && t.state(flow) == TcpTracker.ESTABLISHED;
    }

    /**
     * Tracks a plain segment of a flow that {@link #areOf} names.
     *
     * @param side 0 if the packet travels in the flow's original direction, 1 in reply direction
     * @param now packet time in nanoseconds
     * @return false if it is not in window, or the first of its side: nothing has changed then
     */
    public boolean track(FlowTable t, long flow, PlainPacket p, int side, long now) {
        MemorySegment m = t.memory;
        long at = flow + t.hot;
        long own = at + FlowEntries.WINDOWS + (long) side * FlowEntries.WINDOW_SIZE;
        long peer = at + FlowEntries.WINDOWS + (1L - side) * FlowEntries.WINDOW_SIZE;
        int seq = p.tcpSequence();
        int ack = p.tcpAcknowledgement();
        int end = seq + p.payloadLength();
        int ownEnd = m.get(FlowEntries.I32, own + FlowEntries.END);
        int ownMaxEnd = m.get(FlowEntries.I32, own + FlowEntries.MAX_END);
        int ownMaxWin = m.get(FlowEntries.I32, own + FlowEntries.MAX_WIN);
        int peerEnd = m.get(FlowEntries.I32, peer + FlowEntries.END);
        int peerMaxWin = m.get(FlowEntries.I32, peer + FlowEntries.MAX_WIN);
        // Kernel tcp_in_window, conditions I to IV; without SACK the highest byte that is
        // acknowledged is ack.
        if (ownMaxWin == 0
                || peerMaxWin == 0
                || seq - (ownMaxEnd + 1) >= 0
                || ack - (peerEnd + 1) >= 0
                || end - (ownEnd - peerMaxWin - 1) <= 0
                || ack - (peerEnd - Math.max(ownMaxWin, TcpTracker.MIN_ACK_WINDOW) - 1) <= 0) {
            return false;
        }
        int rawWin = p.tcpWindow();
        int win = rawWin << m.get(FlowEntries.I8, own + FlowEntries.SCALE);
        if (Integer.compareUnsigned(ownMaxWin, win) < 0) {
            m.set(FlowEntries.I32, own + FlowEntries.MAX_WIN, win);
        }
        int flags = m.get(FlowEntries.I8, own + FlowEntries.WINDOW_FLAGS);
        int before = flags;
        if (end - ownEnd > 0) {
            m.set(FlowEntries.I32, own + FlowEntries.END, end);
            flags |= TcpTracker.DATA_UNACKNOWLEDGED;
        }
        long maxAck = at + FlowEntries.MAX_ACK + 4L * side;
        if ((flags & TcpTracker.MAXACK_SET) == 0 || ack - m.get(FlowEntries.I32, maxAck) > 0) {
            m.set(FlowEntries.I32, maxAck, ack);
            flags |= TcpTracker.MAXACK_SET;
        }
        if (flags != before) {
            m.set(FlowEntries.I8, own + FlowEntries.WINDOW_FLAGS, (byte) flags);
        }
        if (end - ownMaxEnd > 0) {
            m.set(FlowEntries.I32, peer + FlowEntries.MAX_WIN, peerMaxWin + (end - ownMaxEnd));
        }
        if (ack + win - (m.get(FlowEntries.I32, peer + FlowEntries.MAX_END) - 1) > 0) {
            int edge = ack + win + (win == 0 ? 1 : 0);
            m.set(FlowEntries.I32, peer + FlowEntries.MAX_END, edge);
        }
        int peerFlags = m.get(FlowEntries.I8, peer + FlowEntries.WINDOW_FLAGS);
        if (ack == peerEnd && (peerFlags & TcpTracker.DATA_UNACKNOWLEDGED) != 0) {
            peerFlags &= ~TcpTracker.DATA_UNACKNOWLEDGED;
            m.set(FlowEntries.I8, peer + FlowEntries.WINDOW_FLAGS, (byte) peerFlags);
        }
        boolean unanswered = ((flags | peerFlags) & TcpTracker.DATA_UNACKNOWLEDGED) != 0;
        int repeated = remember(t, flow, side, seq, ack, end, rawWin);
        long timeout = usual;
        if (repeated >= maxRetrans && usual > afterRetransmissions) {
            timeout = afterRetransmissions;
        } else if (unanswered && usual > unacknowledged) {
            timeout = unacknowledged;
        } else if (rawWin == 0 && usual > afterRetransmissions) {
            timeout = afterRetransmissions;
        }
        m.set(FlowEntries.I64, at + FlowEntries.DEADLINE, now + timeout);
        return true;
    }

    /** How often this very segment has come in a row, beyond the first time. */
    private static int remember(
            FlowTable t, long flow, int side, int seq, int ack, int end, int rawWin) {
        int repeated = 0;
        if (t.lastDirection(flow) == side
                && t.lastSeq(flow) == seq
                && t.lastAck(flow) == ack
                && t.lastEnd(flow) == end
                && t.lastWin(flow) == rawWin) {
            t.retrans(flow, t.retrans(flow) + 1);
            repeated = t.retrans(flow);
        } else {
            t.lastSeq(flow, seq);
            t.lastAck(flow, ack);
            t.lastEnd(flow, end);
            t.lastWin(flow, rawWin);
            t.retrans(flow, 0);
        }
        t.lastDirection(flow, side);
        t.lastIndex(flow, TcpTracker.ACK_SET);
        return repeated;
    }
}
