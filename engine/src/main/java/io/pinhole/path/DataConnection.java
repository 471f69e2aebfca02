package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RuleOrigin;

/** A data connection that was announced and came. Owned by its session. */
final class DataConnection {
    final Pinhole pinhole;
    final FlowKey key;
    final long position;
    final long timeNanos;
    final Verdict verdict;
    final RuleOrigin rule;

    /** Index in the registry; what the flow's tag holds. */
    int index = -1;

    /** Table entry is in the observer's tables, not in the tracker's. */
    boolean shadow;

    boolean settled;

    /** Not every packet of it is seen. */
    boolean offloaded;

    private long endNanos;
    private long bytes;
    // One bit a side, side 0 being the first packet's sender.
    private int begun;
    private int finished;
    private boolean reset;
    private final int[] next = new int[2];

    DataConnection(
            Pinhole pinhole,
            FlowKey key,
            long position,
            long timeNanos,
            Verdict verdict,
            RuleOrigin rule) {
        this.pinhole = pinhole;
        this.key = key;
        this.position = position;
        this.timeNanos = timeNanos;
        this.verdict = verdict;
        this.rule = rule;
        endNanos = timeNanos;
    }

    /** Follows one packet; {@code side} is 0 for the sender of the first packet. */
    void packet(int flags, int sequence, int payloadLength, int side, long now) {
        int bit = 1 << side;
        int start = sequence + ((flags & PacketView.SYN) != 0 ? 1 : 0);
        int end = start + payloadLength;
        if ((begun & bit) == 0) {
            begun |= bit;
            next[side] = start;
        }
        if (end - next[side] > 0
                || (offloaded && (flags & PacketView.FIN) != 0 && (finished & bit) == 0)) {
            // What was lost on its way to the capture, or carried by the kernel, was transferred
            // all the same; the kernel may have carried more than 2 GiB.
            bytes += offloaded ? Integer.toUnsignedLong(end - next[side]) : end - next[side];
            next[side] = end;
        }
        if ((flags & PacketView.FIN) != 0) {
            finished |= bit;
            if (next[side] == end) {
                next[side]++; // FIN has a sequence number, but is no byte
            }
        }
        if ((flags & PacketView.RST) != 0 && !hasEnded()) {
            reset = true;
        }
        endNanos = now;
    }

    /** True once both sides have said FIN, or one RST. */
    boolean hasEnded() {
        return reset || finished == 3;
    }

    long bytes() {
        return bytes;
    }

    long endNanos() {
        return endNanos;
    }

    /** The server's word counts; where it was not heard, an orderly close does. */
    boolean isComplete() {
        int code = pinhole.replyCode;
        if (code != 0) {
            return code / 100 == 2;
        }
        return finished != 0 && !reset;
    }
}
