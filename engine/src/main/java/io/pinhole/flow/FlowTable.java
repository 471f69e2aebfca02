package io.pinhole.flow;

import io.pinhole.core.Direction;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;

/**
 * The tracked flows of one shard and one IP version. Owned by one thread.
 *
 * <p>Off-heap: entries ({@link FlowEntries}) in the order in which they found a place, and an open-
 * addressing {@link FlowIndex} that finds them by a seeded hash. Memory is taken as flows come, up
 * to the limit; nothing moves when a large table grows.
 *
 * <p>Expiry is lazy, as in the kernel (nf_ct_is_expired, gc_worker): a lookup treats an entry past
 * its deadline as absent, and {@link #sweep} gives back its memory a few slots at a time.
 */
public final class FlowTable extends FlowEntries implements AutoCloseable {
    /** Told when an entry leaves the table, before its memory is reused. */
    public interface Removal {
        void removed(FlowTable table, long flow, boolean expired);
    }

    /** Unassured entries of which the one that expires first is evicted. */
    private static final int CANDIDATES = 8;

    /** Entries looked at to find them. */
    private static final int EVICTION_REACH = 64;

    /** Packet time in which {@link #sweepSome} comes round, in nanoseconds. */
    private static final long ROUND = 30_000_000_000L;

    /** Copied over an entry to clear it: a loop takes C2 longer to compile. */
    private static final long[] ZEROS = new long[3 * LINE / Long.BYTES];

    private static final int NO_SLOT = -1;
    private static final int NEXT_FREE = FINGERPRINT + 4;

    private final int maxFlows;
    private final long seed;
    private final Removal removal;
    private final Region region;
    private final FlowIndex index;

    private int live;
    private int slots;
    private int firstFree = NO_SLOT;
    private int cursor;
    private int hand;

    // Since the last sweep, and when that was.
    private long came;
    private long lastSweep;

    /** What was read ahead: it must go somewhere, or the JIT would not read it. */
    @SuppressWarnings("UnusedVariable")
    private long touched;

    private boolean reply;

    /**
     * @param maxFlows hard limit; the table never holds more
     * @param seed secret of the hash; verdicts do not depend on it
     */
    public FlowTable(boolean v6, int maxFlows, long seed, Removal removal) {
        this(v6, maxFlows, seed, TableMemory.PLAIN, removal);
    }

    /**
     * @param source gives memory once the table is large
     */
    public FlowTable(boolean v6, int maxFlows, long seed, TableMemory source, Removal removal) {
        super(v6);
        this.maxFlows = maxFlows;
        this.seed = seed;
        this.removal = removal;
        region = new Region(source, (maxFlows + 1L) * slotSize);
        index = new FlowIndex(maxFlows, source);
    }

    /** Flows in the table, expired ones that were not swept yet included. */
    public int size() {
        return live;
    }

    public boolean isV6() {
        return v6;
    }

    /** Bytes of off-heap memory held. */
    public long memoryBytes() {
        return region.held() + index.held();
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
        return find(
                fingerprint(
                        protocol,
                        sourceHigh,
                        sourceLow,
                        sourcePort,
                        destinationHigh,
                        destinationLow,
                        destinationPort),
                protocol,
                sourceHigh,
                sourceLow,
                sourcePort,
                destinationHigh,
                destinationLow,
                destinationPort,
                now);
    }

    /**
     * The flow of a packet with ports.
     *
     * @param hint what {@link #locate} said, however long ago
     * @param fingerprint the packet's, as {@link #fingerprint} makes it
     */
    public long find(long hint, int fingerprint, PlainPacket p, long now) {
        if (hint != NONE
                && (v6 ? isOfV6(hint, fingerprint, p) : isOfV4(hint, fingerprint, p))
                && now - memory.get(I64, hint + hot + DEADLINE) < 0) {
            return hint;
        }
        return find(
                fingerprint,
                p.protocol(),
                p.sourceHigh(),
                p.sourceLow(),
                p.sourcePort(),
                p.destinationHigh(),
                p.destinationLow(),
                p.destinationPort(),
                now);
    }

    private boolean isOfV6(long slot, int fingerprint, PlainPacket p) {
        return memory.get(I32, slot + FINGERPRINT) == fingerprint
                && isOf(
                        slot,
                        p.protocol(),
                        p.sourceHigh(),
                        p.sourceLow(),
                        p.sourcePort(),
                        p.destinationHigh(),
                        p.destinationLow(),
                        p.destinationPort());
    }

    /** The key of an IPv4 flow, fingerprint included, is two words. */
    private boolean isOfV4(long slot, int fingerprint, PlainPacket p) {
        long first = memory.get(I64, slot + FINGERPRINT);
        long second = memory.get(I64, slot + V4_DESTINATION);
        long source = p.sourceLow();
        long destination = p.destinationLow();
        if (first == word(fingerprint, source) && second == word(destination, p.ports())) {
            reply = false;
        } else if (first == word(fingerprint, destination)
                && second == word(source, Integer.rotateLeft(p.ports(), 16))) {
            reply = true;
        } else {
            return false;
        }
        return u8(slot + PROTOCOL) == p.protocol();
    }

    private static long word(long low, long high) {
        return low & 0xffff_ffffL | high << 32;
    }

    /**
     * As {@link #find(int, long, long, int, long, long, int, long)}.
     *
     * @param fingerprint that of these end points
     */
    public long find(
            int fingerprint,
            int protocol,
            long sourceHigh,
            long sourceLow,
            int sourcePort,
            long destinationHigh,
            long destinationLow,
            int destinationPort,
            long now) {
        if (live == 0) {
            return NONE;
        }
        for (int i = index.home(fingerprint); ; i = index.next(fingerprint, i)) {
            long entry = index.entry(fingerprint, i);
            if (entry == 0) {
                return NONE;
            }
            if (!FlowIndex.is(entry, fingerprint)) {
                continue;
            }
            long slot = (long) FlowIndex.slot(entry) * slotSize;
            if (!isOf(
                    slot,
                    protocol,
                    sourceHigh,
                    sourceLow,
                    sourcePort,
                    destinationHigh,
                    destinationLow,
                    destinationPort)) {
                continue;
            }
            if (now - memory.get(I64, slot + hot + DEADLINE) >= 0) {
                drop(slot, true);
                return NONE;
            }
            return slot;
        }
    }

    /**
     * True if the handle still names a flow of this original direction that is in the table at this
     * time. Changes nothing.
     */
    public boolean holds(
            long flow,
            int protocol,
            long sourceHigh,
            long sourceLow,
            long destinationHigh,
            long destinationLow,
            int ports,
            long now) {
        return flow < (long) slots * slotSize
                && occupied(flow)
                && flag(flow, CONFIRMED)
                && protocol(flow) == protocol
                && keyIs(flow, sourceHigh, sourceLow, destinationHigh, destinationLow, ports)
                && deadline(flow) - now > 0;
    }

    /** Direction of the packet last found. */
    public Direction direction() {
        return reply ? Direction.REPLY : Direction.ORIGINAL;
    }

    /** Brings the line of the index that a search begins with into the cache. */
    public void touchIndex(int fingerprint) {
        if (live > 0) {
            touched += index.touch(fingerprint);
        }
    }

    /**
     * Looks for a flow that has the fingerprint.
     *
     * @return what {@link #find(long, int, PlainPacket, long)} takes as a hint: likely the flow,
     *     {@link #NONE} if there is none
     */
    public long locate(int fingerprint) {
        if (live == 0) {
            return NONE;
        }
        for (int i = index.home(fingerprint); ; i = index.next(fingerprint, i)) {
            long entry = index.entry(fingerprint, i);
            if (entry == 0) {
                return NONE;
            }
            if (FlowIndex.is(entry, fingerprint)) {
                return (long) FlowIndex.slot(entry) * slotSize;
            }
        }
    }

    /** Brings both lines of a flow into the cache. */
    public void touch(long flow) {
        touched += memory.get(I64, flow + hot + DEADLINE) + memory.get(I64, flow + hot + BYTES);
    }

    /** Whether a slot in use is the flow of a packet; {@link #direction} is set then. */
    private boolean isOf(
            long slot,
            int protocol,
            long sourceHigh,
            long sourceLow,
            int sourcePort,
            long destinationHigh,
            long destinationLow,
            int destinationPort) {
        if (u8(slot + hot + PROTOCOL) != (protocol & 0xff)) {
            return false;
        }
        int forward = sourcePort << 16 | destinationPort;
        if (keyIs(slot, sourceHigh, sourceLow, destinationHigh, destinationLow, forward)) {
            reply = false;
            return true;
        }
        int backward = destinationPort << 16 | sourcePort;
        if (keyIs(slot, destinationHigh, destinationLow, sourceHigh, sourceLow, backward)) {
            reply = true;
            return true;
        }
        return false;
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

    /** What {@link #find} looks for; symmetric: both directions of a flow have one. Never 0. */
    public int fingerprint(
            int protocol,
            long srcHigh,
            long srcLow,
            int srcPort,
            long dstHigh,
            long dstLow,
            int dstPort) {
        return fingerprint(v6, seed, protocol, srcHigh, srcLow, srcPort, dstHigh, dstLow, dstPort);
    }

    /**
     * What any table of this IP version and seed finds a packet with ports by: it may be made
     * before it is known which table that is.
     */
    public static int fingerprint(long seed, PacketView p) {
        return fingerprint(
                !p.isV4(),
                seed,
                p.protocol(),
                p.sourceHigh(),
                p.sourceLow(),
                p.sourcePort(),
                p.destinationHigh(),
                p.destinationLow(),
                p.destinationPort());
    }

    /** As {@link #fingerprint(long, PacketView)}. */
    public static int fingerprint(long seed, PlainPacket p) {
        return fingerprint(
                p.isV6(),
                seed,
                p.protocol(),
                p.sourceHigh(),
                p.sourceLow(),
                p.sourcePort(),
                p.destinationHigh(),
                p.destinationLow(),
                p.destinationPort());
    }

    private static int fingerprint(
            boolean v6,
            long seed,
            int protocol,
            long srcHigh,
            long srcLow,
            int srcPort,
            long dstHigh,
            long dstLow,
            int dstPort) {
        long a = endpoint(v6, seed, srcHigh, srcLow, srcPort);
        long b = endpoint(v6, seed, dstHigh, dstLow, dstPort);
        long h = (a + b ^ seed) * 0x9e37_79b9_7f4a_7c15L + protocol;
        h ^= h >>> 32;
        h *= 0xd6e8_feb8_6659_fd93L;
        int folded = (int) (h ^ h >>> 32);
        return folded == FREE ? 1 : folded;
    }

    private static long endpoint(boolean v6, long seed, long high, long low, int port) {
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
        return prepare(
                fingerprint(
                        protocol,
                        sourceHigh,
                        sourceLow,
                        sourcePort,
                        destinationHigh,
                        destinationLow,
                        destinationPort),
                protocol,
                sourceHigh,
                sourceLow,
                sourcePort,
                destinationHigh,
                destinationLow,
                destinationPort);
    }

    /**
     * As {@link #prepare(int, long, long, int, long, long, int)}.
     *
     * @param fingerprint that of these end points
     */
    public long prepare(
            int fingerprint,
            int protocol,
            long sourceHigh,
            long sourceLow,
            int sourcePort,
            long destinationHigh,
            long destinationLow,
            int destinationPort) {
        long slot = scratch;
        if (slot == NONE) {
            slot = takeSlot();
            scratch = slot;
        }
        MemorySegment.copy(ZEROS, 0, memory, I64, slot, slotSize / Long.BYTES);
        int ports = sourcePort << 16 | destinationPort;
        scratchFingerprint = fingerprint;
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
        reply = false;
        return slot;
    }

    private long takeSlot() {
        if (firstFree == NO_SLOT) {
            long slot = region.extend(slotSize);
            memory = region.segment();
            slots++;
            return slot;
        }
        long slot = (long) firstFree * slotSize;
        firstFree = memory.get(I32, slot + NEXT_FREE);
        return slot;
    }

    /**
     * Enters the scratch entry into the table. Its key must not be present; {@link #hasRoom} must
     * hold.
     *
     * @return the flow's handle
     */
    public long insert() {
        if (live >= maxFlows) {
            throw new IllegalStateException("flow table is full");
        }
        long slot = scratch;
        scratch = NONE;
        memory.set(I32, slot + FINGERPRINT, scratchFingerprint);
        setFlag(slot, CONFIRMED);
        index.add(scratchFingerprint, (int) (slot / slotSize));
        live++;
        came++;
        return slot;
    }

    /** Removes a flow. */
    public void remove(long flow) {
        drop(flow, false);
    }

    private void drop(long slot, boolean expired) {
        removal.removed(this, slot, expired);
        live--;
        int number = (int) (slot / slotSize);
        index.remove(memory.get(I32, slot + FINGERPRINT), number);
        memory.set(I32, slot + FINGERPRINT, FREE);
        memory.set(I32, slot + NEXT_FREE, firstFree);
        firstFree = number;
    }

    private boolean occupied(long slot) {
        return memory.get(I32, slot + FINGERPRINT) != FREE;
    }

    /**
     * Looks at some slots and removes what has expired there: twice as many as flows came since the
     * last time, and all in {@link #ROUND} of packet time. To be called now and then; traffic of
     * flows that are known costs next to nothing.
     *
     * @param most slots to look at
     */
    public void sweepSome(long now, int most) {
        if (live == 0) {
            lastSweep = now;
            return;
        }
        long elapsed = Math.clamp(now - lastSweep, 0, ROUND);
        long due = 2L * came + (long) (slots * (elapsed / (double) ROUND));
        if (due > 0) {
            lastSweep = now;
            came = 0;
            sweep(now, (int) Math.min(most, due));
        }
    }

    /** Looks at the next {@code count} slots and removes what has expired. */
    public void sweep(long now, int count) {
        if (live == 0) {
            return;
        }
        for (int n = Math.min(count, slots); n > 0; n--) {
            cursor = cursor + 1 < slots ? cursor + 1 : 0;
            long slot = (long) cursor * slotSize;
            if (occupied(slot) && now - memory.get(I64, slot + hot + DEADLINE) >= 0) {
                drop(slot, true);
            }
        }
    }

    /** Removes everything that has expired. */
    public void sweepAll(long now) {
        sweep(now, slots);
    }

    /**
     * Walks the table in pieces: flows of the next {@code count} places from {@code from} on.
     *
     * @return where to go on, or -1 at the end
     */
    public long forEach(long from, int count, LongConsumer each) {
        long end = Math.min(from + count, slots);
        for (long i = from; i < end; i++) {
            if (occupied(i * slotSize)) {
                each.accept(i * slotSize);
            }
        }
        return end == slots ? -1 : end;
    }

    /** Hands every live flow to {@code each}; the table must not be changed meanwhile. */
    public void forEach(LongConsumer each) {
        for (int i = 0; i < slots; i++) {
            long slot = (long) i * slotSize;
            if (occupied(slot)) {
                each.accept(slot);
            }
        }
    }

    /**
     * Makes room at the limit. A hand goes round the entries; of the next unassured ones ahead of
     * it that which would expire first is removed (the kernel's early_drop looks at eight buckets),
     * and the hand stops there. In a flood that is first come, first gone: what was removed last
     * and is used again lies right behind the hand.
     *
     * @return false if all that were looked at are assured
     */
    public boolean evictOne(long now) {
        long victim = NONE;
        long earliest = 0;
        int candidates = 0;
        boolean expired = false;
        int at = hand;
        int stop = hand;
        for (int n = Math.min(slots, EVICTION_REACH);
                n > 0 && candidates < CANDIDATES && !expired;
                n--) {
            at = at + 1 < slots ? at + 1 : 0;
            long slot = (long) at * slotSize;
            if (!occupied(slot)) {
                continue;
            }
            long deadline = deadline(slot);
            expired = now - deadline >= 0;
            if (expired || !flag(slot, ASSURED)) {
                candidates++;
                if (expired || victim == NONE || deadline - earliest < 0) {
                    victim = slot;
                    earliest = deadline;
                    stop = at;
                }
            }
        }
        hand = victim == NONE ? at : stop;
        if (victim == NONE) {
            return false;
        }
        drop(victim, expired);
        return true;
    }

    @Override
    public void close() {
        region.close();
        index.close();
    }
}
