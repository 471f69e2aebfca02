package io.pinhole.flow;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The entries of a {@link FlowTable}: their layout, and everything that reads and writes a field.
 *
 * <p>An entry is a hot cache line (key, TCP windows, verdict cache) and a cold one (marks,
 * counters, last-packet state); IPv6 puts its longer key into a line of its own before them. A flow
 * is named by its <em>handle</em>, the offset of its entry, which stays valid until the flow is
 * removed.
 */
abstract sealed class FlowEntries permits FlowTable {
    /** No such flow. */
    public static final long NONE = -1;

    // Flags of an entry.
    public static final int SEEN_REPLY = 1;
    public static final int ASSURED = 1 << 1;
    public static final int CONFIRMED = 1 << 2;

    /** The flow used an expectation: its original packets are related until a reply is seen. */
    public static final int EXPECTED = 1 << 3;

    /** A helper reads this flow. */
    public static final int HELPED = 1 << 4;

    /** {@link #tag} names a control session. */
    public static final int CONTROL = 1 << 5;

    /** {@link #tag} names a data connection. */
    public static final int DATA = 1 << 6;

    /** Taken up in mid-stream (tcp_loose). */
    public static final int MIDSTREAM = 1 << 7;

    /** A strict helper reset the connection: nothing of it passes any more. */
    public static final int CONDEMNED = 1 << 8;

    /**
     * The kernel carries the flow: only what begins or ends it is seen, and windows are no longer
     * known.
     */
    public static final int OFFLOADED = 1 << 9;

    /** The rules in force want to see every packet of the flow. */
    public static final int KEPT = 1 << 10;

    /** A timeout object of the rules' was assigned. */
    public static final int TIMED = 1 << 11;

    /** The fingerprint of a slot that is free or not yet entered. */
    static final int FREE = 0;

    // Key, at the start of the slot.
    static final int FINGERPRINT = 0;
    static final int V4_SOURCE = FINGERPRINT + 4;
    static final int V4_DESTINATION = V4_SOURCE + 4;
    static final int V4_PORTS = V4_DESTINATION + 4;
    static final int V6_PORTS = FINGERPRINT + 4;
    static final int V6_SOURCE = V6_PORTS + 4;
    static final int V6_DESTINATION = V6_SOURCE + 16;

    // Hot state, relative to the hot line (the slot itself for IPv4, 64 bytes on for IPv6).
    static final int DEADLINE = 16;
    static final int PROTOCOL = DEADLINE + 8;
    static final int STATE = PROTOCOL + 1;
    static final int FLAGS = STATE + 1;
    static final int VERDICT = FLAGS + 2;
    static final int WINDOWS = VERDICT + 4;
    static final int WINDOW_SIZE = 16;
    // Within a window:
    static final int END = 0;
    static final int MAX_END = END + 4;
    static final int MAX_WIN = MAX_END + 4;
    static final int SCALE = MAX_WIN + 4;
    static final int WINDOW_FLAGS = SCALE + 1;

    // Cold state, relative to the hot line.
    static final int LAST_SEQ = 64;
    static final int LAST_ACK = LAST_SEQ + 4;
    static final int LAST_END = LAST_ACK + 4;
    static final int LAST_WIN = LAST_END + 4;
    static final int LAST_DIRECTION = LAST_WIN + 2;
    static final int LAST_INDEX = LAST_DIRECTION + 1;
    static final int RETRANS = LAST_INDEX + 1;
    static final int LAST_SCALE = RETRANS + 1;
    static final int LAST_FLAGS = LAST_SCALE + 1;
    static final int MAX_ACK = LAST_FLAGS + 2;
    static final int MARK = MAX_ACK + 8;
    static final int TAG = MARK + 4;
    static final int PACKETS = TAG + 4;
    static final int BYTES = PACKETS + 8;
    static final int HELPER = BYTES + 16;
    static final int COLD_END = HELPER + 4;

    static final int LINE = 64;

    // Of one order everywhere: neighbouring fields are read as one word.
    static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

    static {
        if (WINDOWS + 2 * WINDOW_SIZE > LINE || COLD_END > 2 * LINE) {
            throw new AssertionError("flow entry layout");
        }
    }

    final boolean v6;
    final int slotSize;
    final int hot;

    MemorySegment memory = MemorySegment.NULL;

    /** The entry of a flow that is not in the table yet. */
    long scratch = NONE;

    int scratchFingerprint;

    FlowEntries(boolean v6) {
        this.v6 = v6;
        hot = v6 ? LINE : 0;
        slotSize = v6 ? 3 * LINE : 2 * LINE;
    }

    // ---- accessors; flow is a handle ----

    /** The flow's key in its original direction; for events, not for the packet path. */
    public FlowKey key(long flow) {
        int ports = memory.get(I32, flow + (v6 ? V6_PORTS : V4_PORTS));
        return new FlowKey(
                protocol(flow),
                address(flow, true),
                ports >>> 16,
                address(flow, false),
                ports & 0xffff);
    }

    private IpAddress address(long flow, boolean source) {
        if (v6) {
            long at = flow + (source ? V6_SOURCE : V6_DESTINATION);
            return IpAddress.v6(memory.get(I64, at), memory.get(I64, at + 8));
        }
        return IpAddress.v4(memory.get(I32, flow + (source ? V4_SOURCE : V4_DESTINATION)));
    }

    public long sourceHigh(long flow) {
        return v6 ? memory.get(I64, flow + V6_SOURCE) : 0;
    }

    public long sourceLow(long flow) {
        return v6
                ? memory.get(I64, flow + V6_SOURCE + 8)
                : IpAddress.mapped(memory.get(I32, flow + V4_SOURCE));
    }

    public long destinationHigh(long flow) {
        return v6 ? memory.get(I64, flow + V6_DESTINATION) : 0;
    }

    public long destinationLow(long flow) {
        return v6
                ? memory.get(I64, flow + V6_DESTINATION + 8)
                : IpAddress.mapped(memory.get(I32, flow + V4_DESTINATION));
    }

    public int sourcePort(long flow) {
        return memory.get(I32, flow + (v6 ? V6_PORTS : V4_PORTS)) >>> 16;
    }

    public int destinationPort(long flow) {
        return memory.get(I32, flow + (v6 ? V6_PORTS : V4_PORTS)) & 0xffff;
    }

    /** As many ids as fingerprints: for people, not unique. */
    public int id(long flow) {
        return flow == scratch ? scratchFingerprint : memory.get(I32, flow + FINGERPRINT);
    }

    public int protocol(long flow) {
        return u8(flow + hot + PROTOCOL);
    }

    /** Protocol, state, flags (bits 16 to 31) and remembered verdict (from bit 32 on) at once. */
    public long word(long flow) {
        return memory.get(I64, flow + hot + PROTOCOL);
    }

    /** Nanoseconds of packet time at which the flow is dead. */
    public long deadline(long flow) {
        return memory.get(I64, flow + hot + DEADLINE);
    }

    public void deadline(long flow, long nanos) {
        memory.set(I64, flow + hot + DEADLINE, nanos);
    }

    /** State of the protocol's tracker. */
    public int state(long flow) {
        return u8(flow + hot + STATE);
    }

    public void state(long flow, int state) {
        memory.set(I8, flow + hot + STATE, (byte) state);
    }

    public int flags(long flow) {
        return memory.get(I16, flow + hot + FLAGS);
    }

    public boolean flag(long flow, int flag) {
        return (flags(flow) & flag) != 0;
    }

    public void setFlag(long flow, int flag) {
        memory.set(I16, flow + hot + FLAGS, (short) (flags(flow) | flag));
    }

    public void clearFlag(long flow, int flag) {
        memory.set(I16, flow + hot + FLAGS, (short) (flags(flow) & ~flag));
    }

    /** The remembered verdict, with its rule-set generation; 0 is none. */
    public int cachedVerdict(long flow) {
        return memory.get(I32, flow + hot + VERDICT);
    }

    public void cachedVerdict(long flow, int verdict) {
        memory.set(I32, flow + hot + VERDICT, verdict);
    }

    public int mark(long flow) {
        return memory.get(I32, flow + hot + MARK);
    }

    public void mark(long flow, int mark) {
        memory.set(I32, flow + hot + MARK, mark);
    }

    /** Index of the control session or data connection that belongs to the flow. */
    public int tag(long flow) {
        return memory.get(I32, flow + hot + TAG);
    }

    public void tag(long flow, int tag) {
        memory.set(I32, flow + hot + TAG, tag);
    }

    /** Which helper object was assigned to the flow, as its owner numbers them; 0 for none. */
    public int helper(long flow) {
        return memory.get(I32, flow + hot + HELPER);
    }

    public void helper(long flow, int number) {
        memory.set(I32, flow + hot + HELPER, number);
    }

    /** Counts one packet of {@code bytes} IP bytes; the packet counter saturates at 2^32 - 1. */
    public void count(long flow, Direction direction, int bytes) {
        long at = flow + hot + PACKETS + 4L * direction.ordinal();
        int packets = memory.get(I32, at);
        if (packets != -1) {
            memory.set(I32, at, packets + 1);
        }
        at = flow + hot + BYTES + 8L * direction.ordinal();
        memory.set(I64, at, memory.get(I64, at) + bytes);
    }

    public long packets(long flow, Direction direction) {
        return Integer.toUnsignedLong(
                memory.get(I32, flow + hot + PACKETS + 4L * direction.ordinal()));
    }

    public long bytes(long flow, Direction direction) {
        return memory.get(I64, flow + hot + BYTES + 8L * direction.ordinal());
    }

    // ---- TCP windows; side is 0 for the original sender, 1 for the replier ----

    private long window(long flow, int side) {
        return flow + hot + WINDOWS + (long) side * WINDOW_SIZE;
    }

    int end(long flow, int side) {
        return memory.get(I32, window(flow, side) + END);
    }

    void end(long flow, int side, int value) {
        memory.set(I32, window(flow, side) + END, value);
    }

    int maxEnd(long flow, int side) {
        return memory.get(I32, window(flow, side) + MAX_END);
    }

    void maxEnd(long flow, int side, int value) {
        memory.set(I32, window(flow, side) + MAX_END, value);
    }

    int maxWin(long flow, int side) {
        return memory.get(I32, window(flow, side) + MAX_WIN);
    }

    void maxWin(long flow, int side, int value) {
        memory.set(I32, window(flow, side) + MAX_WIN, value);
    }

    int scale(long flow, int side) {
        return memory.get(I8, window(flow, side) + SCALE);
    }

    void scale(long flow, int side, int value) {
        memory.set(I8, window(flow, side) + SCALE, (byte) value);
    }

    int windowFlags(long flow, int side) {
        return u8(window(flow, side) + WINDOW_FLAGS);
    }

    void windowFlags(long flow, int side, int value) {
        memory.set(I8, window(flow, side) + WINDOW_FLAGS, (byte) value);
    }

    int maxAck(long flow, int side) {
        return memory.get(I32, flow + hot + MAX_ACK + 4L * side);
    }

    void maxAck(long flow, int side, int value) {
        memory.set(I32, flow + hot + MAX_ACK + 4L * side, value);
    }

    int lastSeq(long flow) {
        return memory.get(I32, flow + hot + LAST_SEQ);
    }

    void lastSeq(long flow, int value) {
        memory.set(I32, flow + hot + LAST_SEQ, value);
    }

    int lastAck(long flow) {
        return memory.get(I32, flow + hot + LAST_ACK);
    }

    void lastAck(long flow, int value) {
        memory.set(I32, flow + hot + LAST_ACK, value);
    }

    int lastEnd(long flow) {
        return memory.get(I32, flow + hot + LAST_END);
    }

    void lastEnd(long flow, int value) {
        memory.set(I32, flow + hot + LAST_END, value);
    }

    /** Unscaled, as on the wire. */
    int lastWin(long flow) {
        return Short.toUnsignedInt(memory.get(I16, flow + hot + LAST_WIN));
    }

    void lastWin(long flow, int value) {
        memory.set(I16, flow + hot + LAST_WIN, (short) value);
    }

    int lastDirection(long flow) {
        return u8(flow + hot + LAST_DIRECTION);
    }

    void lastDirection(long flow, int side) {
        memory.set(I8, flow + hot + LAST_DIRECTION, (byte) side);
    }

    int lastIndex(long flow) {
        return u8(flow + hot + LAST_INDEX);
    }

    void lastIndex(long flow, int index) {
        memory.set(I8, flow + hot + LAST_INDEX, (byte) index);
    }

    int retrans(long flow) {
        return u8(flow + hot + RETRANS);
    }

    /** Saturates at 255. */
    void retrans(long flow, int count) {
        memory.set(I8, flow + hot + RETRANS, (byte) Math.min(count, 255));
    }

    int lastScale(long flow) {
        return u8(flow + hot + LAST_SCALE);
    }

    void lastScale(long flow, int scale) {
        memory.set(I8, flow + hot + LAST_SCALE, (byte) scale);
    }

    int lastFlags(long flow) {
        return u8(flow + hot + LAST_FLAGS);
    }

    void lastFlags(long flow, int flags) {
        memory.set(I8, flow + hot + LAST_FLAGS, (byte) flags);
    }

    /** For trackers without windows: the packet time of the first packet. */
    public long since(long flow) {
        return memory.get(I64, flow + hot + WINDOWS);
    }

    public void since(long flow, long nanos) {
        memory.set(I64, flow + hot + WINDOWS, nanos);
    }

    final int u8(long at) {
        return Byte.toUnsignedInt(memory.get(I8, at));
    }
}
