package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.expect.Expectation;
import io.pinhole.rule.RuleOrigin;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Takes down what the packets of a batch lead to in one shard, in order: events, verdicts of
 * earlier packets, notes for other shards. A packet's own verdict goes into the batch itself.
 */
final class BatchLog implements VerdictSink, EventSink, ShardNotes {
    /** A verdict that was long in coming. */
    record Verdicts(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {}

    record Begun(long number) {}

    record Opened(Pinhole.Permission permission) {}

    record Closed(Pinhole.Permission permission, boolean used) {}

    record Refused(RefusedTarget target) {}

    record Forgotten(RefusedTarget target) {}

    record Knock(FlowKey key) {}

    /** What one shard wrote about one batch. */
    static final class Entries {
        /** Where a shard speaks before the first packet. */
        static final int BEFORE = -1;

        private int[] at = new int[64];
        private Object[] what = new Object[64];
        private int size;

        int size() {
            return size;
        }

        /** Index of the packet in its batch, or {@link #BEFORE}. */
        int at(int i) {
            return at[i];
        }

        Object what(int i) {
            return what[i];
        }

        private void clear() {
            Arrays.fill(what, 0, size, null);
            size = 0;
        }

        private void add(int place, Object thing) {
            if (size == at.length) {
                at = Arrays.copyOf(at, 2 * size);
                what = Arrays.copyOf(what, 2 * size);
            }
            at[size] = place;
            what[size++] = thing;
        }
    }

    private BatchSlot slot = new BatchSlot(0);
    private Entries entries = new Entries();
    private int place;

    /** What is told from now on, a shard says of a batch, without a packet. */
    void begin(PacketBatch batch, int shard) {
        entries = batch.entries[shard];
        entries.clear();
        place = Entries.BEFORE;
    }

    /** What is told from now on belongs to this packet. */
    void at(BatchSlot packet) {
        place = packet.index;
        slot = packet;
    }

    private void add(Object thing) {
        entries.add(place, thing);
    }

    @Override
    public void verdict(
            long of,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        if (place != Entries.BEFORE && of == slot.position) {
            slot.verdict(verdict, ct, hook, rule, why);
        } else {
            add(new Verdicts(of, verdict, ct, hook, rule, why));
        }
    }

    @Override
    public void event(Event event) {
        add(event);
    }

    @Override
    public void sessionBegun(long number) {
        add(new Begun(number));
    }

    @Override
    public void opened(Pinhole.Permission permission) {
        add(new Opened(permission));
    }

    @Override
    public void closed(Pinhole.Permission permission) {
        add(new Closed(permission, permission.status() == Expectation.Status.USED));
    }

    @Override
    public void refused(RefusedTarget target) {
        add(new Refused(target));
    }

    @Override
    public void forgotten(RefusedTarget target) {
        add(new Forgotten(target));
    }

    @Override
    public void datagram(FlowKey key) {
        slot.datagram = key;
    }

    @Override
    public void knock(@Nullable FlowKey key) {
        if (key != null) {
            add(new Knock(key));
        } else {
            slot.knocks = true;
        }
    }
}
