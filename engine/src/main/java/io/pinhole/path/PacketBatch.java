package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RuleOrigin;
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

    private static final Verdict[] VERDICTS = Verdict.values();
    private static final CtState[] STATES = CtState.values();
    private static final Hook[] HOOKS = Hook.values();
    private static final Anomaly[] ANOMALIES = Anomaly.values();
    private static final int ABSENT = 0xff;
    private static final int COPY_BYTES = 256 * 1024;
    private static final int MAX_COPIES = 16;

    final MemorySegment[] data = new MemorySegment[SIZE];
    final long[] offset = new long[SIZE];
    final int[] captured = new int[SIZE];
    final int[] wire = new int[SIZE];
    final @Nullable LinkType[] link = new @Nullable LinkType[SIZE];
    final long[] timeNanos = new long[SIZE];
    final long[] position = new long[SIZE];
    final @Nullable String[] input = new @Nullable String[SIZE];
    final @Nullable String[] output = new @Nullable String[SIZE];
    final int[] shard = new int[SIZE];

    // What the shards say: null where a packet has no verdict yet.
    final @Nullable RuleOrigin[] rule = new @Nullable RuleOrigin[SIZE];
    final int[] packed = new int[SIZE]; // verdict, ct, hook, why: a byte each
    final @Nullable FlowKey[] datagram = new @Nullable FlowKey[SIZE];
    final boolean[] knocks = new boolean[SIZE];
    final @Nullable InternalError[] fault = new @Nullable InternalError[SIZE];

    /** What else each lane says. */
    final BatchLog.Entries[] entries;

    int size;

    /** Packets of the run before this batch. */
    long before;

    /** Time does not run backwards: the latest so far, for each packet. */
    final long[] now = new long[SIZE];

    private final PacketView view = new PacketView();
    // Copies of packets whose memory is used again; bounded because the batch is full before.
    private final List<MemorySegment> copies = new ArrayList<>(0);
    private int copy;
    private long copied;

    PacketBatch(int lanes) {
        entries = new BatchLog.Entries[lanes];
        Arrays.setAll(entries, lane -> new BatchLog.Entries());
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
        int i = size;
        if (stays) {
            data[i] = bytes;
            offset[i] = at;
        } else {
            keep(bytes, at, capturedLength, i);
        }
        captured[i] = capturedLength;
        wire[i] = wireLength;
        link[i] = type;
        timeNanos[i] = time;
        position[i] = where;
        input[i] = inputName;
        output[i] = outputName;
        rule[i] = null;
        knocks[i] = false;
        datagram[i] = null;
        fault[i] = null;
        size = i + 1;
    }

    @SuppressWarnings("MustBeClosedChecker") // lives as long as the batch
    private void keep(MemorySegment bytes, long at, int length, int i) {
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
        data[i] = into;
        offset[i] = copied;
        copied += length;
    }

    /** Where the packet is from; see {@link Positions}. */
    public long position(int i) {
        return position[i];
    }

    /** When the packet was captured. */
    public long timeNanos(int i) {
        return timeNanos[i];
    }

    /** Bytes the packet had on the wire. */
    public int wireLength(int i) {
        return wire[i];
    }

    /**
     * The packet's 5-tuple in its own direction; null if it is not IP. Allocates: for reports that
     * keep one packet of many.
     */
    public @Nullable FlowKey flow(int i) {
        FlowKey whole = datagram[i];
        if (whole != null) {
            return whole;
        }
        LinkType type = link[i];
        if (type == null || fault[i] != null) {
            return null;
        }
        view.wrap(data[i], offset[i], captured[i], wire[i], type);
        return view.ipVersion() == 0 ? null : Sessions.key(view);
    }

    void verdict(
            int i,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin decidedBy,
            Anomaly why) {
        packed[i] =
                verdict.ordinal() << 24
                        | (ct == null ? ABSENT : ct.ordinal()) << 16
                        | (hook == null ? ABSENT : hook.ordinal()) << 8
                        | why.ordinal();
        rule[i] = decidedBy;
    }

    /** Whether a packet that has its verdict passed. */
    boolean passed(int i) {
        return packed[i] >>> 24 == Verdict.ACCEPT.ordinal();
    }

    void tell(int i, VerdictSink verdicts) {
        RuleOrigin decidedBy = rule[i];
        if (decidedBy == null) {
            return;
        }
        int p = packed[i];
        int ct = p >>> 16 & 0xff;
        int hook = p >>> 8 & 0xff;
        verdicts.verdict(
                position[i],
                VERDICTS[p >>> 24],
                ct == ABSENT ? null : STATES[ct],
                hook == ABSENT ? null : HOOKS[hook],
                decidedBy,
                ANOMALIES[p & 0xff]);
    }
}
