package io.pinhole.path;

import io.pinhole.decode.PacketView;
import java.util.Map;

/**
 * One TCP flow as Linux 6.18's nf_conntrack_proto_tcp.c follows it, with names instead of bits and
 * numbers that cannot overflow: every sequence number is the distance from the first one of its
 * side. To be compared with {@code TcpTracker}.
 */
final class NaiveTcp {
    enum Kind {
        SYN,
        SYNACK,
        FIN,
        ACK,
        RST,
        NONE
    }

    enum State {
        NONE,
        SYN_SENT,
        SYN_RECV,
        ESTABLISHED,
        FIN_WAIT,
        CLOSE_WAIT,
        LAST_ACK,
        TIME_WAIT,
        CLOSE,
        SYN_SENT2,
        // Answers of the table that are no states.
        INVALID,
        IGNORE
    }

    enum Result {
        ACCEPT,
        INVALID,
        /** Accepted and not followed. */
        PASS,
        REOPEN,
        RESTARTED,
        ACCEPT_AND_REMOVE
    }

    /** The kernel's tcp_conntracks, a row a line; a cell is the state's name shortened. */
    private static final Map<String, String> TABLE =
            Map.ofEntries(
                    //           none  ss    sr    es    fw    cw    la    tw    cl    s2
                    Map.entry("0 SYN", "SS SS IG IG IG IG IG SS SS S2"),
                    Map.entry("0 SYNACK", "IV IV SR IV IV IV IV IV IV SR"),
                    Map.entry("0 FIN", "IV IV FW FW LA LA LA TW CL IV"),
                    Map.entry("0 ACK", "ES IV ES ES CW CW TW TW CL IV"),
                    Map.entry("0 RST", "IV CL CL CL CL CL CL CL CL CL"),
                    Map.entry("0 NONE", "IV IV IV IV IV IV IV IV IV IV"),
                    Map.entry("1 SYN", "IV S2 IV IV IV IV IV SS IV S2"),
                    Map.entry("1 SYNACK", "IV SR IG IG IG IG IG IG IG SR"),
                    Map.entry("1 FIN", "IV IV FW FW LA LA LA TW CL IV"),
                    Map.entry("1 ACK", "IV IG SR ES CW CW TW TW CL IG"),
                    Map.entry("1 RST", "IV CL CL CL CL CL CL CL CL CL"),
                    Map.entry("1 NONE", "IV IV IV IV IV IV IV IV IV IV"));

    private static final Map<String, State> CELLS =
            Map.ofEntries(
                    Map.entry("SS", State.SYN_SENT),
                    Map.entry("SR", State.SYN_RECV),
                    Map.entry("ES", State.ESTABLISHED),
                    Map.entry("FW", State.FIN_WAIT),
                    Map.entry("CW", State.CLOSE_WAIT),
                    Map.entry("LA", State.LAST_ACK),
                    Map.entry("TW", State.TIME_WAIT),
                    Map.entry("CL", State.CLOSE),
                    Map.entry("S2", State.SYN_SENT2),
                    Map.entry("IV", State.INVALID),
                    Map.entry("IG", State.IGNORE));

    /** nf_conntrack_tcp_timeout_*, in seconds. */
    private static final Map<State, Integer> SECONDS =
            Map.of(
                    State.SYN_SENT, 120,
                    State.SYN_RECV, 60,
                    State.ESTABLISHED, 5 * 86_400,
                    State.FIN_WAIT, 120,
                    State.CLOSE_WAIT, 60,
                    State.LAST_ACK, 30,
                    State.TIME_WAIT, 120,
                    State.CLOSE, 10,
                    State.SYN_SENT2, 120);

    private static final int RETRANS_SECONDS = 300;
    private static final int UNACK_SECONDS = 300;
    private static final int MAX_RETRANS = 3;

    /** What is known of one side: struct ip_ct_tcp_state. */
    private static final class Side {
        int end;
        int maxEnd;
        long maxWin;
        int maxAck;
        boolean maxAckSet;
        int scale;
        boolean wantsScale;
        boolean sack;
        boolean closeInit;
        boolean liberal;
        boolean unacknowledged;
    }

    /** The packet, as far as TCP goes. */
    private record Segment(
            Kind kind,
            int seq,
            int ack,
            long win,
            int end,
            boolean syn,
            boolean hasAck,
            boolean rst) {}

    State state = State.NONE;

    /** Seconds from now on that the flow may be idle, after the last packet; -1: as before. */
    long timeoutSeconds = -1;

    private final Side[] sides = {new Side(), new Side()};
    private Kind lastKind = Kind.NONE;
    private int lastDirection;
    private int lastSeq;
    private int lastAck;
    private int lastEnd;
    private long lastWin;
    private int lastScale;
    private boolean lastWantsScale;
    private boolean lastSack;
    private boolean lastChallenge;
    private boolean simultaneous;
    private int retrans;

    private static boolean after(int a, int b) {
        return a - b > 0;
    }

    private static boolean before(int a, int b) {
        return a - b < 0;
    }

    static Kind kind(PacketView p) {
        if (p.has(PacketView.RST)) {
            return Kind.RST;
        }
        if (p.has(PacketView.SYN)) {
            return p.has(PacketView.ACK) ? Kind.SYNACK : Kind.SYN;
        }
        return p.has(PacketView.FIN) ? Kind.FIN : p.has(PacketView.ACK) ? Kind.ACK : Kind.NONE;
    }

    /** The combinations that tcp_valid_flags knows; PSH, ECE and CWR go with everything. */
    static boolean isSensible(PacketView p) {
        String flags = "";
        flags += p.has(PacketView.SYN) ? "S" : "";
        flags += p.has(PacketView.FIN) ? "F" : "";
        flags += p.has(PacketView.RST) ? "R" : "";
        flags += p.has(PacketView.ACK) ? "A" : "";
        flags += p.has(PacketView.URG) ? "U" : "";
        return switch (flags) {
            case "S", "SU", "SA", "R", "RA", "FA", "FAU", "A", "AU" -> true;
            default -> false;
        };
    }

    private static Segment segment(PacketView p) {
        boolean syn = p.has(PacketView.SYN);
        int length = p.payloadLength() + (syn ? 1 : 0) + (p.has(PacketView.FIN) ? 1 : 0);
        return new Segment(
                kind(p),
                p.tcpSequence(),
                p.tcpAcknowledgement(),
                p.tcpWindow(),
                p.tcpSequence() + length,
                syn,
                p.has(PacketView.ACK),
                p.has(PacketView.RST));
    }

    private static State next(int direction, Kind kind, State from) {
        String[] row = TABLE.get(direction + " " + kind).split(" ");
        return CELLS.get(row[from.ordinal()]);
    }

    /** tcp_new: false if the packet may not begin a flow. */
    boolean begin(PacketView p) {
        Segment s = segment(p);
        State first = next(0, s.kind, State.NONE);
        if (first == State.INVALID) {
            return false;
        }
        sides[0].end = s.end;
        sides[0].maxWin = Math.max(1, s.win);
        sides[0].maxEnd = s.end;
        if (first == State.SYN_SENT) {
            options(sides[0], p);
        } else { // picked up in mid-stream: nf_conntrack_tcp_loose
            sides[0].maxEnd += (int) sides[0].maxWin;
            for (Side side : sides) {
                side.sack = true;
                side.liberal = true;
            }
        }
        return true;
    }

    /** nf_conntrack_tcp_packet. */
    Result packet(PacketView p, int direction, boolean seenReply, boolean assured) {
        Segment s = segment(p);
        timeoutSeconds = -1;
        State old = state;
        State now = next(direction, s.kind, old);
        boolean restarted = false;
        boolean windowIsFine = false;
        if (now == State.INVALID) {
            return Result.INVALID;
        }
        if (now == State.SYN_SENT
                && (old == State.TIME_WAIT || old == State.CLOSE)
                && (sides[0].closeInit
                        || sides[1].closeInit
                        || (lastDirection == direction && lastKind == Kind.RST))) {
            return Result.REOPEN;
        }
        boolean strange =
                now == State.IGNORE
                        || (now == State.SYN_SENT
                                && (old == State.TIME_WAIT || old == State.CLOSE));
        if (strange) {
            boolean answersIgnoredSyn =
                    s.kind == Kind.SYNACK
                            && lastKind == Kind.SYN
                            && lastDirection != direction
                            && s.ack == lastEnd;
            if (!answersIgnoredSyn) {
                remember(p, s, direction, old);
                return Result.PASS;
            }
            follow(direction);
            old = State.SYN_SENT;
            now = State.SYN_RECV;
            restarted = true;
        } else if (now == State.TIME_WAIT
                && old == State.LAST_ACK
                && s.kind == Kind.ACK
                && lastDirection != direction
                && lastKind == Kind.SYN
                && lastChallenge) {
            lastChallenge = false;
            return Result.PASS;
        } else if (now == State.SYN_SENT2) {
            simultaneous = true;
        } else if (now == State.SYN_RECV && direction == 1 && s.kind == Kind.ACK && simultaneous) {
            now = State.ESTABLISHED;
        } else if (now == State.CLOSE && s.kind == Kind.RST) {
            switch (reset(s, direction, old, seenReply, assured)) {
                case INVALID -> {
                    return Result.INVALID;
                }
                case IN_WINDOW -> windowIsFine = true;
                case STAY -> now = old;
                case CHECK -> {}
            }
        }
        if (!windowIsFine) {
            Result window = window(p, s, direction);
            if (window != Result.ACCEPT) {
                if (window == Result.INVALID) {
                    outOfWindow(s, direction);
                }
                return window;
            }
        }
        lastKind = s.kind;
        lastDirection = direction;
        state = now;
        if (old != now && now == State.FIN_WAIT) {
            sides[direction].closeInit = true;
        }
        long timeout = SECONDS.get(now);
        if (retrans >= MAX_RETRANS && timeout > RETRANS_SECONDS) {
            timeout = RETRANS_SECONDS;
        } else if (s.kind == Kind.RST) {
            timeout = SECONDS.get(State.CLOSE);
        } else if ((sides[0].unacknowledged || sides[1].unacknowledged)
                && timeout > UNACK_SECONDS) {
            timeout = UNACK_SECONDS;
        } else if (lastWin == 0 && timeout > RETRANS_SECONDS) {
            timeout = RETRANS_SECONDS;
        }
        if (!seenReply) {
            if (s.kind == Kind.RST) {
                return Result.ACCEPT_AND_REMOVE;
            }
            if (s.kind == Kind.SYN && old == State.SYN_SENT) {
                return Result.ACCEPT;
            }
            if (now == State.ESTABLISHED && timeout > UNACK_SECONDS) {
                timeout = UNACK_SECONDS;
            }
        }
        timeoutSeconds = timeout;
        becomesAssured =
                seenReply
                        && now == State.ESTABLISHED
                        && (old == State.SYN_RECV || old == State.ESTABLISHED);
        return restarted ? Result.RESTARTED : Result.ACCEPT;
    }

    /** Set by {@link #packet}: IPS_ASSURED from now on. */
    boolean becomesAssured;

    /** Out of the window: {@link #outOfWindow} shortens the wait. Seconds, or -1. */
    boolean closesSoon;

    private void outOfWindow(Segment s, int direction) {
        closesSoon = false;
        if (s.kind != Kind.FIN && s.kind != Kind.RST) {
            return;
        }
        if (lastDirection != direction && (lastKind == Kind.FIN || lastKind == Kind.RST)) {
            closesSoon = true;
        } else {
            lastKind = s.kind;
            lastDirection = direction;
        }
    }

    private void remember(PacketView p, Segment s, int direction, State old) {
        lastKind = s.kind;
        lastDirection = direction;
        lastSeq = s.seq;
        lastEnd = s.end;
        lastWin = s.win;
        if (s.kind == Kind.SYN && direction == 0) {
            Side side = new Side();
            options(side, p);
            lastWantsScale = side.wantsScale;
            lastScale = side.scale;
            lastSack = side.sack;
            lastChallenge = old == State.LAST_ACK;
            simultaneous = false;
        }
        if (old == State.SYN_SENT && s.kind == Kind.ACK && direction == 1) {
            lastAck = s.ack;
        }
    }

    /** Client and server agree on a new connection that was let by unfollowed. */
    private void follow(int direction) {
        Side other = sides[1 - direction];
        other.end = lastEnd;
        other.maxEnd = lastEnd;
        other.maxWin = Math.max(1, lastWin);
        other.scale = lastScale;
        other.wantsScale = lastWantsScale;
        other.sack = lastSack;
        other.closeInit = false;
        other.liberal = false;
        other.unacknowledged = false;
        other.maxAckSet = false;
        lastChallenge = false;
        boolean liberal = sides[direction].liberal;
        sides[direction] = new Side();
        sides[direction].liberal = liberal;
    }

    private enum Reset {
        INVALID,
        IN_WINDOW,
        STAY,
        CHECK
    }

    /** RFC 5961 section 3, as the kernel has it. */
    private Reset reset(Segment s, int direction, State old, boolean seenReply, boolean assured) {
        switch (old) {
            case FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE -> {
                return Reset.IN_WINDOW;
            }
            default -> {}
        }
        boolean stay = false;
        Side other = sides[1 - direction];
        if (other.maxAckSet && lastKind != Kind.SYN) {
            boolean established = old == State.ESTABLISHED && assured;
            if (s.seq == 0 && !established) {
                return Reset.CHECK;
            }
            if (before(s.seq, other.maxAck)) {
                return Reset.INVALID;
            }
            boolean endOfTrain =
                    lastKind == Kind.ACK && lastDirection == direction && s.seq == lastEnd;
            if (!established || s.seq == other.maxAck || endOfTrain) {
                return Reset.CHECK;
            }
            stay = true;
        }
        boolean answers =
                (seenReply && lastKind == Kind.SYN && lastDirection != direction)
                        || (!assured && lastKind == Kind.ACK);
        if (answers && s.ack == lastEnd) {
            return Reset.IN_WINDOW;
        }
        if (old == State.SYN_SENT
                && lastKind == Kind.ACK
                && lastDirection == 1
                && s.seq == lastAck) {
            return Reset.IN_WINDOW;
        }
        return stay ? Reset.STAY : Reset.CHECK;
    }

    /** tcp_init_sender. */
    private void init(int direction, PacketView p, Segment s) {
        Side side = sides[direction];
        side.end = s.end;
        side.maxEnd = s.end;
        side.maxWin = Math.max(1, s.win);
        options(side, p);
        if (direction == 1 && !(sides[0].wantsScale && sides[1].wantsScale)) {
            sides[0].scale = 0;
            sides[1].scale = 0;
        }
    }

    /** tcp_in_window: PASS is the kernel's NFCT_TCP_IGNORE. */
    private Result window(PacketView p, Segment s, int direction) {
        Side sender = sides[direction];
        Side receiver = sides[1 - direction];
        int seq = s.seq;
        int end = s.end;
        int ack = s.ack;
        int sack = receiver.sack ? sack(p, ack) : ack;
        if (sender.maxWin == 0) {
            if (s.syn) {
                init(direction, p, s);
                if (!s.hasAck) {
                    return Result.ACCEPT;
                }
            } else {
                sender.end = end;
                sender.maxWin = Math.max(1, s.win << sender.scale);
                sender.maxEnd = end + (int) sender.maxWin;
                if (receiver.maxWin == 0) {
                    receiver.end = sack;
                    receiver.maxEnd = sack;
                } else if (sack == receiver.end + 1) {
                    receiver.end++;
                }
            }
        } else if (s.syn
                && after(end, sender.end)
                && (state == State.SYN_SENT || state == State.SYN_RECV)) {
            init(direction, p, s);
            if (direction == 1 && !s.hasAck) {
                return Result.ACCEPT;
            }
        }
        if (!s.hasAck || (s.rst && ack == 0)) {
            ack = receiver.end;
            sack = receiver.end;
        }
        if (s.rst && seq == 0 && state == State.SYN_SENT) {
            seq = sender.end;
            end = sender.end;
        }
        int ackWindow = (int) Math.max(sender.maxWin, 66_000);
        boolean ackNotTooOld = after(sack, receiver.end - ackWindow - 1);
        boolean ackNotTooNew = before(sack, receiver.end + 1);
        boolean endInWindow = after(end, sender.end - (int) receiver.maxWin - 1);
        if (!before(seq, sender.maxEnd + 1)) {
            long overshot = Integer.toUnsignedLong(end - sender.maxEnd + 1);
            if (receiver.maxWin != 0
                    && endInWindow
                    && ackNotTooOld
                    && ackNotTooNew
                    && overshot <= receiver.maxWin) {
                sender.end = end;
                sender.unacknowledged = true;
                return sender.liberal ? Result.ACCEPT : Result.PASS;
            }
            return sender.liberal ? Result.ACCEPT : Result.INVALID;
        }
        if (!ackNotTooNew) {
            return sender.liberal ? Result.ACCEPT : Result.INVALID;
        }
        if ((receiver.maxWin != 0 && !endInWindow) || !ackNotTooOld) {
            return sender.liberal ? Result.ACCEPT : Result.PASS;
        }
        long win = s.syn ? s.win : s.win << sender.scale;
        sender.maxWin = Math.max(sender.maxWin, win + (sack - ack) & 0xffff_ffffL);
        if (after(end, sender.end)) {
            sender.end = end;
            sender.unacknowledged = true;
        }
        if (s.hasAck && (!sender.maxAckSet || after(ack, sender.maxAck))) {
            sender.maxAck = ack;
            sender.maxAckSet = true;
        }
        if (receiver.maxWin != 0 && after(end, sender.maxEnd)) {
            receiver.maxWin += end - sender.maxEnd;
        }
        if (after(sack + (int) win, receiver.maxEnd - 1)) {
            receiver.maxEnd = sack + (int) win + (win == 0 ? 1 : 0);
        }
        if (ack == receiver.end) {
            receiver.unacknowledged = false;
        }
        if (s.kind == Kind.ACK) {
            boolean same =
                    lastDirection == direction
                            && lastSeq == seq
                            && lastAck == ack
                            && lastEnd == end
                            && lastWin == s.win;
            retrans = same ? retrans + 1 : 0;
            lastDirection = direction;
            lastSeq = seq;
            lastAck = ack;
            lastEnd = end;
            lastWin = s.win;
        }
        return Result.ACCEPT;
    }

    private static void options(Side side, PacketView p) {
        if (p.tcpHeaderLength() == 20) {
            return;
        }
        side.wantsScale = false;
        side.sack = false;
        side.closeInit = false;
        side.unacknowledged = false;
        side.maxAckSet = false;
        side.scale = 0;
        each(
                p,
                (kind, at, length) -> {
                    if (kind == 4 && length == 2) {
                        side.sack = true;
                    } else if (kind == 3 && length == 3) {
                        side.wantsScale = true;
                        side.scale = Math.min(14, p.u8(at + 2));
                    }
                });
    }

    private static int sack(PacketView p, int ack) {
        int[] highest = {ack};
        boolean[] done = {false};
        each(
                p,
                (kind, at, length) -> {
                    if (kind == 5 && length >= 10 && (length - 2) % 8 == 0 && !done[0]) {
                        done[0] = true;
                        for (long block = at + 2; block < at + length; block += 8) {
                            int right = 0;
                            for (int i = 4; i < 8; i++) {
                                right = right << 8 | p.u8(block + i);
                            }
                            highest[0] = after(right, highest[0]) ? right : highest[0];
                        }
                    }
                });
        return highest[0];
    }

    private interface Option {
        void option(int kind, long at, int length);
    }

    private static void each(PacketView p, Option option) {
        long at = p.transportStart() + 20;
        long stop = p.transportStart() + p.tcpHeaderCaptured();
        while (at < stop && p.u8(at) != 0) {
            if (p.u8(at) == 1) {
                at++;
                continue;
            }
            int length = at + 1 < stop ? p.u8(at + 1) : 0;
            if (length < 2 || at + length > stop) {
                return;
            }
            option.option(p.u8(at), at, length);
            at += length;
        }
    }
}
