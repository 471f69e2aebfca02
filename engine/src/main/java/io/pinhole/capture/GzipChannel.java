package io.pinhole.capture;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * Unpacks gzip, also several members one after another (RFC 1952 section 2.2), with zeros after the
 * last (tapes). Unlike {@code GZIPInputStream} it never takes damage for the end of the data: what
 * is cut short, fails its checksum or is followed by something else ends in an IOException, after
 * all bytes before were read.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc1952">RFC 1952</a>
 */
final class GzipChannel implements ReadableByteChannel {
    static final int MAGIC_1 = 0x1f;
    static final int MAGIC_2 = 0x8b;

    private static final int DEFLATE = 8;
    private static final int HEADER_CRC = 0x02;
    private static final int EXTRA = 0x04;
    private static final int NAME = 0x08;
    private static final int COMMENT = 0x10;
    private static final int RESERVED = 0xe0;
    private static final int INPUT_CAPACITY = 64 * 1024;

    private final ReadableByteChannel source;
    private final ByteBuffer input = ByteBuffer.allocate(INPUT_CAPACITY).limit(0);
    private final Inflater inflater = new Inflater(true);
    private final CRC32 checksum = new CRC32();
    private long consumed;
    private int members;
    private boolean inMember;
    private boolean open = true;

    GzipChannel(ReadableByteChannel source) {
        this.source = source;
    }

    /** Compressed bytes read so far. */
    long consumed() {
        return consumed;
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (!inMember && !startMember()) {
                return -1;
            }
            int start = into.position();
            int length = inflate(into);
            if (length > 0) {
                checksum.update(into.duplicate().position(start).limit(start + length));
                return length;
            }
            if (inflater.finished()) {
                endMember();
            } else if (inflater.needsDictionary()) {
                throw new ZipException("gzip data is damaged: it asks for a dictionary");
            } else {
                requireInput();
                inflater.setInput(input);
            }
        }
        return 0;
    }

    private int inflate(ByteBuffer into) throws IOException {
        try {
            return inflater.inflate(into);
        } catch (DataFormatException e) {
            throw new ZipException("gzip data is damaged: " + e.getMessage());
        }
    }

    private boolean startMember() throws IOException {
        if (!hasInput()) {
            return false;
        }
        int first = u8();
        if (members > 0) {
            while (first == 0) {
                if (!hasInput()) {
                    return false;
                }
                first = u8();
            }
        }
        if (first != MAGIC_1 || u8() != MAGIC_2) {
            throw new ZipException("the gzip data is followed by something else");
        }
        if (u8() != DEFLATE) {
            throw new ZipException("gzip compression method is not deflate");
        }
        int flags = u8();
        if ((flags & RESERVED) != 0) {
            throw new ZipException("gzip header has reserved flags");
        }
        u32(); // modification time
        u16(); // extra flags, operating system
        if ((flags & EXTRA) != 0) {
            for (int left = u16(); left > 0; left--) {
                u8();
            }
        }
        if ((flags & NAME) != 0) {
            skipText();
        }
        if ((flags & COMMENT) != 0) {
            skipText();
        }
        if ((flags & HEADER_CRC) != 0) {
            u16();
        }
        inMember = true;
        members++;
        checksum.reset();
        inflater.reset();
        inflater.setInput(input);
        return true;
    }

    private void endMember() throws IOException {
        long sum = u32();
        long length = u32();
        if (sum != checksum.getValue() || length != (inflater.getBytesWritten() & 0xffff_ffffL)) {
            throw new ZipException("gzip data is damaged: its checksum is wrong");
        }
        inMember = false;
    }

    private void skipText() throws IOException {
        while (u8() != 0) {
            // until the NUL
        }
    }

    private long u32() throws IOException {
        return u16() | (long) u16() << 16;
    }

    private int u16() throws IOException {
        return u8() | u8() << 8;
    }

    private int u8() throws IOException {
        requireInput();
        return Byte.toUnsignedInt(input.get());
    }

    private void requireInput() throws IOException {
        if (!hasInput()) {
            throw new EOFException("gzip data is cut short");
        }
    }

    private boolean hasInput() throws IOException {
        while (!input.hasRemaining()) {
            input.clear();
            int read = source.read(input);
            input.flip();
            if (read < 0) {
                return false;
            }
            consumed += read;
        }
        return true;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void close() throws IOException {
        if (open) {
            open = false;
            inflater.end();
            source.close();
        }
    }
}
