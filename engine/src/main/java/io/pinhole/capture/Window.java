package io.pinhole.capture;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * The part of a byte stream that can be looked at: all of it for a mapped file, a re-used buffer
 * for a pipe or a compressed file. Readers of formats see no difference. One thread.
 *
 * <p>The buffer grows only as bytes arrive, so a length field alone cannot make it allocate.
 */
@SuppressWarnings("MustBeClosedChecker") // the arenas live as long as the window, which closes them
final class Window implements AutoCloseable {
    /** Native order; readers swap where the file was written the other way round. */
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;

    static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;
    static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    static final boolean NATIVE_BIG_ENDIAN = ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN;

    private static final int INITIAL_CAPACITY = 256 * 1024;

    private final @Nullable ReadableByteChannel channel;
    private Arena arena;
    private MemorySegment segment;
    private long base;
    private long at;
    private long limit;
    private boolean ended;
    private @Nullable String failure;

    private Window(
            @Nullable ReadableByteChannel channel, Arena arena, MemorySegment segment, long limit) {
        this.channel = channel;
        this.arena = arena;
        this.segment = segment;
        this.limit = limit;
        this.ended = channel == null;
    }

    /** Maps a whole file; the channel may be closed afterwards. */
    static Window mapped(FileChannel file) throws IOException {
        Arena arena = Arena.ofShared();
        try {
            long size = file.size();
            MemorySegment all = file.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            return new Window(null, arena, all, size);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** Reads a channel as bytes are asked for; closes it when closed itself. */
    static Window streamed(ReadableByteChannel channel) {
        Arena arena = Arena.ofShared();
        return new Window(channel, arena, arena.allocate(INITIAL_CAPACITY), 0);
    }

    /** Whether {@code bytes} more are there; reads on where that is possible. */
    boolean has(long bytes) {
        return limit - at >= bytes || fill(bytes);
    }

    /** Bytes that {@link #has} found so far. */
    long available() {
        return limit - at;
    }

    MemorySegment segment() {
        return segment;
    }

    /** Index of the next byte in {@link #segment()}; changes with {@link #has}. */
    long at() {
        return at;
    }

    /** Offset of the next byte in the (uncompressed) stream. */
    long offset() {
        return base + at;
    }

    /** Steps over bytes that {@link #has} has confirmed. */
    void advance(long bytes) {
        at += bytes;
    }

    /** Steps over bytes unseen, without keeping them; false if the input ends before. */
    boolean skip(long bytes) {
        long left = bytes;
        while (left > limit - at) {
            left -= limit - at;
            at = limit;
            if (!fill(1)) {
                return false;
            }
        }
        at += left;
        return true;
    }

    /** Why the input ended, if not because it was complete. */
    @Nullable String failure() {
        return failure;
    }

    boolean isMapped() {
        return channel == null;
    }

    private boolean fill(long bytes) {
        if (channel == null || ended) {
            return false;
        }
        keepOnlyUnread();
        while (limit < bytes) {
            if (limit == segment.byteSize()) {
                grow(bytes);
            }
            if (!readOnce(channel)) {
                ended = true;
                return false;
            }
        }
        return true;
    }

    private boolean readOnce(ReadableByteChannel from) {
        try {
            ByteBuffer room = segment.asSlice(limit).asByteBuffer();
            int read = from.read(room);
            if (read < 0) {
                return false;
            }
            limit += read;
            return true;
        } catch (IOException e) {
            failure = Text.reason(e);
            return false;
        }
    }

    private void keepOnlyUnread() {
        long unread = limit - at;
        MemorySegment.copy(segment, at, segment, 0, unread);
        base += at;
        at = 0;
        limit = unread;
    }

    private void grow(long needed) {
        Arena larger = Arena.ofShared();
        MemorySegment room = larger.allocate(Math.min(needed, 2 * segment.byteSize()));
        MemorySegment.copy(segment, 0, room, 0, limit);
        arena.close();
        arena = larger;
        segment = room;
    }

    @Override
    public void close() {
        at = 0;
        limit = 0;
        ended = true;
        if (arena.scope().isAlive()) {
            arena.close();
        }
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // Nothing was written: a failing close loses nothing.
                failure = Text.reason(e);
            }
        }
    }
}
