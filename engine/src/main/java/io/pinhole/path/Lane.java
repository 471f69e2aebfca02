package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.FlowTable;
import io.pinhole.rule.RuleProgram;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The shards of one thread. Judges its own packets of each batch, in order, where they lie.
 *
 * <p>All lanes tell all their shards the time at the same places of the input, whether or not a
 * packet comes their way: what waits for the time, in a shard without traffic, does not wait for
 * ever, and nothing depends on how many lanes there are.
 */
final class Lane implements AutoCloseable {
    /** Packets whose memory is fetched together. */
    private static final int BLOCK = 32;

    /** Flows from which on a table no longer fits into a processor's own cache. */
    private static final int WORTH_FETCHING = 2048;

    private final int index;
    private final int lanes;

    /** Null where the shard is another lane's. */
    private final PacketPath[] paths;

    // The packets of a block, and where they stand in their batch.
    private final PacketView[] views = new PacketView[BLOCK];
    private final Anomaly[] anomalies = new Anomaly[BLOCK];
    private final int[] places = new int[BLOCK];
    private final int[] fingerprints = new int[BLOCK];
    private final @Nullable FlowTable[] tables = new @Nullable FlowTable[BLOCK];
    private final long[] hints = new long[BLOCK];

    private final long seed;
    private final HostHash hash = new HostHash();
    private final BatchLog log;

    /**
     * @param options with the limits of one shard
     * @param index this lane has every shard whose number, modulo {@code lanes}, is this
     */
    Lane(PathOptions options, RuleProgram rules, int shards, int index, int lanes) {
        this.index = index;
        this.lanes = lanes;
        seed = options.seed();
        Arrays.setAll(views, k -> new PacketView());
        paths = new PacketPath[shards];
        log = new BatchLog(index);
        for (int s = index; s < shards; s += lanes) {
            paths[s] =
                    new PacketPath(options, rules, log, log, new PacketPath.Share(s, shards, log));
        }
    }

    /** Judges the packets of the batch that are this lane's. */
    void judge(PacketBatch batch) {
        log.begin(batch);
        if (batch.before % PacketBatch.SIZE == 0) {
            tick(batch);
        }
        for (int i = 0; i < batch.size; ) {
            i = judgeBlock(batch, i);
        }
    }

    private void tick(PacketBatch batch) {
        for (int s = index; s < paths.length; s += lanes) {
            PacketPath path = paths[s];
            if (path != null) {
                log.atShard(s, paths.length);
                path.tick(batch.now[0], batch.before);
            }
        }
    }

    /**
     * Judges the next packets of the batch. First all are decoded, then the lines of the flow
     * tables they will need are fetched, so that the processor waits for many at a time.
     *
     * @return where to go on
     */
    private int judgeBlock(PacketBatch batch, int from) {
        int n = 0;
        int i = from;
        for (; i < batch.size && n < BLOCK; i++) {
            if (lanes == 1 || batch.shard[i] % lanes == index) {
                decode(batch, i, n++);
            }
        }
        for (int k = 0; k < n; k++) {
            FlowTable table = tables[k];
            if (table != null && table.size() >= WORTH_FETCHING) {
                table.touchIndex(fingerprints[k]);
            }
        }
        for (int k = 0; k < n; k++) {
            FlowTable table = tables[k];
            hints[k] = table == null ? FlowTable.NONE : table.locate(fingerprints[k]);
        }
        for (int k = 0; k < n; k++) {
            FlowTable table = tables[k];
            if (table != null && hints[k] != FlowTable.NONE) {
                table.touch(hints[k]);
            }
        }
        for (int k = 0; k < n; k++) {
            judge(batch, k);
        }
        return i;
    }

    private void decode(PacketBatch batch, int i, int k) {
        places[k] = i;
        fingerprints[k] = 0;
        tables[k] = null;
        PacketView view = views[k];
        LinkType link = batch.link[i];
        Anomaly bad = Anomaly.LINK_UNSUPPORTED;
        try {
            if (link == null) {
                view.clear();
            } else {
                bad =
                        view.wrap(
                                batch.data[i],
                                batch.offset[i],
                                batch.captured[i],
                                batch.wire[i],
                                link);
            }
            if (lanes == 1) {
                batch.shard[i] = hash.shard(view, paths.length);
            }
            int fingerprint = PacketPath.fingerprint(seed, view, bad);
            fingerprints[k] = fingerprint;
            if (fingerprint != 0) {
                tables[k] = paths[batch.shard[i]].table(view);
            }
        } catch (InternalError e) {
            batch.fault[i] = e; // a mapped page is gone; for the reader to tell
        }
        anomalies[k] = bad;
    }

    private void judge(PacketBatch batch, int k) {
        int i = places[k];
        if (batch.fault[i] != null) {
            return;
        }
        log.at(i);
        try {
            paths[batch.shard[i]].process(
                    views[k],
                    anomalies[k],
                    fingerprints[k],
                    hints[k],
                    batch.wire[i],
                    batch.now[i],
                    batch.position[i],
                    batch.input[i],
                    batch.output[i]);
        } catch (InternalError e) {
            batch.fault[i] = e;
        }
    }

    /** The end of the input. */
    void finish(PacketBatch empty) {
        log.begin(empty);
        for (int s = index; s < paths.length; s += lanes) {
            PacketPath path = paths[s];
            if (path != null) {
                log.atShard(s, paths.length);
                path.finish();
            }
        }
    }

    int flows() {
        int sum = 0;
        for (PacketPath path : paths) {
            sum += path == null ? 0 : path.flows();
        }
        return sum;
    }

    long tableBytes() {
        long sum = 0;
        for (PacketPath path : paths) {
            sum += path == null ? 0 : path.tableBytes();
        }
        return sum;
    }

    @Override
    public void close() {
        for (PacketPath path : paths) {
            if (path != null) {
                path.close();
            }
        }
    }
}
