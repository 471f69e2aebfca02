package io.pinhole.flow;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Zeroed memory of one table that grows at its end. A small one moves when it grows; a large one
 * grows in place where the host can reserve address space, so that nothing has to be copied.
 */
@SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the region, which closes it
final class Region implements AutoCloseable {
    private static final long FIRST = 64 * 1024;

    /** From here on it is worth a system call, and huge pages. */
    private static final long LARGE = 2 << 20;

    private static final int LINE = 64;

    private final TableMemory source;
    private final long limit;
    private @Nullable Arena arena;
    private MemorySegment segment = MemorySegment.NULL;
    private boolean reserved;
    private long used;

    /**
     * @param limit bytes it may ever have
     */
    Region(TableMemory source, long limit) {
        this.source = source;
        this.limit = limit;
    }

    /** Changes when {@link #extend} has moved it. */
    MemorySegment segment() {
        return segment;
    }

    /** Bytes in use. */
    long used() {
        return used;
    }

    /** Bytes of memory held. */
    long held() {
        return reserved ? used : segment.byteSize();
    }

    /**
     * Takes more bytes at the end.
     *
     * @return where they begin
     */
    long extend(long bytes) {
        long start = used;
        used += bytes;
        if (used > segment.byteSize()) {
            move();
        }
        return start;
    }

    private void move() {
        if (used > limit) {
            throw new IllegalStateException(used + " bytes of a table of " + limit);
        }
        Arena next = Arena.ofShared();
        MemorySegment larger = used > LARGE ? source.reserve(limit, next) : null;
        reserved = larger != null;
        if (larger == null) {
            long size = Math.max(FIRST, segment.byteSize());
            while (size < used) {
                size *= 2;
            }
            larger = next.allocate(Math.min(size, Math.max(limit, LINE)), LINE);
        }
        MemorySegment.copy(segment, 0, larger, 0, segment.byteSize());
        close();
        arena = next;
        segment = larger;
    }

    @Override
    public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
