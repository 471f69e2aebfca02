package io.pinhole.flow;

import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The tracked flows of one shard and one IP version. Owned by one thread.
 *
 * <p>Off-heap, open addressing with linear probing. An entry is a hot cache line (key, TCP windows,
 * verdict cache) and a cold one (marks, counters, last-packet state); IPv6 puts its longer key into
 * a line of its own before them. A flow is named by its <em>handle</em>, an offset that stays valid
 * until the next {@link #insert} or {@link #remove}.
 *
 * <p>Expiry is lazy, as in the kernel (nf_ct_is_expired, gc_worker): a lookup treats an entry past
 * its deadline as absent, and {@link #sweep} gives back its memory a few slots at a time.
 *
 * <p>Longer than 400 lines with its accessors: the layout and everything that reads it belong on
 * one page.
 */
public final class FlowTable implements AutoCloseable {
    /** Told when an entry leaves the table, before its memory is reused. */
    public interface Removal {
        void removed(FlowTable table, long flow, boolean expired);
    }

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

    // Fingerprints below 2 mark free slots.
    private static final int EMPTY = 0;
    private static final int DELETED = 1;

    // Key, at the start of the slot.
    private static final int FINGERPRINT = 0;
    private static final int V4_SOURCE = FINGERPRINT + 4;
    private static final int V4_DESTINATION = V4_SOURCE + 4;
    private static final int V4_PORTS = V4_DESTINATION + 4;
    private static final int V6_PORTS = FINGERPRINT + 4;
    private static final int V6_SOURCE = V6_PORTS + 4;
    private static final int V6_DESTINATION = V6_SOURCE + 16;

    // Hot state, relative to the hot line (the slot itself for IPv4, 64 bytes on for IPv6).
    private static final int DEADLINE = 16;
    private static final int PROTOCOL = DEADLINE + 8;
    private static final int STATE = PROTOCOL + 1;
    private static final int FLAGS = STATE + 1;
    private static final int VERDICT = FLAGS + 2;
    private static final int WINDOWS = VERDICT + 4;
    private static final int WINDOW_SIZE = 16;
    // Within a window:
    private static final int END = 0;
    private static final int MAX_END = END + 4;
    private static final int MAX_WIN = MAX_END + 4;
    private static final int SCALE = MAX_WIN + 4;
    private static final int WINDOW_FLAGS = SCALE + 1;

    // Cold state, relative to the hot line.
    private static final int LAST_SEQ = 64;
    private static final int LAST_ACK = LAST_SEQ + 4;
    private static final int LAST_END = LAST_ACK + 4;
    private static final int LAST_WIN = LAST_END + 4;
    private static final int LAST_DIRECTION = LAST_WIN + 2;
    private static final int LAST_INDEX = LAST_DIRECTION + 1;
    private static final int RETRANS = LAST_INDEX + 1;
    private static final int LAST_SCALE = RETRANS + 1;
    private static final int LAST_FLAGS = LAST_SCALE + 1;
    private static final int MAX_ACK = LAST_FLAGS + 2;
    private static final int MARK = MAX_ACK + 8;
    private static final int TAG = MARK + 4;
    private static final int PACKETS = TAG + 4;
    private static final int BYTES = PACKETS + 8;
    private static final int HELPER = BYTES + 16;
    private static final int COLD_END = HELPER + 4;

    private static final int LINE = 64;

    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;

    static {
        if (WINDOWS + 2 * WINDOW_SIZE > LINE || COLD_END > 2 * LINE) {
            throw new AssertionError("flow entry layout");
        }
    }

    private final boolean v6;
    private final int slotSize;
    private final int hot;
    private final int maxFlows;
    private final long seed;
    private final Removal removal;

    private Arena arena;
    private MemorySegment memory;
    private int mask;
    private int live;
    private int used;
    private int cursor;
    private Direction direction = Direction.ORIGINAL;

    /**
     * @param maxFlows hard limit; the table never holds more
     * @param seed secret of the hash; verdicts do not depend on it
     */
    @SuppressWarnings("MustBeClosedChecker") // closed by close()
    public FlowTable(boolean v6, int maxFlows, long seed, Removal removal) {
        this.v6 = v6;
        this.maxFlows = maxFlows;
        this.seed = seed;
        this.removal = removal;
        hot = v6 ? LINE : 0;
        slotSize = v6 ? 3 * LINE : 2 * LINE;
        int slots = 1024;
        mask = slots - 1;
        arena = Arena.ofShared();
        memory = allocate(arena, slots);
    }

    private MemorySegment allocate(Arena in, int slots) {
        // One slot more: the scratch entry of a flow that is not confirmed yet.
        return in.allocate((long) (slots + 1) * slotSize, LINE);
    }

    /** Flows in the table, expired ones that were not swept yet included. */
    public int size() {
        return live;
    }

    /** Bytes of off-heap memory held. */
    public long memoryBytes() {
        return memory.byteSize();
    }

    /** True if one more flow fits below the limit. */
    public boolean hasRoom() {
        return live < maxFlows;
    }

    // ---- lookup ----

    /**
     * Finds the flow a packet belongs to, in either direction; {@link #direction()} says which.
     *
     * @param now a flow whose deadline is at or before it counts as absent
     * @return the handle, or {@link #NONE}
     */
    public long find(
            int protocol,
            long sourceHigh,
            long sourceLow,
            int sourcePort,
            long destinationHigh,
            long destinationLow,
            int destinationPort,
            long now) {
        int fingerprint =
                fingerprint(
                        protocol,
                        sourceHigh,
                        sourceLow,
                        sourcePort,
                        destinationHigh,
                        destinationLow,
                        destinationPort);
        int forward = sourcePort << 16 | destinationPort;
        int backward = destinationPort << 16 | sourcePort;
        for (int i = fingerprint & mask; ; i = i + 1 & mask) {
            long slot = (long) i * slotSize;
            int found = memory.get(I32, slot + FINGERPRINT);
            if (found == EMPTY) {
                return NONE;
            }
            if (found != fingerprint || u8(slot + hot + PROTOCOL) != (protocol & 0xff)) {
                continue;
            }
            if (keyIs(slot, sourceHigh, sourceLow, destinationHigh, destinationLow, forward)) {
                direction = Direction.ORIGINAL;
            } else if (keyIs(
                    slot, destinationHigh, destinationLow, sourceHigh, sourceLow, backward)) {
                direction = Direction.REPLY;
            } else {
                continue;
            }
            if (now - memory.get(I64, slot + hot + DEADLINE) >= 0) {
                drop(slot, true);
                return NONE;
            }
            return slot;
        }
    }

    /** Direction of the packet last found. */
    public Direction direction() {
        return direction;
    }

    private boolean keyIs(
            long slot, long srcHigh, long srcLow, long dstHigh, long dstLow, int ports) {
        if (v6) {
            return memory.get(I32, slot + V6_PORTS) == ports
                    && memory.get(I64, slot + V6_SOURCE + 8) == srcLow
                    && memory.get(I64, slot + V6_DESTINATION + 8) == dstLow
                    && memory.get(I64, slot + V6_SOURCE) == srcHigh
                    && memory.get(I64, slot + V6_DESTINATION) == dstHigh;
        }
        return memory.get(I32, slot + V4_PORTS) == ports
                && memory.get(I32, slot + V4_SOURCE) == (int) srcLow
                && memory.get(I32, slot + V4_DESTINATION) == (int) dstLow;
    }

    /** Symmetric: both directions of a flow have one fingerprint. */
    private int fingerprint(
            int protocol,
            long srcHigh,
            long srcLow,
            int srcPort,
            long dstHigh,
            long dstLow,
            int dstPort) {
        long a = endpoint(srcHigh, srcLow, srcPort);
        long b = endpoint(dstHigh, dstLow, dstPort);
        long h = (a + b ^ seed) * 0x9e37_79b9_7f4a_7c15L + protocol;
        h ^= h >>> 32;
        h *= 0xd6e8_feb8_6659_fd93L;
        int folded = (int) (h ^ h >>> 32);
        return folded >= 0 && folded < 2 ? folded + 2 : folded;
    }

    private long endpoint(long high, long low, int port) {
        long h = (low ^ seed) * 0xbf58_476d_1ce4_e5b9L;
        if (v6) {
            h ^= (high + seed) * 0x94d0_49bb_1331_11ebL;
        }
        h ^= h >>> 29;
        h = (h + port) * 0xff51_afd7_ed55_8ccdL;
        return h ^ h >>> 32;
    }

    // ---- insertion and removal ----

    /**
     * Prepares the scratch entry for a flow that is not confirmed: zeroed, with this key. It is no
     * part of the table until {@link #insert}.
     *
     * @return its handle
     */
    public long prepare(
            int protocol,
            long sourceHigh,
            long sourceLow,
            int sourcePort,
            long destinationHigh,
            long destinationLow,
            int destinationPort) {
        long slot = scratch();
        memory.asSlice(slot, slotSize).fill((byte) 0);
        int ports = sourcePort << 16 | destinationPort;
        memory.set(
                I32,
                slot + FINGERPRINT,
                fingerprint(
                        protocol,
                        sourceHigh,
                        sourceLow,
                        sourcePort,
                        destinationHigh,
                        destinationLow,
                        destinationPort));
        if (v6) {
            memory.set(I32, slot + V6_PORTS, ports);
            memory.set(I64, slot + V6_SOURCE, sourceHigh);
            memory.set(I64, slot + V6_SOURCE + 8, sourceLow);
            memory.set(I64, slot + V6_DESTINATION, destinationHigh);
            memory.set(I64, slot + V6_DESTINATION + 8, destinationLow);
        } else {
            memory.set(I32, slot + V4_PORTS, ports);
            memory.set(I32, slot + V4_SOURCE, (int) sourceLow);
            memory.set(I32, slot + V4_DESTINATION, (int) destinationLow);
        }
        memory.set(I8, slot + hot + PROTOCOL, (byte) protocol);
        direction = Direction.ORIGINAL;
        return slot;
    }

    private long scratch() {
        return (long) (mask + 1) * slotSize;
    }

    /**
     * Enters the scratch entry into the table. Its key must not be present; {@link #hasRoom} must
     * hold.
     *
     * @return the flow's handle
     */
    public long insert(long now) {
        if (live >= maxFlows) {
            throw new IllegalStateException("flow table is full");
        }
        if ((long) (used + 1) * 4 > (long) (mask + 1) * 3) {
            rehash(now);
        }
        long from = scratch();
        setFlag(from, CONFIRMED);
        long slot = freeSlot(memory, mask, memory.get(I32, from + FINGERPRINT));
        if (memory.get(I32, slot + FINGERPRINT) == EMPTY) {
            used++;
        }
        MemorySegment.copy(memory, from, memory, slot, slotSize);
        live++;
        return slot;
    }

    private long freeSlot(MemorySegment in, int slotMask, int fingerprint) {
        for (int i = fingerprint & slotMask; ; i = i + 1 & slotMask) {
            long slot = (long) i * slotSize;
            int found = in.get(I32, slot + FINGERPRINT);
            if (found == EMPTY || found == DELETED) {
                return slot;
            }
        }
    }

    /** Removes a flow. */
    public void remove(long flow) {
        drop(flow, false);
    }

    private void drop(long slot, boolean expired) {
        removal.removed(this, slot, expired);
        live--;
        int index = (int) (slot / slotSize);
        // A slot before a free one ends every probe sequence that reaches it: free it for good,
        // and the deleted ones before it too.
        if (memory.get(I32, (long) (index + 1 & mask) * slotSize + FINGERPRINT) != EMPTY) {
            memory.set(I32, slot + FINGERPRINT, DELETED);
            return;
        }
        do {
            memory.set(I32, (long) index * slotSize + FINGERPRINT, EMPTY);
            used--;
            index = index - 1 & mask;
        } while (memory.get(I32, (long) index * slotSize + FINGERPRINT) == DELETED);
    }

    /**
     * Moves the live entries to a table of the right size; expired and deleted ones stay behind.
     */
    @SuppressWarnings("MustBeClosedChecker") // the new arena becomes the table's
    private void rehash(long now) {
        int oldSlots = mask + 1;
        for (int i = 0; i < oldSlots; i++) {
            long slot = (long) i * slotSize;
            if (occupied(slot) && now - memory.get(I64, slot + hot + DEADLINE) >= 0) {
                removal.removed(this, slot, true);
                memory.set(I32, slot + FINGERPRINT, DELETED);
                live--;
            }
        }
        int slots = oldSlots;
        while ((long) (live + 1) * 2 > slots) {
            slots = Math.multiplyExact(slots, 2);
        }
        Arena nextArena = Arena.ofShared();
        MemorySegment next = allocate(nextArena, slots);
        for (int i = 0; i < oldSlots; i++) {
            long slot = (long) i * slotSize;
            if (occupied(slot)) {
                long to = freeSlot(next, slots - 1, memory.get(I32, slot + FINGERPRINT));
                MemorySegment.copy(memory, slot, next, to, slotSize);
            }
        }
        MemorySegment.copy(memory, scratch(), next, (long) slots * slotSize, slotSize);
        Arena old = arena;
        arena = nextArena;
        memory = next;
        mask = slots - 1;
        used = live;
        cursor &= mask;
        old.close();
    }

    private boolean occupied(long slot) {
        int fingerprint = memory.get(I32, slot + FINGERPRINT);
        return fingerprint != EMPTY && fingerprint != DELETED;
    }

    /** Looks at the next {@code slots} slots and removes what has expired. */
    public void sweep(long now, int slots) {
        for (int n = 0; n < slots; n++) {
            long slot = (long) cursor * slotSize;
            if (occupied(slot) && now - memory.get(I64, slot + hot + DEADLINE) >= 0) {
                drop(slot, true);
            }
            cursor = cursor + 1 & mask;
        }
    }

    /** Removes everything that has expired. */
    public void sweepAll(long now) {
        sweep(now, mask + 1);
    }

    /**
     * Walks the table in pieces: flows of the next {@code slots} slots from {@code from} on.
     *
     * @return where to go on, or -1 at the end; places move when the table grows
     */
    public long forEach(long from, int slots, java.util.function.LongConsumer each) {
        long end = Math.min(from + slots, mask + 1L);
        for (long i = from; i < end; i++) {
            if (occupied(i * slotSize)) {
                each.accept(i * slotSize);
            }
        }
        return end > mask ? -1 : end;
    }

    /** Hands every live flow to {@code each}; the table must not be changed meanwhile. */
    public void forEach(java.util.function.LongConsumer each) {
        for (int i = 0; i <= mask; i++) {
            long slot = (long) i * slotSize;
            if (occupied(slot)) {
                each.accept(slot);
            }
        }
    }

    /**
     * Makes room for the scratch entry at the limit: of the entries near its place in the table the
     * unassured one that would expire first is removed (the kernel's early_drop, which looks at
     * eight buckets).
     *
     * @return false if all of them are assured
     */
    public boolean evictOne(long now) {
        int start = memory.get(I32, scratch() + FINGERPRINT) & mask;
        long victim = NONE;
        long earliest = 0;
        int seen = 0;
        for (int n = 0; n <= mask && n < 1024 && seen < 32; n++) {
            long slot = (long) (start + n & mask) * slotSize;
            if (!occupied(slot)) {
                continue;
            }
            seen++;
            long deadline = deadline(slot);
            if (now - deadline >= 0) {
                drop(slot, true);
                return true;
            }
            if (!flag(slot, ASSURED) && (victim == NONE || deadline - earliest < 0)) {
                victim = slot;
                earliest = deadline;
            }
        }
        if (victim == NONE) {
            return false;
        }
        drop(victim, false);
        return true;
    }

    @Override
    public void close() {
        arena.close();
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
        return memory.get(I32, flow + FINGERPRINT);
    }

    public int protocol(long flow) {
        return u8(flow + hot + PROTOCOL);
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

    private int u8(long at) {
        return Byte.toUnsignedInt(memory.get(I8, at));
    }
}
