package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;

/**
 * Which shard a packet belongs to: a hash of its two addresses that is the same both ways, so that
 * a control connection, its data connections and the errors about them meet in one shard. No secret
 * goes in: what a run decides must not depend on chance.
 */
final class HostHash {
    private final PacketView quoted = new PacketView();

    /**
     * @param p a packet; for an ICMP error, that which it quotes decides
     * @return 0 to {@code shards - 1}
     */
    int shard(PacketView p, int shards) {
        PacketView hosts = p;
        if (p.isIcmpError() && quoted.wrapQuoted(p) == Anomaly.NONE) {
            hosts = quoted;
        }
        return shard(
                hosts.sourceHigh(),
                hosts.sourceLow(),
                hosts.destinationHigh(),
                hosts.destinationLow(),
                shards);
    }

    /** As {@link #shard(PacketView, int)}. */
    static int shard(PlainPacket p, int shards) {
        return shard(
                p.sourceHigh(), p.sourceLow(), p.destinationHigh(), p.destinationLow(), shards);
    }

    private static int shard(
            long sourceHigh,
            long sourceLow,
            long destinationHigh,
            long destinationLow,
            int shards) {
        long h = mix(sourceHigh, sourceLow) + mix(destinationHigh, destinationLow);
        h *= 0x9e37_79b9_7f4a_7c15L;
        return (int) ((h >>> 32) * shards >>> 32);
    }

    private static long mix(long high, long low) {
        long h = (low ^ Long.rotateLeft(high, 29)) * 0xbf58_476d_1ce4_e5b9L;
        return (h ^ h >>> 29) * 0x94d0_49bb_1331_11ebL;
    }
}
