package io.pinhole.capture;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Buffers what the writers of capture files put out. One thread. */
final class LittleEndianOutput implements AutoCloseable {
    private static final int CAPACITY = 64 * 1024;

    private final OutputStream out;
    private final ByteBuffer buffer = ByteBuffer.allocate(CAPACITY).order(ByteOrder.LITTLE_ENDIAN);

    LittleEndianOutput(OutputStream out) {
        this.out = out;
    }

    LittleEndianOutput i16(int value) throws IOException {
        room(2).putShort((short) value);
        return this;
    }

    LittleEndianOutput i32(int value) throws IOException {
        room(4).putInt(value);
        return this;
    }

    LittleEndianOutput i64(long value) throws IOException {
        room(8).putLong(value);
        return this;
    }

    LittleEndianOutput bytes(byte[] source, int length) throws IOException {
        return bytes(MemorySegment.ofArray(source), 0, length);
    }

    LittleEndianOutput bytes(MemorySegment source, long from, int length) throws IOException {
        long at = from;
        long end = from + length;
        while (at < end) {
            int part = (int) Math.min(room(1).remaining(), end - at);
            MemorySegment.copy(
                    source, ValueLayout.JAVA_BYTE, at, buffer.array(), buffer.position(), part);
            buffer.position(buffer.position() + part);
            at += part;
        }
        return this;
    }

    /** Zeros up to the next multiple of four after {@code length} bytes. */
    LittleEndianOutput pad(int length) throws IOException {
        for (int i = length; (i & 3) != 0; i++) {
            room(1).put((byte) 0);
        }
        return this;
    }

    private ByteBuffer room(int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            drain();
        }
        return buffer;
    }

    private void drain() throws IOException {
        out.write(buffer.array(), 0, buffer.position());
        buffer.clear();
    }

    void flush() throws IOException {
        drain();
        out.flush();
    }

    @Override
    public void close() throws IOException {
        try (out) {
            flush();
        }
    }
}
