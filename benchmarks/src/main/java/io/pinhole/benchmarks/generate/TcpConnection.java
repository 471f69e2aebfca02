package io.pinhole.benchmarks.generate;

import java.io.IOException;

/**
 * A TCP connection as a gateway sees it: both ends' numbers, and segments that a tracker which
 * checks windows calls valid (RFC 9293, RFC 7323). Side 0 opens.
 */
final class TcpConnection {
    static final int OPENER = 0;
    static final int ANSWERER = 1;

    /** What a side lets the other have under way, in bytes; no system below offers less. */
    private static final int WINDOW = 65_535;

    final Host[] hosts;
    final int[] ports;

    /** Payload of a full segment, in bytes. */
    final int mss;

    /** Number of its SYN in the capture, 0 if it is not there. */
    long firstPacket;

    /** True once all three packets of the handshake are in the capture. */
    boolean established;

    /** Payload bytes of both sides so far; repeated ones count once. */
    long octets;

    private final int[] next = new int[2];
    private final int[] scale = new int[2];
    private final int[] clock = new int[2];
    private final boolean timestamps;

    TcpConnection(Host from, int fromPort, Host to, int toPort, Dice dice) {
        hosts = new Host[] {from, to};
        ports = new int[] {fromPort, toPort};
        timestamps = from.system.timestamps && to.system.timestamps;
        if (from.system.scale >= 0 && to.system.scale >= 0) {
            scale[OPENER] = from.system.scale;
            scale[ANSWERER] = to.system.scale;
        }
        for (int side = OPENER; side <= ANSWERER; side++) {
            next[side] = (int) dice.bits();
            clock[side] = (int) dice.bits();
        }
        mss = maximum() - (timestamps ? 12 : 0);
    }

    private int maximum() {
        return hosts[OPENER].isV4() ? 1460 : 1440;
    }

    /** Number of the next byte that a side sends. */
    int next(int side) {
        return next[side];
    }

    /** Bytes a side may send before it must be answered. */
    int window(int side) {
        Host.System other = hosts[1 - side].system;
        return Math.min(other.synWindow, WINDOW);
    }

    /** Sends the SYN or, from the answerer, the SYN-ACK. */
    void syn(Frames frames, int side) throws IOException {
        next[side]++;
        repeatSyn(frames, side);
        if (side == OPENER) {
            firstPacket = frames.count();
        }
    }

    /** Sends the SYN or SYN-ACK once more. */
    void repeatSyn(Frames frames, int side) throws IOException {
        Host.System system = hosts[side].system;
        Host.System opener = hosts[OPENER].system;
        boolean clocked = system.timestamps && opener.timestamps;
        boolean scaled = system.scale >= 0 && opener.scale >= 0;
        int options = 4 + (clocked ? 12 : 4) + (scaled ? 4 : 0);
        int at = frames.payload() - options;
        frames.u32(at, 2 << 24 | 4 << 16 | maximum());
        at += 4;
        if (clocked) {
            frames.u32(at, 0x0402_080a); // SACK permitted; time stamps
            frames.u32(at + 4, clock(frames, side));
            frames.u32(at + 8, side == OPENER ? 0 : clock(frames, OPENER));
            at += 12;
        } else {
            frames.u32(at, 0x0101_0402);
            at += 4;
        }
        if (scaled) {
            frames.u32(at, 0x0103_0300 | system.scale);
        }
        boolean first = side == OPENER;
        frames.tcp(
                hosts[side],
                ports[side],
                hosts[1 - side],
                ports[1 - side],
                next[side] - 1,
                first ? 0 : next[OPENER],
                first ? Frames.SYN : Frames.SYN | Frames.ACK,
                system.synWindow,
                options,
                0);
    }

    /** Acknowledges everything the other side has sent. */
    void acknowledge(Frames frames, int side) throws IOException {
        send(frames, side, Frames.ACK, next[side], next[1 - side], 0);
    }

    /** Acknowledges up to {@code upTo}, because what follows is missing. */
    void acknowledge(Frames frames, int side, int upTo) throws IOException {
        send(frames, side, Frames.ACK, next[side], upTo, 0);
    }

    /** Asks whether the other side is still there (RFC 9293 section 3.8.4). */
    void keepAlive(Frames frames, int side) throws IOException {
        send(frames, side, Frames.ACK, next[side] - 1, next[1 - side], 0);
    }

    /** Sends a payload that is in place, at {@code sequence}. */
    void data(Frames frames, int side, int sequence, int length, boolean push) throws IOException {
        int end = sequence + length;
        if (end - next[side] > 0) {
            octets += end - next[side];
            next[side] = end;
        }
        int flags = push ? Frames.PSH | Frames.ACK : Frames.ACK;
        send(frames, side, flags, sequence, next[1 - side], length);
    }

    void finish(Frames frames, int side) throws IOException {
        next[side]++;
        send(frames, side, Frames.FIN | Frames.ACK, next[side] - 1, next[1 - side], 0);
    }

    void reset(Frames frames, int side) throws IOException {
        send(frames, side, Frames.RST | Frames.ACK, next[side], next[1 - side], 0);
    }

    /** The answer of a host that has nothing on this port. */
    void refuse(Frames frames) throws IOException {
        frames.tcp(
                hosts[1],
                ports[1],
                hosts[0],
                ports[0],
                0,
                next[0],
                Frames.RST | Frames.ACK,
                0,
                0,
                0);
    }

    private void send(
            Frames frames, int side, int flags, int sequence, int acknowledgement, int length)
            throws IOException {
        int options = 0;
        if (timestamps) {
            options = 12;
            int at = frames.payload() - options;
            frames.u32(at, 0x0101_080a);
            frames.u32(at + 4, clock(frames, side));
            frames.u32(at + 8, clock(frames, 1 - side));
        }
        frames.tcp(
                hosts[side],
                ports[side],
                hosts[1 - side],
                ports[1 - side],
                sequence,
                acknowledgement,
                flags,
                window(1 - side) >> scale[side],
                options,
                length);
    }

    /** A side's time stamp clock: milliseconds from a beginning of its own (RFC 7323). */
    private int clock(Frames frames, int side) {
        return clock[side] + (int) (frames.time() / 1_000_000);
    }
}
