package io.pinhole.path;

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
    /** Packets whose memory is fetched together. */
    private static final int BLOCK = 32;

    private final int index;
    private final int lanes;

    /** Null where the shard is another lane's. */
    private final PacketPath[] paths;

    private final PacketView view = new PacketView();
    private final BatchLog log = new BatchLog();

    /**
     * @param options with the limits of one shard
     * @param index this lane has every shard whose number, modulo {@code lanes}, is this
     */
    Lane(PathOptions options, RuleProgram rules, int shards, int index, int lanes) {
        this.index = index;
        this.lanes = lanes;
        paths = new PacketPath[shards];
        for (int s = index; s < shards; s += lanes) {
            paths[s] =
                    new PacketPath(options, rules, log, log, new PacketPath.Share(s, shards, log));
        }
    }

    /** Judges the packets of the batch that are this lane's, shard by shard. */
    void judge(PacketBatch batch) {
        for (int s = index; s < paths.length; s += lanes) {
            log.begin(batch, s);
            PacketPath path = paths[s];
            if (batch.before % PacketBatch.SIZE == 0) {
                path.tick(batch.slot(0).now, batch.before);
            }
            int end = batch.begin(s + 1);
            for (int k = batch.begin(s); k < end; k += BLOCK) {
                judgeBlock(path, batch, k, Math.min(end, k + BLOCK));
            }
        }
    }

    /**
     * Judges the next packets of a shard. First the lines of the flow tables that they will need
     * are fetched, so that the processor waits for many at a time.
     */
    private void judgeBlock(PacketPath path, PacketBatch batch, int from, int to) {
        if (path.isWorthFetching()) {
            for (int k = from; k < to; k++) {
                path.touchIndex(batch.sorted(k));
            }
        }
        for (int k = from; k < to; k++) {
            path.locate(batch.sorted(k));
        }
        if (path.isWorthFetching()) {
            for (int k = from; k < to; k++) {
                path.touchFlow(batch.sorted(k));
            }
        }
        for (int k = from; k < to; k++) {
            BatchSlot slot = batch.sorted(k);
            if (slot.fault == null) {
                log.at(slot);
                judge(path, slot);
            }
        }
    }

    private void judge(PacketPath path, BatchSlot slot) {
        try {
            path.advance(slot.now);
            if (!slot.isPlain || !path.takeShortWay(slot)) {
                path.takeWholeWay(slot, view);
            }
        } catch (InternalError e) {
            slot.fault = e; // a mapped page is gone; for the reader to tell
        }
    }

    /** The end of the input. */
    void finish(PacketBatch empty) {
        for (int s = index; s < paths.length; s += lanes) {
            log.begin(empty, s);
            paths[s].finish();
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
