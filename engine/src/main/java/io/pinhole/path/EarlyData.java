package io.pinhole.path;

import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * What SYNs and SYN-ACKs of control connections carried (RFC 9293 section 3.4, RFC 7413), until the
 * handshake shows whether it was taken. Of few handshakes and a short time only: a SYN makes no
 * session, and a flood of them no memory.
 */
final class EarlyData {
    /** Bytes that all rings of a run keep together. */
    static final int MAX_BYTES = 256 << 10;

    private static final int MOST = 64;

    private static final class Piece {
        final int serial;
        final boolean client;
        final int sequence;
        final byte[] bytes;

        Piece(int serial, boolean client, int sequence, byte[] bytes) {
            this.serial = serial;
            this.client = client;
            this.sequence = sequence;
            this.bytes = bytes;
        }
    }

    private final ArrayDeque<Piece> pieces = new ArrayDeque<>();
    private final int limit;
    private int held;

    /**
     * @param shards that share the bytes
     */
    EarlyData(int shards) {
        limit = MAX_BYTES / shards;
    }

    /**
     * Keeps a payload; the oldest make room.
     *
     * @return false if it cannot be kept, because it was cut or is too long
     */
    boolean keep(int serial, boolean client, PacketView p) {
        int length = p.payloadLength();
        if (p.payloadCaptured() < length || length > limit) {
            return false;
        }
        byte[] bytes = new byte[length];
        MemorySegment.copy(p.data(), p.payloadStart(), MemorySegment.ofArray(bytes), 0, length);
        pieces.add(new Piece(serial, client, p.tcpSequence(), bytes));
        held += length;
        while (held > limit || pieces.size() > MOST) {
            held -= pieces.remove().bytes.length;
        }
        return true;
    }

    /** What was kept of the SYN with this sequence number; null if it was not, or no longer. */
    byte @Nullable [] of(int serial, boolean client, int sequence) {
        for (Piece piece : pieces) {
            if (piece.serial == serial && piece.client == client && piece.sequence == sequence) {
                return piece.bytes;
            }
        }
        return null;
    }

    /** Forgets what came with a handshake. */
    void forget(int serial) {
        if (pieces.removeIf(piece -> piece.serial == serial)) {
            held = pieces.stream().mapToInt(piece -> piece.bytes.length).sum();
        }
    }

    int bytes() {
        return held;
    }
}
