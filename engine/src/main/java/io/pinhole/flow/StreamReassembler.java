package io.pinhole.flow;

import io.pinhole.core.Anomaly;
import java.lang.foreign.MemorySegment;

/**
 * One direction of a control connection's TCP stream, put in sequence order (RFC 9293 section
 * 3.10). Owned by one shard.
 *
 * <p>There is one stream, whatever is sent: of two segments that carry different bytes for the same
 * sequence number the first one seen counts, and the second is reported as {@link Anomaly#OVERLAP}
 * (Ptacek and Newsham, "Insertion, Evasion, and Denial of Service", section 5.4). To see that,
 * bytes that were handed out stay known until they are acknowledged, at most {@value #MAX_HISTORY}
 * of them.
 *
 * <p>Bytes in order are handed out where they lie. Bytes out of order are copied, at most {@code
 * limit} bytes ahead and in at most {@value #MAX_PIECES} pieces. A hole counts as lost when the
 * receiver acknowledges what comes after it, or when no more can be held behind it. A direction
 * whose bytes are all handed out and acknowledged holds no memory.
 *
 * <p>Sequence numbers wrap; of the SYN and FIN the caller takes care ({@code SYN} counts one).
 */
public final class StreamReassembler {
    /** Takes the stream. Must not call back into the reassembler. */
    public interface Sink {
        /**
         * The next bytes of the stream; valid during the call.
         *
         * @param position of the segment that brought them
         */
        void data(MemorySegment data, long offset, int length, long position);

        /**
         * The next bytes of the stream will never be known.
         *
         * @param why {@code STREAM_GAP}: never seen; {@code REASSEMBLY_FULL}: too much was waiting
         *     behind them; {@code SNAP_LENGTH}: the capture lacks them
         * @param length number of bytes
         * @param position of the segment that showed it
         */
        void gap(Anomaly why, int length, long position);

        /**
         * Something odd that leaves the stream as it is: {@code OVERLAP}, once a segment; {@code
         * REASSEMBLY_FULL}, when a segment had to be left out, or when there was no memory to
         * remember what was handed out (it is left out when it comes again); {@code OUT_OF_WINDOW},
         * when a segment begins before the stream does.
         */
        void anomaly(Anomaly kind, long position);
    }

    /**
     * Handed-out, unacknowledged bytes that stay comparable. Where the receiver's acknowledgements
     * are seen, no more than these are taken before it has acknowledged some.
     */
    static final int MAX_HISTORY = 65_536;

    /** Pieces held out of order; more would let one-byte segments make each insertion dear. */
    static final int MAX_PIECES = 512;

    // RFC 7323 section 2.3: no window is larger.
    private static final int MAX_WINDOW = 1 << 30;

    private final int limit;
    private final StreamPieces pieces;
    private final StreamHistory history;
    private boolean started;

    /** Sequence number of the first byte; the first of all where {@link #fromStart}. */
    private int begin;

    private boolean fromStart;

    /** Sequence number of the next byte to hand out. */
    private int expected;

    /** Sequence number after the last byte taken. */
    private int highest;

    /** Where the receiver expects the stream to go on, as far as it has said. */
    private int acknowledged;

    /** Before this, handed-out bytes were not remembered, for want of memory. */
    private int forgotten;

    /** The receiver has said so: before that, nothing is known of what it has. */
    private boolean heard;

    /**
     * @param limit bytes ahead of the stream that are held, Limits.reassemblyBytes
     */
    public StreamReassembler(StreamBuffers buffers, int limit) {
        this.limit = Math.min(limit, MAX_WINDOW);
        pieces = new StreamPieces(buffers);
        history = new StreamHistory(buffers, MAX_HISTORY);
    }

    /**
     * Begins a stream, ending any other.
     *
     * @param initialSequence of the first byte: that of the SYN plus one. The receiver reads
     *     nothing before it, so that a segment from there is no part of this stream.
     */
    public void start(int initialSequence) {
        pickUp(initialSequence);
        fromStart = true;
    }

    /**
     * Begins a stream in its middle, ending any other.
     *
     * @param sequence of the first segment seen
     */
    public void pickUp(int sequence) {
        close();
        begin = sequence;
        fromStart = false;
        expected = sequence;
        highest = sequence;
        acknowledged = sequence;
        forgotten = sequence;
        heard = false;
        history.restart(sequence);
        started = true;
    }

    public boolean isStarted() {
        return started;
    }

    /** Sequence number of the next byte to hand out. */
    public int expected() {
        return expected;
    }

    /** True if bytes wait behind a hole. */
    public boolean isWaiting() {
        return !pieces.isEmpty();
    }

    /**
     * Takes the payload of one segment.
     *
     * @param sequence of its first byte
     * @param capturedLength bytes present at {@code offset}
     * @param wireLength bytes the payload had on the wire; 0 changes nothing
     * @param position handed to the sink with what becomes of these bytes
     * @return false if some of its bytes were not taken: others were seen in their place, or they
     *     could not be held or compared, or they come before the stream's first. A gateway that
     *     forwards it all the same lets the receiver read another stream than this one.
     */
    public boolean segment(
            int sequence,
            MemorySegment data,
            long offset,
            int capturedLength,
            int wireLength,
            long position,
            Sink sink) {
        if (!started) {
            throw new IllegalStateException("no stream was started");
        }
        if (wireLength <= 0) {
            return true;
        }
        int captured = Math.min(capturedLength, wireLength);
        if (wireLength > MAX_WINDOW || !makeRoom(sequence, wireLength, position, sink)) {
            sink.anomaly(Anomaly.REASSEMBLY_FULL, position);
            return false;
        }
        int end = sequence + wireLength;
        if (fromStart && sequence - begin < 0 && !(heard && acknowledged - begin >= 0)) {
            // The receiver may read these bytes, and they are no part of this stream.
            sink.anomaly(Anomaly.OUT_OF_WINDOW, position);
            return false;
        }
        if (heard && (end - acknowledged > MAX_HISTORY || isForgotten(sequence, end))) {
            sink.anomaly(Anomaly.REASSEMBLY_FULL, position);
            return false;
        }
        int delivered = expected - sequence;
        boolean differs =
                delivered > 0
                        && history.differs(sequence, data, offset, Math.min(captured, delivered));
        boolean taken = true;
        if (delivered < 0) {
            differs |= differsFromHeld(sequence, data, offset, captured);
            taken = hold(sequence, data, offset, captured, end, position);
        } else if (delivered < wireLength) {
            differs |= differsFromHeld(sequence, data, offset, captured);
            deliver(sequence, data, offset, captured, end, position, sink);
        }
        if (taken && end - highest > 0) {
            highest = end;
        }
        if (differs) {
            sink.anomaly(Anomaly.OVERLAP, position);
        }
        if (!taken) {
            sink.anomaly(Anomaly.REASSEMBLY_FULL, position);
        }
        return taken && !differs;
    }

    /**
     * The other side acknowledged everything before {@code ack}: what is still missing there will
     * not be sent again. An acknowledgement of bytes that were never seen is ignored, so that
     * nobody can talk the stream past what its sender has yet to say.
     *
     * @param position of the acknowledging segment
     */
    public void acknowledged(int ack, long position, Sink sink) {
        // A FIN counts one.
        if (!started || ack - highest > 1) {
            return;
        }
        if (!heard || ack - acknowledged > 0) {
            acknowledged = ack;
            heard = true;
        }
        int end = ack - highest > 0 ? highest : ack;
        while (end - expected > 0) {
            int to = !pieces.isEmpty() && pieces.start(0) - end < 0 ? pieces.start(0) : end;
            skip(Anomaly.STREAM_GAP, to, position, sink);
            drain(sink);
        }
        pieces.releaseIfEmpty();
        history.forget(end);
    }

    /** Ends the stream and hands back its memory; what waits behind a hole is not handed out. */
    public void close() {
        started = false;
        pieces.release();
        history.restart(expected);
    }

    /**
     * Gives up holes until the segment can be held.
     *
     * @return false if it is too far ahead
     */
    private boolean makeRoom(int sequence, int wireLength, long position, Sink sink) {
        // One stray segment must not cost what waits.
        if (sequence - expected > 0 && sequence - highest > limit) {
            return false;
        }
        while (sequence - expected > 0) {
            boolean fits = (long) (sequence - expected) + wireLength <= limit;
            if (fits && pieces.count() < MAX_PIECES) {
                return true;
            }
            if (pieces.isEmpty()) {
                return false;
            }
            skip(Anomaly.REASSEMBLY_FULL, pieces.start(0), position, sink);
            drain(sink);
        }
        pieces.releaseIfEmpty();
        return true;
    }

    /** Whether some of these bytes were handed out, may come again, and cannot be compared. */
    private boolean isForgotten(int sequence, int end) {
        int from = sequence - acknowledged > 0 ? sequence : acknowledged;
        int to = end - forgotten < 0 ? end : forgotten;
        return to - from > 0;
    }

    private boolean differsFromHeld(int sequence, MemorySegment data, long offset, int captured) {
        int end = sequence + captured;
        for (int i = pieces.firstEndingAfter(sequence);
                i < pieces.count() && pieces.start(i) - end < 0;
                i++) {
            if (pieces.differs(i, sequence, data, offset, captured)) {
                return true;
            }
        }
        return false;
    }

    /** Keeps those bytes of an early segment that are not held yet. */
    private boolean hold(
            int sequence, MemorySegment data, long offset, int captured, int end, long position) {
        int capturedEnd = sequence + captured;
        int at = sequence;
        int i = pieces.firstEndingAfter(sequence);
        while (end - at > 0) {
            if (i < pieces.count() && pieces.start(i) - at <= 0) {
                at = pieces.end(i++);
                continue;
            }
            int to = i < pieces.count() && pieces.start(i) - end < 0 ? pieces.start(i) : end;
            boolean known = capturedEnd - at > 0;
            if (known && capturedEnd - to < 0) {
                to = capturedEnd;
            }
            boolean held =
                    pieces.count() < MAX_PIECES
                            && (known
                                    ? pieces.insert(
                                            i,
                                            at,
                                            data,
                                            offset + (at - sequence),
                                            to - at,
                                            position)
                                    : pieces.insertUnknown(i, at, to - at, position));
            if (!held) {
                return false;
            }
            i++;
            at = to;
        }
        return true;
    }

    /** Hands out a segment that begins at or before the expected byte, and what waited for it. */
    private void deliver(
            int sequence,
            MemorySegment data,
            long offset,
            int captured,
            int end,
            long position,
            Sink sink) {
        int capturedEnd = sequence + captured;
        while (end - expected > 0) {
            int to = !pieces.isEmpty() && pieces.start(0) - end < 0 ? pieces.start(0) : end;
            int known = (capturedEnd - to < 0 ? capturedEnd : to) - expected;
            if (known > 0) {
                handOut(data, offset + (expected - sequence), known, position, sink);
            }
            if (to - expected > 0) {
                skip(Anomaly.SNAP_LENGTH, to, position, sink);
            }
            drain(sink);
        }
        pieces.releaseIfEmpty();
    }

    /** Hands out the pieces whose turn has come. */
    private void drain(Sink sink) {
        while (!pieces.isEmpty() && pieces.start(0) == expected) {
            int length = pieces.length(0);
            long position = pieces.position(0);
            if (pieces.isKnown(0)) {
                handOut(pieces.bytes(), pieces.place(0), length, position, sink);
            } else {
                skip(Anomaly.SNAP_LENGTH, expected + length, position, sink);
            }
            pieces.removeFirst();
        }
    }

    private void handOut(MemorySegment data, long offset, int length, long position, Sink sink) {
        sink.data(data, offset, length, position);
        boolean remembered = history.append(data, offset, length);
        expected += length;
        if (!remembered) {
            forgotten = expected;
            sink.anomaly(Anomaly.REASSEMBLY_FULL, position);
        }
    }

    private void skip(Anomaly why, int to, long position, Sink sink) {
        sink.gap(why, to - expected, position);
        expected = to;
        history.restart(to);
    }
}
