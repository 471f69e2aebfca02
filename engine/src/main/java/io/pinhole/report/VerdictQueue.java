package io.pinhole.report;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Puts verdicts back into packet order: a fragment's verdict comes with that of its datagram. A
 * ring of packets from the oldest one without a verdict; nothing is allocated once it is large
 * enough.
 *
 * <p>At its limit the ring lets the oldest packet go: its verdict, and only that, is passed on out
 * of order when it comes.
 */
final class VerdictQueue {
    /** Receives verdicts in packet order. */
    interface Sink {
        /**
         * @param timeKnown false for a packet that nobody added, or that was let go long ago
         */
        void ordered(
                long position,
                boolean timeKnown,
                long timeNanos,
                Verdict verdict,
                @Nullable CtState ct,
                @Nullable Hook hook,
                RuleOrigin rule,
                Anomaly why);
    }

    private static final Verdict[] VERDICTS = Verdict.values();
    private static final CtState[] STATES = CtState.values();
    private static final Hook[] HOOKS = Hook.values();
    private static final Anomaly[] ANOMALIES = Anomaly.values();
    private static final int NONE = 0xff;

    /** Packets let go whose times are kept. */
    private static final int MAX_LATE = 1 << 16;

    private final Sink sink;
    private final int maxOutstanding;
    private final Map<Long, Long> late = new HashMap<>(); // position to time; all but always empty

    private int mask;
    private long[] positions;
    private long[] times;
    private @Nullable RuleOrigin[] rules; // null: no verdict yet
    private int[] rest; // verdict, ct, hook, why: a byte each
    private long head; // counts packets; index is head & mask
    private long tail;

    /**
     * @param maxOutstanding packets from the oldest without a verdict to the newest, at most; a
     *     power of two
     */
    VerdictQueue(Sink sink, int maxOutstanding) {
        if (Integer.bitCount(maxOutstanding) != 1) {
            throw new IllegalArgumentException("not a power of two: " + maxOutstanding);
        }
        this.sink = sink;
        this.maxOutstanding = maxOutstanding;
        int capacity = Math.min(64, maxOutstanding);
        mask = capacity - 1;
        positions = new long[capacity];
        times = new long[capacity];
        rules = new @Nullable RuleOrigin[capacity];
        rest = new int[capacity];
    }

    /** A packet whose verdict will come; positions rise from call to call. */
    void packet(long position, long timeNanos) {
        if (tail - head > mask) {
            if (mask + 1 < maxOutstanding) {
                grow();
            } else {
                letGo();
            }
        }
        int i = (int) tail++ & mask;
        positions[i] = position;
        times[i] = timeNanos;
        rules[i] = null;
    }

    void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        long n = find(position);
        if (n < 0) {
            Long time = late.remove(position);
            long timeNanos = time == null ? 0 : time;
            sink.ordered(position, time != null, timeNanos, verdict, ct, hook, rule, why);
            return;
        }
        int i = (int) n & mask;
        rules[i] = rule;
        rest[i] =
                verdict.ordinal() << 24
                        | (ct == null ? NONE : ct.ordinal()) << 16
                        | (hook == null ? NONE : hook.ordinal()) << 8
                        | why.ordinal();
        drain();
    }

    /** Packets from the oldest without a verdict to the newest. */
    int outstanding() {
        return (int) (tail - head);
    }

    /** The end of the input: passes on everything that has a verdict. */
    void finish() {
        while (head < tail) {
            drain();
            if (head < tail) {
                letGo();
            }
        }
    }

    private void drain() {
        while (head < tail) {
            int i = (int) head & mask;
            RuleOrigin rule = rules[i];
            if (rule == null) {
                return;
            }
            int packed = rest[i];
            int ct = packed >>> 16 & 0xff;
            int hook = packed >>> 8 & 0xff;
            head++;
            sink.ordered(
                    positions[i],
                    true,
                    times[i],
                    VERDICTS[packed >>> 24],
                    ct == NONE ? null : STATES[ct],
                    hook == NONE ? null : HOOKS[hook],
                    rule,
                    ANOMALIES[packed & 0xff]);
        }
    }

    /** The packet's count, or -1. Mostly it is the newest. */
    private long find(long position) {
        long low = head;
        long high = tail - 1;
        if (low <= high && positions[(int) high & mask] == position) {
            return high;
        }
        while (low <= high) {
            long middle = low + high >>> 1;
            long found = positions[(int) middle & mask];
            if (found == position) {
                return middle;
            }
            if (found < position) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }

    private void letGo() {
        int i = (int) head++ & mask;
        if (late.size() < MAX_LATE) {
            late.put(positions[i], times[i]);
        }
        drain();
    }

    private void grow() {
        int old = mask + 1;
        int shift = (int) head & mask;
        // Rotate so that the oldest comes first, then append as much room again.
        positions = Arrays.copyOf(rotated(positions, shift), old * 2);
        times = Arrays.copyOf(rotated(times, shift), old * 2);
        @Nullable RuleOrigin[] grownRules = new @Nullable RuleOrigin[old * 2];
        int[] grownRest = new int[old * 2];
        for (int i = 0; i < old; i++) {
            grownRules[i] = rules[i + shift & mask];
            grownRest[i] = rest[i + shift & mask];
        }
        rules = grownRules;
        rest = grownRest;
        mask = old * 2 - 1;
        head = 0;
        tail = old;
    }

    private long[] rotated(long[] ring, int shift) {
        long[] out = new long[ring.length];
        for (int i = 0; i < ring.length; i++) {
            out[i] = ring[i + shift & mask];
        }
        return out;
    }
}
