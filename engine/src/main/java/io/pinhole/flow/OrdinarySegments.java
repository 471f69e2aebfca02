package io.pinhole.flow;

import io.pinhole.core.Settings;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import java.lang.foreign.MemorySegment;

/**
 * Tracks the ordinary segment of an established connection: both sides were heard, it has ACK and
 * at most PSH, no selective acknowledgement, and is in window. What it leaves behind is what {@link
 * TcpTracker#track} would have, in a fraction of the time; any other segment it leaves to that.
 */
public final class OrdinarySegments {
    // What a flow must be, and must not be, as a part of its word.
    private static final int WANTED =
            FlowEntries.SEEN_REPLY | FlowEntries.ASSURED | FlowEntries.CONFIRMED;
    private static final int UNWANTED =
            FlowEntries.OFFLOADED
                    | FlowEntries.TIMED
                    | FlowEntries.HELPED
                    | FlowEntries.CONTROL
                    | FlowEntries.CONDEMNED;
    private static final long LOOKED_AT = (WANTED | UNWANTED) << 16 | 0xffff;
    private static final long ORDINARY =
            WANTED << 16 | TcpTracker.ESTABLISHED << 8 | PacketView.TCP;

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

    /**
     * Whether a flow is one whose segments may be ordinary, and that nobody reads.
     *
     * @param word see {@link FlowEntries#word}
     */
    public static boolean areOf(long word) {
        return (word & LOOKED_AT) == ORDINARY;
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
        long ownEnds = m.get(FlowEntries.I64, own + FlowEntries.END);
        long ownRest = m.get(FlowEntries.I64, own + FlowEntries.MAX_WIN);
        long peerEnds = m.get(FlowEntries.I64, peer + FlowEntries.END);
        long peerRest = m.get(FlowEntries.I64, peer + FlowEntries.MAX_WIN);
        int ownEnd = (int) ownEnds;
        int ownMaxEnd = (int) (ownEnds >>> 32);
        int ownMaxWin = (int) ownRest;
        int peerEnd = (int) peerEnds;
        int peerMaxWin = (int) peerRest;
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
        int win = rawWin << (byte) (ownRest >>> 32);
        if (Integer.compareUnsigned(ownMaxWin, win) < 0) {
            m.set(FlowEntries.I32, own + FlowEntries.MAX_WIN, win);
        }
        int flags = (int) (ownRest >>> 40) & 0xff;
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
        if (ack + win - ((int) (peerEnds >>> 32) - 1) > 0) {
            int edge = ack + win + (win == 0 ? 1 : 0);
            m.set(FlowEntries.I32, peer + FlowEntries.MAX_END, edge);
        }
        int peerFlags = (int) (peerRest >>> 40) & 0xff;
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
        MemorySegment m = t.memory;
        long at = flow + t.hot + FlowEntries.LAST_SEQ;
        long numbers = seq & 0xffff_ffffL | (long) ack << 32;
        long rest =
                end & 0xffff_ffffL
                        | (long) rawWin << 32
                        | (long) side << 48
                        | (long) TcpTracker.ACK_SET << 56;
        long before = m.get(FlowEntries.I64, at + 8);
        m.set(FlowEntries.I64, at + 8, rest);
        // What the last packet was does not count: only an ACK can be like this one.
        if (m.get(FlowEntries.I64, at) == numbers && (before ^ rest) << 8 == 0) {
            t.retrans(flow, t.retrans(flow) + 1);
            return t.retrans(flow);
        }
        m.set(FlowEntries.I64, at, numbers);
        t.retrans(flow, 0);
        return 0;
    }
}
