package io.pinhole.capture.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An array of {@code struct mmsghdr} with one {@code iovec} each, for recvmmsg(2) and sendmmsg(2):
 * 64 bytes a message, of which msg_iov at 16, msg_iovlen at 24, msg_control at 32, msg_controllen
 * at 40, msg_flags at 48 and msg_len at 56.
 */
final class MessageBatch {
    static final int SIZE = 64;
    private static final int NAME = 0;
    private static final int NAME_LENGTH = 8;
    private static final int IOV = 16;
    private static final int IOV_COUNT = 24;
    private static final int CONTROL = 32;
    private static final int CONTROL_LENGTH = 40;
    private static final int FLAGS = 48;
    private static final int LENGTH = 56;
    private static final int IOV_SIZE = 16;

    final MemorySegment headers;
    private final MemorySegment vectors;

    MessageBatch(Arena arena, int count) {
        headers = arena.allocate((long) count * SIZE, 8);
        vectors = arena.allocate((long) count * IOV_SIZE, 8);
        for (int i = 0; i < count; i++) {
            long at = (long) i * SIZE;
            headers.set(ValueLayout.ADDRESS, at + IOV, vectors.asSlice((long) i * IOV_SIZE));
            headers.set(ValueLayout.JAVA_LONG, at + IOV_COUNT, 1);
        }
    }

    /** Points message {@code i} at {@code length} bytes of a buffer. */
    void point(int i, MemorySegment buffer, long from, long length) {
        long at = (long) i * IOV_SIZE;
        vectors.set(ValueLayout.JAVA_LONG, at, buffer.address() + from);
        vectors.set(ValueLayout.JAVA_LONG, at + 8, length);
    }

    void address(int i, MemorySegment address) {
        headers.set(ValueLayout.ADDRESS, (long) i * SIZE + NAME, address);
        headers.set(ValueLayout.JAVA_INT, (long) i * SIZE + NAME_LENGTH, (int) address.byteSize());
    }

    /** To be repeated before each receive: the kernel shortens the length. */
    void control(int i, MemorySegment buffer, long from, long length) {
        headers.set(ValueLayout.JAVA_LONG, (long) i * SIZE + CONTROL, buffer.address() + from);
        headers.set(ValueLayout.JAVA_LONG, (long) i * SIZE + CONTROL_LENGTH, length);
    }

    long controlLength(int i) {
        return headers.get(ValueLayout.JAVA_LONG, (long) i * SIZE + CONTROL_LENGTH);
    }

    boolean truncated(int i) {
        return (headers.get(ValueLayout.JAVA_INT, (long) i * SIZE + FLAGS) & Sys.MSG_TRUNC) != 0;
    }

    int length(int i) {
        return headers.get(ValueLayout.JAVA_INT, (long) i * SIZE + LENGTH);
    }
}
