package io.pinhole.flow;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Settings;
import io.pinhole.decode.PacketView;
import org.jspecify.annotations.Nullable;

/**
 * TCP connection tracking as netfilter does it (nf_conntrack_proto_tcp.c, Linux 6.18), after van
 * Rooij, "Real Stateful TCP Packet Filtering in IP Filter". Owned by one thread; keeps no state
 * between packets but {@link #anomaly()}.
 *
 * <p>State and windows move when the packet is tracked, before any rule sees it, so a packet that a
 * rule drops afterwards has moved them all the same: the kernel's order.
 */
public final class TcpTracker {
    // States, in the kernel's order; NONE is a flow without a packet.
    public static final int NONE = 0;
    public static final int SYN_SENT = 1;
    public static final int SYN_RECV = 2;
    public static final int ESTABLISHED = 3;
    public static final int FIN_WAIT = 4;
    public static final int CLOSE_WAIT = 5;
    public static final int LAST_ACK = 6;
    public static final int TIME_WAIT = 7;
    public static final int CLOSE = 8;
    public static final int SYN_SENT2 = 9;
    private static final int INVALID = 10;
    private static final int IGNORE = 11;

    /** Instead of a state: data was sent again and again without an answer. */
    public static final int RETRANS = 10;

    /** Instead of a state: data was not acknowledged. */
    public static final int UNACK = 11;

    private static final int TIMEOUTS = 12;

    // What of a packet the table below looks at.
    private static final int SYN_SET = 0;
    private static final int SYNACK_SET = 1;
    private static final int FIN_SET = 2;
    static final int ACK_SET = 3;
    private static final int RST_SET = 4;
    private static final int NONE_SET = 5;

    // Flags of one side.
    private static final int WINDOW_SCALE = 0x01;
    private static final int SACK_PERM = 0x02;
    private static final int CLOSE_INIT = 0x04;
    private static final int BE_LIBERAL = 0x08;
    static final int DATA_UNACKNOWLEDGED = 0x10;
    static final int MAXACK_SET = 0x20;
    // Flags of the last packet.
    private static final int CHALLENGE_ACK = 0x40;
    private static final int SIMULTANEOUS_OPEN = 0x80;

    private static final int ORIGINAL = 0;
    private static final int REPLY = 1;

    private static final int MAX_SCALE = 14; // RFC 7323 section 2.3
    static final int MIN_ACK_WINDOW = 66_000;
    private static final long SECOND = 1_000_000_000L;

    /** What the packet means for its flow. */
    public enum Result {
        /** In order; state, windows and deadline are updated. */
        ACCEPT,
        /** The packet is invalid; {@link #anomaly()} says why. The flow stays. */
        INVALID,
        /**
         * In order: the SYN-ACK to a SYN that was let through earlier. State and windows are those
         * of a new connection with the 4-tuple of the old, in the same flow.
         */
        RESTARTED,
        /** A new connection reuses the 4-tuple: remove the flow and track the packet afresh. */
        REOPEN,
        /** In order, and it ends the flow at once: remove it after the packet's verdict. */
        ACCEPT_AND_REMOVE
    }

    /**
     * Next state by direction, kind of packet and state. One letter each: S SYN_SENT, R SYN_RECV, E
     * ESTABLISHED, F FIN_WAIT, W CLOSE_WAIT, L LAST_ACK, T TIME_WAIT, C CLOSE, 2 SYN_SENT2, x
     * invalid, - ignored. Columns: NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK
     * TIME_WAIT CLOSE SYN_SENT2.
     */
    private static final String[] TRANSITIONS = {
        "SS-----SS2", // original SYN
        "xxRxxxxxxR", // original SYN-ACK
        "xxFFLLLTCx", // original FIN
        "ExEEWWTTCx", // original ACK
        "xCCCCCCCCC", // original RST
        "xxxxxxxxxx", // original, none of them
        "x2xxxxxSx2", // reply SYN
        "xR-------R", // reply SYN-ACK
        "xxFFLLLTCx", // reply FIN
        "x-REWWTTC-", // reply ACK
        "xCCCCCCCCC", // reply RST
        "xxxxxxxxxx", // reply, none of them
    };

    private static final byte[] NEXT = new byte[2 * 6 * 10];

    static {
        String letters = "0SREFWLTC2x-";
        for (int row = 0; row < TRANSITIONS.length; row++) {
            for (int state = 0; state < 10; state++) {
                NEXT[row * 10 + state] = (byte) letters.indexOf(TRANSITIONS[row].charAt(state));
            }
        }
    }

    private final boolean loose;
    private final boolean liberal;
    private final int maxRetrans;
    private final long[] usual;
    private long[] timeouts;

    private Anomaly anomaly = Anomaly.NONE;
    private boolean followed;
    private boolean kernelInvalid;

    // One side's options, out of parseOptions.
    private int optionScale;
    private int optionFlags;
    // The highest right edge of the packet's SACK blocks.
    private int sack;

    public TcpTracker(Settings.Tcp tcp, Settings.Timeouts t) {
        loose = tcp.loose();
        liberal = tcp.liberal();
        maxRetrans = tcp.maxRetrans();
        usual = timeouts(t);
        timeouts = usual;
    }

    /** Timeouts in nanoseconds, by state and by {@link #RETRANS} and {@link #UNACK}. */
    public static long[] timeouts(Settings.Timeouts t) {
        long[] of = new long[TIMEOUTS];
        of[NONE] = t.synSent() * SECOND;
        of[SYN_SENT] = t.synSent() * SECOND;
        of[SYN_RECV] = t.synRecv() * SECOND;
        of[ESTABLISHED] = t.established() * SECOND;
        of[FIN_WAIT] = t.finWait() * SECOND;
        of[CLOSE_WAIT] = t.closeWait() * SECOND;
        of[LAST_ACK] = t.lastAck() * SECOND;
        of[TIME_WAIT] = t.timeWait() * SECOND;
        of[CLOSE] = t.close() * SECOND;
        of[SYN_SENT2] = t.synSent2() * SECOND;
        of[RETRANS] = t.retransmitted() * SECOND;
        of[UNACK] = t.unacknowledged() * SECOND;
        return of;
    }

    /** Name of an entry of {@link #timeouts(Settings.Timeouts)}, as a state is named. */
    public static String timeoutName(int index) {
        return switch (index) {
            case RETRANS -> "RETRANS";
            case UNACK -> "UNACK";
            default -> stateName(index);
        };
    }

    /** The timeouts of the flow that is tracked next; null for the usual ones. */
    public void use(long @Nullable [] of) {
        timeouts = of == null ? usual : of;
    }

    /** Why the last packet was invalid. */
    public Anomaly anomaly() {
        return anomaly;
    }

    /** False if the last packet was let through without moving state or windows. */
    public boolean followed() {
        return followed;
    }

    /** Whether a kernel that carries flows found the next packets invalid. */
    public void kernelInvalid(boolean invalid) {
        kernelInvalid = invalid;
    }

    /**
     * The kernel carries an established flow from now on. What is still seen of it is in window if
     * the kernel does not say otherwise (as flow_offload_fixup_tcp does for nftables flowtables).
     */
    public void offload(FlowTable t, long flow, long now) {
        t.setFlag(flow, FlowTable.OFFLOADED);
        for (int side = ORIGINAL; side <= REPLY; side++) {
            int flags = t.windowFlags(flow, side) | BE_LIBERAL;
            t.windowFlags(flow, side, flags & ~(MAXACK_SET | DATA_UNACKNOWLEDGED));
        }
        t.retrans(flow, 0);
        t.deadline(flow, now + timeouts[ESTABLISHED]);
    }

    /**
     * Sets up a flow that was established before the first packet is seen.
     *
     * @param flow the table's scratch entry
     */
    public void takeOver(FlowTable t, long flow, long now) {
        t.state(flow, ESTABLISHED);
        t.setFlag(flow, FlowTable.SEEN_REPLY | FlowTable.ASSURED | FlowTable.MIDSTREAM);
        t.windowFlags(flow, ORIGINAL, SACK_PERM | BE_LIBERAL);
        t.windowFlags(flow, REPLY, SACK_PERM | BE_LIBERAL);
        t.lastIndex(flow, NONE_SET);
        t.deadline(flow, now + timeouts[ESTABLISHED]);
    }

    /**
     * Whether a header can be tracked at all: kernel tcp_error, without the checksum.
     *
     * @return {@code NONE} or the reason why the packet is invalid
     */
    public static Anomaly check(PacketView p) {
        if (p.transportAnomaly() != Anomaly.NONE) {
            return p.transportAnomaly();
        }
        // PSH, ECE and CWR go with everything.
        return switch (p.tcpFlags() & 0x37) {
            case PacketView.SYN,
                    PacketView.SYN | PacketView.URG,
                    PacketView.SYN | PacketView.ACK,
                    PacketView.RST,
                    PacketView.RST | PacketView.ACK,
                    PacketView.FIN | PacketView.ACK,
                    PacketView.FIN | PacketView.ACK | PacketView.URG,
                    PacketView.ACK,
                    PacketView.ACK | PacketView.URG ->
                    Anomaly.NONE;
            default -> Anomaly.TCP_BAD_FLAGS;
        };
    }

    /**
     * Sets up a flow from its first packet (kernel tcp_new). Afterwards {@link #track} must be
     * called for the same packet.
     *
     * @param flow the table's scratch entry
     * @param mayPickUp whether this packet may take up a flow in mid-stream where tcp.loose allows
     *     it
     * @return false if the packet may not start a flow; {@link #anomaly()} says why
     */
    public boolean begin(FlowTable t, long flow, PacketView p, boolean mayPickUp) {
        int next = NEXT[index(p) * 10 + NONE];
        if (next == INVALID || (next != SYN_SENT && !(loose && mayPickUp))) {
            anomaly = Anomaly.NOT_A_FLOW_START;
            return false;
        }
        int end = end(p);
        t.end(flow, ORIGINAL, end);
        t.maxWin(flow, ORIGINAL, Math.max(p.tcpWindow(), 1));
        if (next == SYN_SENT) {
            t.maxEnd(flow, ORIGINAL, end);
            takeOptions(t, flow, ORIGINAL, p);
        } else {
            t.maxEnd(flow, ORIGINAL, end + Math.max(p.tcpWindow(), 1));
            // The options went by unseen: assume SACK, and do not insist on windows.
            t.windowFlags(flow, ORIGINAL, SACK_PERM | BE_LIBERAL);
            t.windowFlags(flow, REPLY, SACK_PERM | BE_LIBERAL);
            t.setFlag(flow, FlowTable.MIDSTREAM);
        }
        t.lastIndex(flow, NONE_SET);
        return true;
    }

    /**
     * Tracks one packet (kernel nf_conntrack_tcp_packet).
     *
     * @param side 0 if the packet travels in the flow's original direction, 1 in reply direction
     * @param now packet time in nanoseconds
     */
    public Result track(FlowTable t, long flow, PacketView p, int side, long now) {
        anomaly = Anomaly.NONE;
        followed = false;
        boolean restarted = false;
        boolean carried = t.flag(flow, FlowTable.OFFLOADED);
        if (carried && kernelInvalid) {
            anomaly = Anomaly.OUT_OF_WINDOW;
            return Result.INVALID;
        }
        int old = t.state(flow);
        int index = index(p);
        if (carried && old == LAST_ACK && index == SYN_SET) {
            old = TIME_WAIT; // the kernel has seen the last ACK: it had no flag to be queued for
        }
        int next = NEXT[(side * 6 + index) * 10 + old];
        boolean inWindow = false;
        switch (next) {
            case SYN_SENT, IGNORE -> {
                if (next == SYN_SENT && old < TIME_WAIT) {
                    break;
                }
                if (next == SYN_SENT
                        && (((t.windowFlags(flow, 0) | t.windowFlags(flow, 1)) & CLOSE_INIT) != 0
                                || (t.lastDirection(flow) == side
                                        && t.lastIndex(flow) == RST_SET))) {
                    return Result.REOPEN;
                }
                if (index == SYNACK_SET
                        && t.lastIndex(flow) == SYN_SET
                        && t.lastDirection(flow) != side
                        && p.tcpAcknowledgement() == t.lastEnd(flow)) {
                    // Answers a SYN ignored earlier: client and server agree, follow them.
                    resynchronise(t, flow, side);
                    old = SYN_SENT;
                    next = SYN_RECV;
                    restarted = true;
                    break;
                }
                ignore(t, flow, p, side, index, old);
                return Result.ACCEPT;
            }
            case INVALID -> {
                anomaly =
                        index == SYN_SET || index == SYNACK_SET
                                ? Anomaly.UNEXPECTED_SYN
                                : Anomaly.INVALID_STATE;
                return Result.INVALID;
            }
            case TIME_WAIT -> {
                if (old == LAST_ACK
                        && index == ACK_SET
                        && t.lastDirection(flow) != side
                        && t.lastIndex(flow) == SYN_SET
                        && (t.lastFlags(flow) & CHALLENGE_ACK) != 0) {
                    // RFC 5961 challenge ACK to that SYN: it does not end the old connection.
                    t.lastFlags(flow, t.lastFlags(flow) & ~CHALLENGE_ACK);
                    return Result.ACCEPT;
                }
            }
            case SYN_SENT2 -> t.lastFlags(flow, t.lastFlags(flow) | SIMULTANEOUS_OPEN);
            case SYN_RECV -> {
                if (side == REPLY
                        && index == ACK_SET
                        && (t.lastFlags(flow) & SIMULTANEOUS_OPEN) != 0) {
                    next = ESTABLISHED;
                }
            }
            case CLOSE -> {
                if (index == RST_SET) {
                    int rst = carried ? RST_IN_WINDOW : judgeRst(t, flow, p, side, old);
                    if (rst == RST_INVALID) {
                        anomaly = Anomaly.INVALID_RST;
                        return Result.INVALID;
                    }
                    inWindow = rst == RST_IN_WINDOW;
                    if (rst == RST_KEEPS_STATE) {
                        next = old;
                    }
                }
            }
            default -> {}
        }
        if (!inWindow) {
            int window = window(t, flow, p, side, index);
            if (window == WINDOW_IGNORE) {
                return Result.ACCEPT;
            }
            if (window == WINDOW_INVALID) {
                noteInvalid(t, flow, side, index, now);
                return Result.INVALID;
            }
        }
        followed = true;
        Result result = settle(t, flow, side, index, old, next, now);
        return restarted ? Result.RESTARTED : result;
    }

    private static final int RST_CHECK_WINDOW = 0;
    private static final int RST_IN_WINDOW = 1;
    private static final int RST_INVALID = 2;
    private static final int RST_KEEPS_STATE = 3;

    /** RFC 5961 section 3: an exact RST closes, one only in the window asks for a challenge ACK. */
    private int judgeRst(FlowTable t, long flow, PacketView p, int side, int old) {
        if (old >= FIN_WAIT && old <= CLOSE) {
            // Closing: the 4-tuple may be in use again, what is known of it may be stale.
            return RST_IN_WINDOW;
        }
        boolean keepsState = false;
        int sequence = p.tcpSequence();
        if ((t.windowFlags(flow, 1 - side) & MAXACK_SET) != 0 && t.lastIndex(flow) != SYN_SET) {
            boolean established = old == ESTABLISHED && t.flag(flow, FlowTable.ASSURED);
            if (sequence == 0 && !established) {
                return RST_CHECK_WINDOW;
            }
            int maxAck = t.maxAck(flow, 1 - side);
            if (sequence - maxAck < 0) {
                return RST_INVALID;
            }
            if (!established || sequence == maxAck) {
                return RST_CHECK_WINDOW;
            }
            // The end of a train: data up to here, then RST.
            if (t.lastIndex(flow) == ACK_SET
                    && t.lastDirection(flow) == side
                    && sequence == t.lastEnd(flow)) {
                return RST_CHECK_WINDOW;
            }
            keepsState = true;
        }
        boolean answersIgnoredSyn =
                t.flag(flow, FlowTable.SEEN_REPLY)
                        && t.lastIndex(flow) == SYN_SET
                        && t.lastDirection(flow) != side; // Linux 6.18, observed
        boolean answersIgnoredAck =
                !t.flag(flow, FlowTable.ASSURED) && t.lastIndex(flow) == ACK_SET;
        if ((answersIgnoredSyn || answersIgnoredAck) && p.tcpAcknowledgement() == t.lastEnd(flow)) {
            return RST_IN_WINDOW;
        }
        if (old == SYN_SENT
                && t.lastIndex(flow) == ACK_SET
                && t.lastDirection(flow) == REPLY
                && sequence == t.lastAck(flow)) {
            return RST_IN_WINDOW; // answers a challenge ACK that went through before
        }
        return keepsState ? RST_KEEPS_STATE : RST_CHECK_WINDOW;
    }

    private static void resynchronise(FlowTable t, long flow, int side) {
        int last = t.lastDirection(flow);
        t.end(flow, last, t.lastEnd(flow));
        t.maxEnd(flow, last, t.lastEnd(flow));
        t.maxWin(flow, last, Math.max(t.lastWin(flow), 1));
        t.scale(flow, last, t.lastScale(flow));
        t.lastFlags(flow, t.lastFlags(flow) & ~CHALLENGE_ACK);
        t.windowFlags(flow, last, t.lastFlags(flow));
        t.end(flow, side, 0);
        t.maxEnd(flow, side, 0);
        t.maxWin(flow, side, 0);
        t.maxAck(flow, side, 0);
        t.scale(flow, side, 0);
        t.windowFlags(flow, side, t.windowFlags(flow, side) & BE_LIBERAL);
    }

    /** Lets the packet through without following it, but remembers it: it may prove right. */
    private void ignore(FlowTable t, long flow, PacketView p, int side, int index, int old) {
        t.lastIndex(flow, index);
        t.lastDirection(flow, side);
        t.lastSeq(flow, p.tcpSequence());
        t.lastEnd(flow, end(p));
        t.lastWin(flow, p.tcpWindow());
        if (index == SYN_SET && side == ORIGINAL) {
            parseOptions(p, 0);
            t.lastScale(flow, (optionFlags & WINDOW_SCALE) != 0 ? optionScale : 0);
            t.lastFlags(flow, optionFlags | (old == LAST_ACK ? CHALLENGE_ACK : 0));
        }
        if (old == SYN_SENT && index == ACK_SET && side == REPLY) {
            t.lastAck(flow, p.tcpAcknowledgement());
        }
    }

    private Result settle(
            FlowTable t, long flow, int side, int index, int old, int next, long now) {
        t.lastIndex(flow, index);
        t.lastDirection(flow, side);
        if (next != old) {
            t.state(flow, next);
            if (next == FIN_WAIT) {
                t.windowFlags(flow, side, t.windowFlags(flow, side) | CLOSE_INIT);
            }
        }
        long timeout = timeouts[next];
        if (next == ESTABLISHED && t.flag(flow, FlowTable.OFFLOADED)) {
            t.deadline(flow, now + timeout);
            return Result.ACCEPT;
        }
        if (t.retrans(flow) >= maxRetrans && timeout > timeouts[RETRANS]) {
            timeout = timeouts[RETRANS];
        } else if (index == RST_SET) {
            timeout = timeouts[CLOSE];
        } else if (((t.windowFlags(flow, 0) | t.windowFlags(flow, 1)) & DATA_UNACKNOWLEDGED) != 0
                && timeout > timeouts[UNACK]) {
            timeout = timeouts[UNACK];
        } else if (t.lastWin(flow) == 0 && timeout > timeouts[RETRANS]) {
            timeout = timeouts[RETRANS];
        }
        if (!t.flag(flow, FlowTable.SEEN_REPLY)) {
            if (index == RST_SET) {
                return Result.ACCEPT_AND_REMOVE;
            }
            if (index == SYN_SET && old == SYN_SENT) {
                return Result.ACCEPT; // a repeated SYN does not prolong the wait
            }
            if (next == ESTABLISHED && timeout > timeouts[UNACK]) {
                timeout = timeouts[UNACK];
            }
        } else if (next == ESTABLISHED && (old == SYN_RECV || old == ESTABLISHED)) {
            if (!t.flag(flow, FlowTable.ASSURED)) {
                t.setFlag(flow, FlowTable.ASSURED);
            }
        }
        t.deadline(flow, now + timeout);
        return Result.ACCEPT;
    }

    private void noteInvalid(FlowTable t, long flow, int side, int index, long now) {
        if ((index != FIN_SET && index != RST_SET) || !t.flag(flow, FlowTable.ASSURED)) {
            return;
        }
        int lastIndex = t.lastIndex(flow);
        if (t.lastDirection(flow) != side && (lastIndex == FIN_SET || lastIndex == RST_SET)) {
            // Both sides want to close, out of window: do not wait for days.
            long left = t.deadline(flow) - now;
            if (left >= 120 * SECOND && left > timeouts[UNACK]) {
                t.deadline(flow, now + timeouts[UNACK]);
            }
        } else {
            t.lastIndex(flow, index);
            t.lastDirection(flow, side);
        }
    }

    private static final int WINDOW_ACCEPT = 0;
    private static final int WINDOW_IGNORE = 1;
    private static final int WINDOW_INVALID = 2;

    /** Kernel tcp_in_window: conditions I to IV, then the new edges. */
    private int window(FlowTable t, long flow, PacketView p, int side, int index) {
        int other = 1 - side;
        boolean syn = p.has(PacketView.SYN);
        boolean ackSet = p.has(PacketView.ACK);
        boolean rst = p.has(PacketView.RST);
        int seq = p.tcpSequence();
        int ack = p.tcpAcknowledgement();
        int rawWin = p.tcpWindow();
        int win = rawWin;
        int end = end(p);
        sack = ack;
        if ((t.windowFlags(flow, other) & SACK_PERM) != 0 && p.tcpHeaderLength() > 20) {
            parseSack(p);
        }
        if (t.maxWin(flow, side) == 0) {
            if (syn) {
                beginSide(t, flow, side, p, end, win);
                if (!ackSet) {
                    return WINDOW_ACCEPT; // simultaneous open
                }
            } else {
                int scaled = win << t.scale(flow, side);
                t.end(flow, side, end);
                t.maxWin(flow, side, Math.max(scaled, 1));
                t.maxEnd(flow, side, end + Math.max(scaled, 1));
                if (t.maxWin(flow, other) == 0) {
                    // Nothing seen of the other side yet: let its edges fit.
                    t.end(flow, other, sack);
                    t.maxEnd(flow, other, sack);
                } else if (sack == t.end(flow, other) + 1) {
                    t.end(flow, other, sack); // the answer to a keep-alive
                }
            }
        } else if (syn
                && end - t.end(flow, side) > 0
                && (t.state(flow) == SYN_SENT || t.state(flow) == SYN_RECV)) {
            // A new attempt may use other numbers and options than the first.
            beginSide(t, flow, side, p, end, win);
            if (side == REPLY && !ackSet) {
                return WINDOW_ACCEPT;
            }
        }
        int otherEnd = t.end(flow, other);
        if (!ackSet || (rst && ack == 0)) {
            ack = otherEnd;
            sack = otherEnd;
        }
        if (rst && seq == 0 && t.state(flow) == SYN_SENT) {
            seq = t.end(flow, side); // answers a SYN
            end = seq;
        }
        int sideEnd = t.end(flow, side);
        int sideMaxEnd = t.maxEnd(flow, side);
        int otherMaxWin = t.maxWin(flow, other);
        int ackWindow = Math.max(t.maxWin(flow, side), MIN_ACK_WINDOW);
        boolean tolerant = liberal || (t.windowFlags(flow, side) & BE_LIBERAL) != 0;
        if (seq - (sideMaxEnd + 1) >= 0) {
            int overshot = end - sideMaxEnd + 1;
            if (otherMaxWin != 0
                    && end - (sideEnd - otherMaxWin - 1) > 0
                    && sack - (otherEnd - ackWindow - 1) > 0
                    && Integer.compareUnsigned(overshot, otherMaxWin) <= 0
                    && sack - (otherEnd + 1) < 0) {
                // A little more than the receiver allowed: let it through (Linux 6.18, observed),
                // and
                // its acknowledgement must not look foreign.
                t.end(flow, side, end);
                t.windowFlags(flow, side, t.windowFlags(flow, side) | DATA_UNACKNOWLEDGED);
                return outOfWindow(tolerant, WINDOW_IGNORE);
            }
            return outOfWindow(tolerant, WINDOW_INVALID);
        }
        if (sack - (otherEnd + 1) >= 0) {
            return outOfWindow(tolerant, WINDOW_INVALID);
        }
        if (otherMaxWin != 0 && end - (sideEnd - otherMaxWin - 1) <= 0) {
            return outOfWindow(tolerant, WINDOW_IGNORE);
        }
        if (sack - (otherEnd - ackWindow - 1) <= 0) {
            return outOfWindow(tolerant, WINDOW_IGNORE);
        }
        if (!syn) {
            win <<= t.scale(flow, side);
        }
        int reach = win + (sack - ack);
        if (Integer.compareUnsigned(t.maxWin(flow, side), reach) < 0) {
            t.maxWin(flow, side, reach);
        }
        int flags = t.windowFlags(flow, side);
        if (end - sideEnd > 0) {
            t.end(flow, side, end);
            flags |= DATA_UNACKNOWLEDGED;
        }
        if (ackSet) {
            if ((flags & MAXACK_SET) == 0 || ack - t.maxAck(flow, side) > 0) {
                t.maxAck(flow, side, ack);
                flags |= MAXACK_SET;
            }
        }
        t.windowFlags(flow, side, flags);
        if (otherMaxWin != 0 && end - sideMaxEnd > 0) {
            t.maxWin(flow, other, otherMaxWin + (end - sideMaxEnd));
        }
        if (sack + win - (t.maxEnd(flow, other) - 1) > 0) {
            t.maxEnd(flow, other, sack + win + (win == 0 ? 1 : 0));
        }
        if (ack == otherEnd) {
            t.windowFlags(flow, other, t.windowFlags(flow, other) & ~DATA_UNACKNOWLEDGED);
        }
        if (index == ACK_SET) {
            if (t.lastDirection(flow) == side
                    && t.lastSeq(flow) == seq
                    && t.lastAck(flow) == ack
                    && t.lastEnd(flow) == end
                    && t.lastWin(flow) == rawWin) {
                t.retrans(flow, t.retrans(flow) + 1);
            } else {
                t.lastDirection(flow, side);
                t.lastSeq(flow, seq);
                t.lastAck(flow, ack);
                t.lastEnd(flow, end);
                t.lastWin(flow, rawWin);
                t.retrans(flow, 0);
            }
        }
        return WINDOW_ACCEPT;
    }

    private int outOfWindow(boolean tolerant, int otherwise) {
        if (tolerant) {
            return WINDOW_ACCEPT;
        }
        if (otherwise == WINDOW_INVALID) {
            anomaly = Anomaly.OUT_OF_WINDOW;
        }
        return otherwise;
    }

    private void beginSide(FlowTable t, long flow, int side, PacketView p, int end, int win) {
        t.end(flow, side, end);
        t.maxEnd(flow, side, end);
        t.maxWin(flow, side, Math.max(win, 1));
        takeOptions(t, flow, side, p);
        // RFC 7323 section 2.2: scaling only if both SYNs ask for it.
        if (side == REPLY
                && (t.windowFlags(flow, 0) & t.windowFlags(flow, 1) & WINDOW_SCALE) == 0) {
            t.scale(flow, 0, 0);
            t.scale(flow, 1, 0);
        }
    }

    private void takeOptions(FlowTable t, long flow, int side, PacketView p) {
        if (p.tcpHeaderLength() == 20) {
            return;
        }
        parseOptions(p, t.windowFlags(flow, side) & BE_LIBERAL);
        t.scale(flow, side, optionScale);
        t.windowFlags(flow, side, optionFlags);
    }

    /** Window scale and SACK permitted of a SYN (RFC 7323, RFC 2018). */
    private void parseOptions(PacketView p, int keep) {
        optionScale = 0;
        optionFlags = keep;
        long at = p.transportStart() + 20;
        long stop = p.transportStart() + p.tcpHeaderCaptured();
        while (at < stop) {
            int kind = p.u8(at);
            if (kind == 0) {
                return;
            }
            if (kind == 1) {
                at++;
                continue;
            }
            if (at + 1 >= stop) {
                return;
            }
            int length = p.u8(at + 1);
            if (length < 2 || at + length > stop) {
                return;
            }
            if (kind == 4 && length == 2) {
                optionFlags |= SACK_PERM;
            } else if (kind == 3 && length == 3) {
                optionScale = Math.min(p.u8(at + 2), MAX_SCALE);
                optionFlags |= WINDOW_SCALE;
            }
            at += length;
        }
    }

    private void parseSack(PacketView p) {
        long at = p.transportStart() + 20;
        long stop = p.transportStart() + p.tcpHeaderCaptured();
        while (at < stop) {
            int kind = p.u8(at);
            if (kind == 0) {
                return;
            }
            if (kind == 1) {
                at++;
                continue;
            }
            if (at + 1 >= stop) {
                return;
            }
            int length = p.u8(at + 1);
            if (length < 2 || at + length > stop) {
                return;
            }
            if (kind == 5 && length >= 10 && (length - 2) % 8 == 0) {
                for (long block = at + 2; block < at + length; block += 8) {
                    int right =
                            p.u8(block + 4) << 24
                                    | p.u8(block + 5) << 16
                                    | p.u8(block + 6) << 8
                                    | p.u8(block + 7);
                    if (right - sack > 0) {
                        sack = right;
                    }
                }
                return;
            }
            at += length;
        }
    }

    private static int index(PacketView p) {
        int flags = p.tcpFlags();
        if ((flags & PacketView.RST) != 0) {
            return RST_SET;
        }
        if ((flags & PacketView.SYN) != 0) {
            return (flags & PacketView.ACK) != 0 ? SYNACK_SET : SYN_SET;
        }
        if ((flags & PacketView.FIN) != 0) {
            return FIN_SET;
        }
        return (flags & PacketView.ACK) != 0 ? ACK_SET : NONE_SET;
    }

    /** The sequence number after this segment; SYN and FIN count one each. */
    private static int end(PacketView p) {
        return p.tcpSequence()
                + p.payloadLength()
                + (p.has(PacketView.SYN) ? 1 : 0)
                + (p.has(PacketView.FIN) ? 1 : 0);
    }

    /** Name of a state as conntrack prints it. */
    public static String stateName(int state) {
        return switch (state) {
            case SYN_SENT -> "SYN_SENT";
            case SYN_RECV -> "SYN_RECV";
            case ESTABLISHED -> "ESTABLISHED";
            case FIN_WAIT -> "FIN_WAIT";
            case CLOSE_WAIT -> "CLOSE_WAIT";
            case LAST_ACK -> "LAST_ACK";
            case TIME_WAIT -> "TIME_WAIT";
            case CLOSE -> "CLOSE";
            case SYN_SENT2 -> "SYN_SENT2";
            default -> "NONE";
        };
    }
}
