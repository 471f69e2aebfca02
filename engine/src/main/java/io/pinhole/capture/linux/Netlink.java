package io.pinhole.capture.linux;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Netlink messages in memory (netlink(7), linux/netfilter/nfnetlink.h): a 16-byte header in host
 * order, the 4-byte nfgenmsg, then attributes of 4-byte headers and padded values.
 *
 * <p>A writer appends to one segment; reading is static. Sizes that a message claims are checked
 * against what is there.
 */
final class Netlink {
    static final int NETFILTER = 12; // NETLINK_NETFILTER
    static final int MESSAGE_ERROR = 2; // NLMSG_ERROR
    static final int MESSAGE_DONE = 3; // NLMSG_DONE
    static final int REQUEST = 1;
    static final int ACK = 4;
    static final int DUMP = 0x300;
    static final int NESTED = 0x8000;
    static final int TYPE_MASK = 0x3fff;

    // struct nlmsghdr
    static final int LENGTH = 0;
    static final int TYPE = LENGTH + 4;
    static final int FLAGS = TYPE + 2;
    static final int SEQUENCE = FLAGS + 2;
    static final int HEADER = SEQUENCE + 8;
    // struct nfgenmsg: family, version, resource id (big-endian)
    static final int FAMILY = HEADER;
    static final int RESOURCE = FAMILY + 2;
    static final int BODY = RESOURCE + 2;

    static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
    static final ValueLayout.OfShort BE16 = I16.withOrder(BIG_ENDIAN);
    static final ValueLayout.OfInt BE32 = I32.withOrder(BIG_ENDIAN);
    static final ValueLayout.OfLong BE64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);

    private final MemorySegment buffer;
    private long start;
    private long at;

    Netlink(MemorySegment buffer) {
        this.buffer = buffer;
    }

    MemorySegment buffer() {
        return buffer;
    }

    /** Bytes written so far, of all messages. */
    long length() {
        return at;
    }

    void clear() {
        at = 0;
    }

    Netlink begin(int type, int flags, int sequence, int family, int resource) {
        start = at;
        buffer.set(I32, start + LENGTH, 0);
        buffer.set(I16, start + TYPE, (short) type);
        buffer.set(I16, start + FLAGS, (short) flags);
        buffer.set(I32, start + SEQUENCE, sequence);
        buffer.set(I32, start + SEQUENCE + 4, 0);
        buffer.set(I8, start + FAMILY, (byte) family);
        buffer.set(I8, start + FAMILY + 1, (byte) 0);
        buffer.set(BE16, start + RESOURCE, (short) resource);
        at = start + BODY;
        return this;
    }

    Netlink end() {
        buffer.set(I32, start + LENGTH, (int) (at - start));
        return this;
    }

    private long header(int type, int valueLength) {
        buffer.set(I16, at, (short) (4 + valueLength));
        buffer.set(I16, at + 2, (short) type);
        long value = at + 4;
        at += 4 + (valueLength + 3 & ~3);
        return value;
    }

    Netlink u8(int type, int value) {
        long to = header(type, 1);
        buffer.set(I32, to, 0);
        buffer.set(I8, to, (byte) value);
        return this;
    }

    Netlink be16(int type, int value) {
        long to = header(type, 2);
        buffer.set(I32, to, 0);
        buffer.set(BE16, to, (short) value);
        return this;
    }

    Netlink be32(int type, int value) {
        buffer.set(BE32, header(type, 4), value);
        return this;
    }

    Netlink be32(int type, int first, int second) {
        long to = header(type, 8);
        buffer.set(BE32, to, first);
        buffer.set(BE32, to + 4, second);
        return this;
    }

    Netlink be64(int type, long high, long low) {
        long to = header(type, 16);
        buffer.set(BE64, to, high);
        buffer.set(BE64, to + 8, low);
        return this;
    }

    /** The value's length need not be a multiple of four. */
    Netlink bytes(int type, byte... value) {
        long to = header(type, value.length);
        MemorySegment.copy(value, 0, buffer, I8, to, value.length);
        for (long i = to + value.length; i < at; i++) {
            buffer.set(I8, i, (byte) 0);
        }
        return this;
    }

    /** Opens a nested attribute; hand the result to {@link #close}. */
    long open(int type) {
        long opened = at;
        header(type | NESTED, 0);
        return opened;
    }

    Netlink close(long opened) {
        buffer.set(I16, opened, (short) (at - opened));
        return this;
    }

    // ---- reading ----

    /** Length of the message at {@code at}, or -1 if what is left cannot hold one. */
    static int messageLength(MemorySegment in, long at, long end) {
        if (end - at < HEADER) {
            return -1;
        }
        int length = in.get(I32, at + LENGTH);
        return length < HEADER || length > end - at ? -1 : length;
    }

    static int type(MemorySegment in, long message) {
        return Short.toUnsignedInt(in.get(I16, message + TYPE));
    }

    /** Of an NLMSG_ERROR: 0 for an acknowledgement, else the positive error number. */
    static int error(MemorySegment in, long message, int length) {
        return length < HEADER + 4 ? 0 : -in.get(I32, message + HEADER);
    }

    /** Whether a whole attribute lies at {@code at}. */
    static boolean isAttribute(MemorySegment in, long at, long end) {
        if (end - at < 4) {
            return false;
        }
        int length = Short.toUnsignedInt(in.get(I16, at));
        return length >= 4 && length <= end - at;
    }

    static int attributeType(MemorySegment in, long at) {
        return in.get(I16, at + 2) & TYPE_MASK;
    }

    static int valueLength(MemorySegment in, long at) {
        return Short.toUnsignedInt(in.get(I16, at)) - 4;
    }

    /** Where the next attribute lies. */
    static long next(MemorySegment in, long at) {
        return at + (Short.toUnsignedInt(in.get(I16, at)) + 3 & ~3);
    }

    /** Where an attribute of this type lies between two places, or -1. */
    static long find(MemorySegment in, long from, long end, int type) {
        for (long at = from; isAttribute(in, at, end); at = next(in, at)) {
            if (attributeType(in, at) == type) {
                return at;
            }
        }
        return -1;
    }
}
