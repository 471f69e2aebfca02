package io.pinhole.path;

import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import org.jspecify.annotations.Nullable;

/**
 * What must be remembered of a control connection before it carries anything: a SYN is no session
 * yet, and a flood of them must cost little. A ring: when it is full the oldest is forgotten, and
 * its connection, should it live, counts as taken up in mid-stream.
 */
final class Handshakes {
    /** Entries of a ring whose path is alone. */
    private static final int SIZE = 1 << 16;

    private static final int CLIENT_SEEN = 1;
    private static final int SERVER_SEEN = 2;
    private static final int CLIENT_CHECKSUM_UNKNOWN = 4;
    private static final int SERVER_CHECKSUM_UNKNOWN = 8;

    private long[] position = {};
    private long[] timeNanos = {};
    private int[] clientSequence = {};
    private int[] serverSequence = {};
    private byte[] seen = {};
    private @Nullable RuleOrigin[] rule = {};
    private @Nullable Verdict[] verdict = {};
    private int next = 1;
    private final int size;

    /**
     * @param limit control connections at one time
     * @param shards a power of two: this ring is one of so many
     */
    Handshakes(int limit, int shards) {
        size = size(limit, shards);
    }

    /** Handshakes that are remembered. */
    static int size(int limit, int shards) {
        return Integer.highestOneBit(Math.clamp(2L * limit - 1, 64, SIZE / shards));
    }

    /**
     * @return the serial number to ask with; never 0
     */
    int begin(long at, long time, Verdict itsVerdict, RuleOrigin itsRule) {
        if (position.length == 0) {
            position = new long[size];
            timeNanos = new long[size];
            clientSequence = new int[size];
            serverSequence = new int[size];
            seen = new byte[size];
            rule = new RuleOrigin[size];
            verdict = new Verdict[size];
        }
        int serial = next++;
        if (next == 0) {
            next = 1;
        }
        int i = serial & size - 1;
        position[i] = at;
        timeNanos[i] = time;
        seen[i] = 0;
        rule[i] = itsRule;
        verdict[i] = itsVerdict;
        return serial;
    }

    /**
     * Takes over what another ring knows.
     *
     * @return the serial number here; 0 if the other knows nothing
     */
    int copy(Handshakes other, int serial) {
        if (!other.knows(serial)) {
            return 0;
        }
        int copy =
                begin(
                        other.position(serial),
                        other.timeNanos(serial),
                        other.verdict(serial),
                        other.rule(serial));
        int from = serial & SIZE - 1;
        int to = copy & SIZE - 1;
        clientSequence[to] = other.clientSequence[from];
        serverSequence[to] = other.serverSequence[from];
        seen[to] = other.seen[from];
        return copy;
    }

    /** False if it was overwritten since. */
    boolean knows(int serial) {
        return serial != 0 && position.length != 0 && next - serial > 0 && next - serial <= size;
    }

    /** Notes the SYN or SYN-ACK of one side; the last one counts. */
    void syn(int serial, boolean client, int sequence, boolean checksumUnknown) {
        if (!knows(serial)) {
            return;
        }
        int i = serial & size - 1;
        if (client) {
            clientSequence[i] = sequence;
            seen[i] |= CLIENT_SEEN;
            seen[i] |= checksumUnknown ? (byte) CLIENT_CHECKSUM_UNKNOWN : 0;
        } else {
            serverSequence[i] = sequence;
            seen[i] |= SERVER_SEEN;
            seen[i] |= checksumUnknown ? (byte) SERVER_CHECKSUM_UNKNOWN : 0;
        }
    }

    long position(int serial) {
        return position[serial & size - 1];
    }

    long timeNanos(int serial) {
        return timeNanos[serial & size - 1];
    }

    Verdict verdict(int serial) {
        Verdict v = verdict[serial & size - 1];
        return v == null ? Verdict.ACCEPT : v;
    }

    RuleOrigin rule(int serial) {
        RuleOrigin r = rule[serial & size - 1];
        return r == null ? RuleOrigin.NONE : r;
    }

    boolean sawSyn(int serial, boolean client) {
        return (seen[serial & size - 1] & (client ? CLIENT_SEEN : SERVER_SEEN)) != 0;
    }

    int sequence(int serial, boolean client) {
        return (client ? clientSequence : serverSequence)[serial & size - 1];
    }

    boolean checksumUnknown(int serial, boolean client) {
        int bit = client ? CLIENT_CHECKSUM_UNKNOWN : SERVER_CHECKSUM_UNKNOWN;
        return (seen[serial & size - 1] & bit) != 0;
    }
}
