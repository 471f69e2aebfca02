package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.capture.SystemMemory;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.path.Event;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketBatch;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Shards;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The way of packets as {@code analyze} has them go, from the frame in memory to the verdict told,
 * on one thread: batches, all shards, blocks. What a report does with a verdict is left out.
 */
final class BatchedPath implements Shards.Output, AutoCloseable {
    private final Shards shards;
    private final long[] verdicts = new long[Verdict.values().length];
    private final long[] states = new long[CtState.values().length];
    private long packets;

    /**
     * @param maxFlows limit of the flow tables
     */
    BatchedPath(RuleProgram rules, int maxFlows) {
        Settings d = Settings.DEFAULTS;
        Settings.Limits l = d.limits();
        Settings.Limits limits =
                new Settings.Limits(
                        maxFlows,
                        l.controls(),
                        l.expectations(),
                        l.expectationsPerParent(),
                        l.expectationsPerClient(),
                        l.reassemblyBytes(),
                        l.lineBytes(),
                        l.pipeline(),
                        l.fragmentBytes(),
                        l.fragmentDatagrams());
        var options =
                new PathOptions(
                        new Settings(d.timeouts(), limits, d.tcp(), d.helper(), d.helpers()),
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        0x5eed,
                        SystemMemory::reserve);
        shards = new Shards(options, () -> rules, 1, this);
    }

    /** Judges {@code count} packets from {@code first} on, one after the other in time. */
    void process(PacketArray array, int first, int count, long timeNanos, long step) {
        int i = first;
        int end = first + count;
        while (i < end) {
            PacketBatch batch = shards.batch();
            for (; i < end && !batch.isFull(); i++) {
                int length = array.length(i);
                batch.add(
                        array.data(),
                        array.offset(i),
                        length,
                        length,
                        true,
                        LinkType.ETHERNET,
                        timeNanos + (i - first) * step,
                        ++packets,
                        null,
                        null);
            }
            shards.judge(batch);
        }
    }

    @Override
    public void packet(PacketBatch batch, int index) {}

    @Override
    public void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        verdicts[verdict.ordinal()]++;
        if (ct != null) {
            states[ct.ordinal()]++;
        }
    }

    @Override
    public void event(Event event) {}

    @Override
    public void fault(PacketBatch batch, int index, InternalError fault) {
        throw fault;
    }

    long count(CtState state) {
        return states[state.ordinal()];
    }

    long count(Verdict verdict) {
        return verdicts[verdict.ordinal()];
    }

    long packets() {
        return packets;
    }

    int flows() {
        return shards.flows();
    }

    @Override
    public void close() {
        shards.close();
    }
}
