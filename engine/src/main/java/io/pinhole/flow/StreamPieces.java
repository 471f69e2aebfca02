package io.pinhole.flow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.pinhole.flow.StreamBuffers.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Pieces of a stream that came before their turn, in sequence order and without overlap. Owned by
 * one {@link StreamReassembler}; holds no memory while empty.
 */
final class StreamPieces {
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    // One entry of the index.
    private static final int START = 0;
    private static final int LENGTH = START + 4;
    private static final int PLACE = LENGTH + 4;
    private static final int POSITION = PLACE + 4;
    private static final int ENTRY = POSITION + 8;

    /** Place of a piece whose bytes were not captured. */
    private static final int UNKNOWN = -1;

    private final StreamBuffers buffers;
    private static final byte[] NOTHING = new byte[0];

    private @Nullable Buffer indexBuffer;

    /** The bytes of {@link #indexBuffer}. */
    private byte[] index = NOTHING;

    private int first;
    private int count;

    private @Nullable Buffer bytes;
    private int bytesUsed;
    private int bytesHeld;

    StreamPieces(StreamBuffers buffers) {
        this.buffers = buffers;
    }

    int count() {
        return count;
    }

    boolean isEmpty() {
        return count == 0;
    }

    int start(int i) {
        return get(i, START);
    }

    int length(int i) {
        return get(i, LENGTH);
    }

    int end(int i) {
        return start(i) + length(i);
    }

    long position(int i) {
        return (long) LONG.get(index, (first + i) * ENTRY + POSITION);
    }

    boolean isKnown(int i) {
        return place(i) != UNKNOWN;
    }

    /** Offset of a known piece in {@link #bytes}. */
    int place(int i) {
        return get(i, PLACE);
    }

    /** The memory of known pieces, until the next change. */
    MemorySegment bytes() {
        return bytes == null ? MemorySegment.NULL : bytes.segment;
    }

    /** Number of the first piece that ends after {@code sequence}. */
    int firstEndingAfter(int sequence) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (end(middle) - sequence > 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /**
     * Inserts a piece of known bytes before piece {@code i}.
     *
     * @return false if there is no memory for it
     */
    boolean insert(
            int i, int sequence, MemorySegment data, long offset, int length, long position) {
        Buffer room = bytes;
        if (room == null || bytesUsed + length > room.bytes.length) {
            // The slack keeps a full store from being moved for each small segment.
            room = moveBytes(bytesHeld + (bytesHeld >> 2) + length);
        }
        if (room == null || !insertEntry(i, sequence, length, bytesUsed, position)) {
            releaseIfEmpty();
            return false;
        }
        MemorySegment.copy(data, JAVA_BYTE, offset, room.bytes, bytesUsed, length);
        bytesUsed += length;
        bytesHeld += length;
        return true;
    }

    /** As {@link #insert}, for bytes that were not captured. */
    boolean insertUnknown(int i, int sequence, int length, long position) {
        return insertEntry(i, sequence, length, UNKNOWN, position);
    }

    /** Whether piece {@code i} and the given bytes at {@code sequence} hold different bytes. */
    boolean differs(int i, int sequence, MemorySegment data, long offset, int length) {
        if (!isKnown(i)) {
            return false;
        }
        int from = sequence - start(i) > 0 ? sequence : start(i);
        int to = sequence + length - end(i) < 0 ? sequence + length : end(i);
        if (to - from <= 0) {
            return false;
        }
        long mine = (long) place(i) + (from - start(i));
        long other = offset + (from - sequence);
        int n = to - from;
        return MemorySegment.mismatch(bytes(), mine, mine + n, data, other, other + n) >= 0;
    }

    void removeFirst() {
        if (isKnown(0)) {
            bytesHeld -= length(0);
        }
        first++;
        count--;
    }

    /** Hands memory back once nothing is held; places of removed pieces are void then. */
    void releaseIfEmpty() {
        if (count == 0) {
            release();
        }
    }

    void release() {
        first = 0;
        count = 0;
        bytesUsed = 0;
        bytesHeld = 0;
        Buffer oldIndex = indexBuffer;
        if (oldIndex != null) {
            indexBuffer = null;
            index = NOTHING;
            buffers.give(oldIndex);
        }
        Buffer old = bytes;
        if (old != null) {
            bytes = null;
            buffers.give(old);
        }
    }

    private int get(int i, int field) {
        return (int) INT.get(index, (first + i) * ENTRY + field);
    }

    /** Moves what is held to the front of another buffer of at least {@code size} bytes. */
    private @Nullable Buffer moveBytes(int size) {
        Buffer room = buffers.take(size);
        if (room == null) {
            return null;
        }
        int used = 0;
        Buffer old = bytes;
        if (old != null) {
            for (int i = 0; i < count; i++) {
                if (isKnown(i)) {
                    System.arraycopy(old.bytes, place(i), room.bytes, used, length(i));
                    INT.set(index, (first + i) * ENTRY + PLACE, used);
                    used += length(i);
                }
            }
            buffers.give(old);
        }
        bytes = room;
        bytesUsed = used;
        return room;
    }

    private boolean insertEntry(int i, int sequence, int length, int place, long position) {
        if ((first + count + 1) * ENTRY > index.length && !makeRoomForEntry()) {
            return false;
        }
        int at = (first + i) * ENTRY;
        System.arraycopy(index, at, index, at + ENTRY, (count - i) * ENTRY);
        INT.set(index, at + START, sequence);
        INT.set(index, at + LENGTH, length);
        INT.set(index, at + PLACE, place);
        LONG.set(index, at + POSITION, position);
        count++;
        return true;
    }

    /** Moves the entries to the front, of a larger buffer if this one is full. */
    private boolean makeRoomForEntry() {
        byte[] from = index;
        Buffer old = indexBuffer;
        if ((count + 1) * ENTRY > from.length) {
            Buffer larger = buffers.take((count + 1) * ENTRY);
            if (larger == null) {
                return false;
            }
            indexBuffer = larger;
            index = larger.bytes;
        }
        System.arraycopy(from, first * ENTRY, index, 0, count * ENTRY);
        first = 0;
        if (old != null && old != indexBuffer) {
            buffers.give(old);
        }
        return true;
    }
}
