package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Packets to be judged together, where they lie, and the verdict of each. Filled by one thread,
 * judged by one or more, each its own packets, then read by the first again; {@link Shards} hands
 * it from one to the other.
 */
public final class PacketBatch {
    /** Packets in a full batch. */
    public static final int SIZE = 1024;

    private static final int COPY_BYTES = 256 * 1024;
    private static final int MAX_COPIES = 16;

    private final BatchSlot[] slots = new BatchSlot[SIZE];

    // The packets of each shard, in order: those of shard s are behind each other from begin[s] on.
    private final BatchSlot[] sorted = new BatchSlot[SIZE];
    private final int[] begin;

    /** What else each shard says. */
    final BatchLog.Entries[] entries;

    int size;

    /** Packets of the run before this batch. */
    long before;

    private final HostHash hash = new HostHash();
    private final PacketView view = new PacketView();
    // Copies of packets whose memory is used again; bounded because the batch is full before.
    private final List<MemorySegment> copies = new ArrayList<>(0);
    private int copy;
    private long copied;

    PacketBatch(int shards) {
        Arrays.setAll(slots, BatchSlot::new);
        begin = new int[shards + 1];
        entries = new BatchLog.Entries[shards];
        Arrays.setAll(entries, shard -> new BatchLog.Entries());
    }

    public int size() {
        return size;
    }

    /**
     * True if no packet may be added. Batches end where the count of packets of the run is a
     * multiple of {@link #SIZE}, or before.
     */
    public boolean isFull() {
        return before % SIZE + size == SIZE || copy >= MAX_COPIES;
    }

    void clear(long packetsBefore) {
        size = 0;
        before = packetsBefore;
        copy = 0;
        copied = 0;
    }

    /**
     * Adds a packet; the batch must not be full.
     *
     * @param bytes the memory it lies in
     * @param at offset of its link-layer header there
     * @param stays whether the memory stays as it is until the batch is judged; otherwise the
     *     packet is copied
     * @param type null if it cannot be decoded
     * @param inputName as for {@link PacketPath#process}
     */
    public void add(
            MemorySegment bytes,
            long at,
            int capturedLength,
            int wireLength,
            boolean stays,
            @Nullable LinkType type,
            long time,
            long where,
            @Nullable String inputName,
            @Nullable String outputName) {
        BatchSlot slot = slots[size++];
        if (stays) {
            slot.data = bytes;
            slot.offset = at;
        } else {
            keep(bytes, at, capturedLength, slot);
        }
        slot.captured = capturedLength;
        slot.wire = wireLength;
        slot.link = type;
        slot.timeNanos = time;
        slot.position = where;
        slot.input = inputName;
        slot.output = outputName;
        slot.rule = null;
        slot.knocks = false;
        slot.datagram = null;
        slot.fault = null;
    }

    @SuppressWarnings("MustBeClosedChecker") // lives as long as the batch
    private void keep(MemorySegment bytes, long at, int length, BatchSlot slot) {
        if (copy < copies.size() && copies.get(copy).byteSize() - copied < length) {
            copy++;
            copied = 0;
        }
        if (copy == copies.size()) {
            copies.add(Arena.ofAuto().allocate(Math.max(COPY_BYTES, length)));
        } else if (copies.get(copy).byteSize() < length) {
            copies.set(copy, Arena.ofAuto().allocate(length));
        }
        MemorySegment into = copies.get(copy);
        MemorySegment.copy(bytes, at, into, copied, length);
        slot.data = into;
        slot.offset = copied;
        copied += length;
    }

    /** Where the packet is from; see {@link Positions}. */
    public long position(int i) {
        return slots[i].position;
    }

    /** When the packet was captured. */
    public long timeNanos(int i) {
        return slots[i].timeNanos;
    }

    /** Bytes the packet had on the wire. */
    public int wireLength(int i) {
        return slots[i].wire;
    }

    /**
     * The packet's 5-tuple in its own direction; null if it is not IP. Allocates: for reports that
     * keep one packet of many.
     */
    public @Nullable FlowKey flow(int i) {
        BatchSlot slot = slots[i];
        if (slot.datagram != null) {
            return slot.datagram;
        }
        if (slot.fault != null) {
            return null;
        }
        slot.wrap(view);
        return view.ipVersion() == 0 ? null : Sessions.key(view);
    }

    BatchSlot slot(int i) {
        return slots[i];
    }

    /**
     * The batch is full enough: finds out which shard each packet belongs to.
     *
     * @param time of the packet before
     * @param seed of the flow tables
     * @return time of the last packet
     */
    long sort(long time, long seed) {
        int shards = entries.length;
        long now = time;
        Arrays.fill(begin, 0);
        for (int i = 0; i < size; i++) {
            BatchSlot slot = slots[i];
            now = Math.max(now, slot.timeNanos);
            slot.now = now;
            slot.shard = 0;
            try {
                slot.read(view, hash, shards, seed);
            } catch (InternalError e) {
                slot.fault = e; // a mapped page is gone; for the reader to tell
            }
            begin[slot.shard]++;
        }
        int sum = 0;
        for (int s = 0; s <= shards; s++) {
            sum += begin[s];
            begin[s] = sum;
        }
        for (int i = size - 1; i >= 0; i--) {
            sorted[--begin[slots[i].shard]] = slots[i];
        }
        return now;
    }

    /** Where the packets of a shard begin, for {@link #sorted}; those of the next end them. */
    int begin(int shard) {
        return begin[shard];
    }

    BatchSlot sorted(int k) {
        return sorted[k];
    }
}
