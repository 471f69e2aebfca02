package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RuleProgram;

/**
 * The shards of one thread. Judges its own packets of each batch, in order, where they lie.
 *
 * <p>All lanes tell all their shards the time at the same places of the input, whether or not a
 * packet comes their way: what waits for the time, in a shard without traffic, does not wait for
 * ever, and nothing depends on how many lanes there are.
 */
final class Lane implements AutoCloseable {
    private final int index;
    private final int lanes;

    /** Null where the shard is another lane's. */
    private final PacketPath[] paths;

    private final PacketView view = new PacketView();
    private final HostHash hash = new HostHash();
    private final BatchLog log;

    /**
     * @param options with the limits of one shard
     * @param index this lane has every shard whose number, modulo {@code lanes}, is this
     */
    Lane(PathOptions options, RuleProgram rules, int shards, int index, int lanes) {
        this.index = index;
        this.lanes = lanes;
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
        for (int i = 0; i < batch.size; i++) {
            if (lanes == 1 || batch.shard[i] % lanes == index) {
                judge(batch, i);
            }
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

    private void judge(PacketBatch batch, int i) {
        log.at(i);
        LinkType link = batch.link[i];
        try {
            Anomaly bad = Anomaly.LINK_UNSUPPORTED;
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
            paths[batch.shard[i]].process(
                    view,
                    bad,
                    batch.wire[i],
                    batch.now[i],
                    batch.position[i],
                    batch.input[i],
                    batch.output[i]);
        } catch (InternalError e) {
            batch.fault[i] = e; // a mapped page is gone; for the reader to tell
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
