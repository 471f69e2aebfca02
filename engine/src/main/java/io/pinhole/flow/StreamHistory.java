package io.pinhole.flow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.pinhole.flow.StreamBuffers.Buffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The last bytes of a stream that were handed out and are not yet acknowledged: those that a
 * retransmission may still replace at the receiver. Owned by one {@link StreamReassembler}.
 */
final class StreamHistory {
    private final StreamBuffers buffers;
    private final int limit;
    private @Nullable Buffer ring;

    /** Sequence numbers of the oldest byte known and of the one after the newest. */
    private int from;

    private int to;

    /**
     * @param limit bytes, a power of two
     */
    StreamHistory(StreamBuffers buffers, int limit) {
        this.buffers = buffers;
        this.limit = limit;
    }

    /** Forgets everything; the next byte is {@code sequence}. */
    void restart(int sequence) {
        from = sequence;
        to = sequence;
        Buffer old = ring;
        if (old != null) {
            ring = null;
            buffers.give(old);
        }
    }

    /** Forgets what comes before {@code sequence}. */
    void forget(int sequence) {
        if (sequence - to >= 0) {
            restart(to);
        } else if (sequence - from > 0) {
            from = sequence;
        }
    }

    /**
     * Adds the next bytes, forgetting the oldest at the limit.
     *
     * @return false if there is no memory to remember them
     */
    boolean append(MemorySegment data, long offset, int length) {
        int end = to + length;
        int kept = Math.min(limit, to - from + Math.min(length, limit));
        Buffer room = ring;
        if (room == null || room.bytes.length < kept) {
            room = grow(kept);
            if (room == null) {
                restart(end);
                return false;
            }
        }
        int skipped = Math.max(0, length - limit);
        int at = to + skipped;
        while (at != end) {
            int index = at & room.bytes.length - 1;
            int n = Math.min(end - at, room.bytes.length - index);
            MemorySegment.copy(data, JAVA_BYTE, offset + (at - to), room.bytes, index, n);
            at += n;
        }
        to = end;
        from = end - kept;
        return true;
    }

    private @Nullable Buffer grow(int size) {
        Buffer larger = buffers.take(size);
        if (larger == null) {
            return null;
        }
        Buffer old = ring;
        if (old != null) {
            for (int at = from; at != to; at++) {
                larger.bytes[at & larger.bytes.length - 1] = old.bytes[at & old.bytes.length - 1];
            }
            buffers.give(old);
        }
        ring = larger;
        return larger;
    }

    /** Whether any of the bytes is known and was another. */
    boolean differs(int sequence, MemorySegment data, long offset, int length) {
        Buffer known = ring;
        if (known == null) {
            return false;
        }
        int at = sequence - from < 0 ? from : sequence;
        int end = sequence + length - to > 0 ? to : sequence + length;
        while (end - at > 0) {
            int index = at & known.bytes.length - 1;
            int n = Math.min(end - at, known.bytes.length - index);
            long other = offset + (at - sequence);
            if (MemorySegment.mismatch(known.segment, index, index + n, data, other, other + n)
                    >= 0) {
                return true;
            }
            at += n;
        }
        return false;
    }
}
