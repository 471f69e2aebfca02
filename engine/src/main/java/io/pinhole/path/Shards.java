package io.pinhole.path;

import io.pinhole.core.Settings;
import io.pinhole.rule.RuleProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * All paths of a run: batches of packets in, verdicts and events out in packet order, on one thread
 * or several. Owned by the thread that made it, which reads and tells; with more than one thread
 * the others only judge.
 *
 * <p>The number of shards is fixed, whatever the number of threads, and each has its part of the
 * limits; so nothing that is told depends on how many threads there are. Packets of two hosts meet
 * in one shard ({@link HostHash}). Where that is not enough there is one shard: if third parties
 * may be announced, or if limits are too small to be divided.
 */
public final class Shards implements AutoCloseable {
    /** Shards of a run whose limits are worth dividing. */
    public static final int COUNT = 16;

    /** Batches on their way: each thread may be this much ahead of the slowest. */
    private static final int RING = 8;

    // The least a shard needs to be useful.
    private static final int LEAST_FLOWS = 4096;
    private static final int LEAST_CONTROLS = 256;
    private static final int LEAST_EXPECTATIONS = 256;
    private static final int LEAST_FRAGMENT_BYTES = 128 * 1024;
    private static final int LEAST_DATAGRAMS = 64;

    /** Receives what happens, on the owner's thread, in packet order. */
    public interface Output extends VerdictSink, EventSink {
        /** A packet whose events and verdict follow, the verdict perhaps much later. */
        void packet(PacketBatch batch, int index);

        /**
         * A packet got no verdict because its memory is gone: a mapped file became shorter.
         *
         * @param fault what the JVM made of it
         */
        void fault(PacketBatch batch, int index, InternalError fault);
    }

    private final Lane[] lanes;
    private final BatchMerge merge;
    private final long seed;
    private final PacketBatch[] ring;
    private @Nullable Workers workers;
    private long filling = -1;
    private long submitted;
    private long told;
    private long packets;
    private long now = Long.MIN_VALUE;

    /**
     * @param rules makes a compiled rule set; called once for each thread
     * @param threads that judge; see {@link #threads}
     */
    public Shards(
            PathOptions options, Supplier<? extends RuleProgram> rules, int threads, Output out) {
        this(options, rules, threads, count(options.settings()), out);
    }

    Shards(
            PathOptions options,
            Supplier<? extends RuleProgram> rules,
            int threads,
            int shards,
            Output out) {
        seed = options.seed();
        int laneCount = Math.min(threads, shards);
        PathOptions each = options.divided(shards);
        lanes = new Lane[laneCount];
        for (int i = 0; i < laneCount; i++) {
            lanes[i] = new Lane(each, rules.get(), shards, i, laneCount);
        }
        merge = new BatchMerge(out, shards, options.settings().limits().expectations());
        ring = new PacketBatch[laneCount == 1 ? 1 : RING];
        for (int i = 0; i < ring.length; i++) {
            ring[i] = new PacketBatch(shards);
        }
    }

    /** How many shards a run with these settings has. */
    static int count(Settings settings) {
        Settings.Limits l = settings.limits();
        boolean large =
                l.flows() / COUNT >= LEAST_FLOWS
                        && l.controls() / COUNT >= LEAST_CONTROLS
                        && l.expectations() / COUNT >= LEAST_EXPECTATIONS
                        && l.fragmentBytes() / COUNT >= LEAST_FRAGMENT_BYTES
                        && l.fragmentDatagrams() / COUNT >= LEAST_DATAGRAMS;
        return large && !mayCross(settings) ? COUNT : 1;
    }

    /**
     * Why a run must have one thread, however many are wanted; null if it may have more.
     *
     * @return to be read after the name of the rule set
     */
    public static @Nullable String oneThreadBecause(Settings settings, RuleProgram rules) {
        if (rules.hasGlobalState()) {
            return "has limits, quotas or counts that all packets share";
        }
        if (mayCross(settings)) {
            return "goes with settings that let third parties be announced";
        }
        return count(settings) == 1 ? "goes with limits that are too small to be divided" : null;
    }

    /** Whether an announcement may open a pinhole between other hosts than its own. */
    private static boolean mayCross(Settings settings) {
        List<Settings.HelperPolicy> policies = new ArrayList<>(settings.helpers().values());
        policies.add(settings.helper());
        return policies.stream()
                .anyMatch(
                        p ->
                                p.thirdParty() == Settings.ThirdParty.ALLOW
                                        || p.passiveAddress() == Settings.PassiveAddress.ALLOW);
    }

    /** Threads that judge. */
    public int threads() {
        return lanes.length;
    }

    /** A batch to be filled and handed to {@link #judge}; waits until one is free. */
    public PacketBatch batch() {
        Workers w = workers;
        if (w != null && submitted - told == ring.length) {
            w.await(told + 1);
        }
        tellJudged();
        PacketBatch batch = ring[(int) (submitted % ring.length)];
        if (filling != submitted) {
            batch.clear(packets);
            filling = submitted;
        }
        return batch;
    }

    /**
     * Judges a batch. With one thread it is told before this returns, otherwise by a later call.
     */
    public void judge(PacketBatch batch) {
        if (batch.size == 0) {
            return;
        }
        now = batch.sort(now, seed);
        packets += batch.size;
        submitted++;
        if (lanes.length == 1) {
            lanes[0].judge(batch);
            merge.tell(batch);
            told++;
        } else {
            if (submitted - told > 1 && workers == null) {
                workers = new Workers(lanes, ring, told); // the first batch may be the only one
            }
            if (workers != null) {
                workers.submitted(submitted);
            }
        }
    }

    private void tellJudged() {
        Workers w = workers;
        while (w != null && told < submitted && w.judged() > told) {
            merge.tell(ring[(int) (told++ % ring.length)]);
        }
    }

    /** Waits until every batch that was submitted is judged and told. */
    public void drain() {
        Workers w = workers;
        if (w != null) {
            w.await(submitted);
        } else if (told < submitted) {
            for (Lane lane : lanes) {
                lane.judge(ring[0]);
            }
            merge.tell(ring[0]);
            told++;
        }
        tellJudged();
    }

    /** The end of the input: what is still open is told as it stands. */
    public void finish() {
        drain();
        Workers w = workers;
        if (w != null) {
            w.close(); // from here on their shards are this thread's
        }
        PacketBatch last = batch();
        last.slot(0).now = now;
        for (Lane lane : lanes) {
            lane.finish(last);
        }
        merge.tell(last);
    }

    /** Flows tracked now; ask only when everything is told. */
    public int flows() {
        int sum = 0;
        for (Lane lane : lanes) {
            sum += lane.flows();
        }
        return sum;
    }

    /** Bytes of off-heap memory the flow tables hold; ask only when everything is told. */
    public long tableBytes() {
        long sum = 0;
        for (Lane lane : lanes) {
            sum += lane.tableBytes();
        }
        return sum;
    }

    @Override
    public void close() {
        Workers w = workers;
        if (w != null) {
            w.close();
        }
        for (Lane lane : lanes) {
            lane.close();
        }
    }
}
