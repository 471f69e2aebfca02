package io.pinhole.path;

import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RuleOrigin;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What must be remembered of a control connection before it carries anything: a SYN is no session
 * yet, and a flood of them must cost little. A ring: when it is full the oldest is forgotten, and
 * its connection, should it live, counts as taken up in mid-stream.
 */
final class Handshakes {
    /** Entries of a ring whose path is alone. */
    private static final int SIZE = 1 << 16;

    private static final byte[] NOTHING = {};

    // Bits for the client; one place above is the server's.
    private static final int CLIENT_SEEN = 1;
    private static final int CLIENT_CHECKSUM_UNKNOWN = 4;

    /** Its SYN carried data. */
    private static final int CLIENT_DATA = 16;

    /** Which data that was cannot be told. */
    private static final int CLIENT_DATA_UNKNOWN = 64;

    private long[] position = {};
    private long[] timeNanos = {};
    private int[] clientSequence = {};
    private int[] serverSequence = {};
    private int[] serverAcknowledged = {};
    private byte[] seen = {};
    private @Nullable RuleOrigin[] rule = {};
    private @Nullable Verdict[] verdict = {};
    private int next = 1;
    private final int size;
    private final EarlyData early;

    /**
     * @param limit control connections at one time
     * @param shards a power of two: this ring is one of so many
     */
    Handshakes(int limit, int shards) {
        size = size(limit, shards);
        early = new EarlyData(shards);
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
            serverAcknowledged = new int[size];
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
        int from = serial & other.size - 1;
        int to = copy & size - 1;
        clientSequence[to] = other.clientSequence[from];
        serverSequence[to] = other.serverSequence[from];
        serverAcknowledged[to] = other.serverAcknowledged[from];
        seen[to] = other.seen[from];
        for (boolean client : new boolean[] {true, false}) {
            if (bit(seen[to], client, CLIENT_DATA)) {
                mark(to, client, CLIENT_DATA_UNKNOWN); // its bytes stay where they are
            }
        }
        return copy;
    }

    /** False if it was overwritten since. */
    boolean knows(int serial) {
        return serial != 0 && position.length != 0 && next - serial > 0 && next - serial <= size;
    }

    /**
     * Notes the SYN or SYN-ACK of one side, and what it carries. The last one counts; bytes that
     * differ from those of the same SYN before count as unknown.
     *
     * @param checksumBad its checksum is wrong: the sender's hardware writes it later, unless
     *     another SYN of that side had a right one
     */
    void syn(int serial, boolean client, PacketView p, boolean checksumBad) {
        if (!knows(serial)) {
            return;
        }
        int i = serial & size - 1;
        boolean again = sawSyn(serial, client);
        if (again && sequence(serial, client) != p.tcpSequence()) {
            clear(i, client, CLIENT_DATA);
            clear(i, client, CLIENT_DATA_UNKNOWN);
        }
        if (!checksumBad) {
            clear(i, client, CLIENT_CHECKSUM_UNKNOWN);
        } else if (!again) {
            mark(i, client, CLIENT_CHECKSUM_UNKNOWN);
        }
        note(i, client, p.tcpSequence());
        if (!client) {
            serverAcknowledged[i] = p.tcpAcknowledgement();
        }
        if (p.payloadLength() > 0) {
            carried(serial, client, p);
        }
    }

    /** Notes where a client's stream begins whose SYN went by unnoticed. */
    void client(int serial, int sequence, boolean checksumUnknown) {
        if (knows(serial)) {
            int i = serial & size - 1;
            note(i, true, sequence);
            if (checksumUnknown) {
                mark(i, true, CLIENT_CHECKSUM_UNKNOWN);
            }
        }
    }

    private void note(int i, boolean client, int sequence) {
        (client ? clientSequence : serverSequence)[i] = sequence;
        mark(i, client, CLIENT_SEEN);
    }

    private void carried(int serial, boolean client, PacketView p) {
        int i = serial & size - 1;
        if (bit(seen[i], client, CLIENT_DATA)) {
            byte[] before = early.of(serial, client, p.tcpSequence());
            if (before == null || !same(before, p)) {
                mark(i, client, CLIENT_DATA_UNKNOWN);
            }
            return;
        }
        mark(i, client, CLIENT_DATA);
        if (!early.keep(serial, client, p)) {
            mark(i, client, CLIENT_DATA_UNKNOWN);
        }
    }

    private static boolean same(byte[] before, PacketView p) {
        return p.payloadCaptured() == before.length
                && p.payloadLength() == before.length
                && MemorySegment.mismatch(
                                MemorySegment.ofArray(before),
                                0,
                                before.length,
                                p.data(),
                                p.payloadStart(),
                                p.payloadStart() + before.length)
                        < 0;
    }

    /**
     * Sequence number of the first byte behind a side's SYN. For the client the server's SYN-ACK
     * has the last word: of several SYNs it answers one.
     */
    int first(int serial, boolean client) {
        int first = sequence(serial, client) + 1;
        if (!client || !sawSyn(serial, false)) {
            return first;
        }
        int taken = serverAcknowledged[serial & size - 1] - first;
        return taken > 0 && taken <= dataLength(serial, true) ? first : first + taken;
    }

    /**
     * What was sent with a side's SYN and taken; empty if nothing was, null if that cannot be said.
     */
    byte @Nullable [] data(int serial, boolean client) {
        boolean carried = bit(seen[serial & size - 1], client, CLIENT_DATA);
        byte[] data = known(serial, client);
        if (!client) {
            return carried ? data : NOTHING;
        }
        if (!sawSyn(serial, false)) {
            return carried ? null : NOTHING;
        }
        int taken = serverAcknowledged[serial & size - 1] - sequence(serial, true) - 1;
        if (taken == 0) {
            return NOTHING;
        }
        boolean possible = data != null && taken > 0 && taken <= data.length;
        return possible ? Arrays.copyOf(data, taken) : null;
    }

    private int dataLength(int serial, boolean client) {
        byte[] data = known(serial, client);
        return data == null ? 0 : data.length;
    }

    private byte @Nullable [] known(int serial, boolean client) {
        return bit(seen[serial & size - 1], client, CLIENT_DATA_UNKNOWN)
                ? null
                : early.of(serial, client, sequence(serial, client));
    }

    /** A session has taken over what is known. */
    void over(int serial) {
        early.forget(serial);
    }

    /** Bytes of SYNs that are kept. */
    int earlyBytes() {
        return early.bytes();
    }

    /** Bits of the server are one place above those of the client. */
    private static boolean bit(byte of, boolean client, int clientBit) {
        return (of & (client ? clientBit : clientBit << 1)) != 0;
    }

    private void mark(int i, boolean client, int clientBit) {
        seen[i] |= (byte) (client ? clientBit : clientBit << 1);
    }

    private void clear(int i, boolean client, int clientBit) {
        seen[i] &= (byte) ~(client ? clientBit : clientBit << 1);
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
        return bit(seen[serial & size - 1], client, CLIENT_SEEN);
    }

    int sequence(int serial, boolean client) {
        return (client ? clientSequence : serverSequence)[serial & size - 1];
    }

    boolean checksumUnknown(int serial, boolean client) {
        return bit(seen[serial & size - 1], client, CLIENT_CHECKSUM_UNKNOWN);
    }
}
