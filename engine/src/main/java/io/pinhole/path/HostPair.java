package io.pinhole.path;

import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;

/**
 * Two addresses, whichever comes first. Mutable, so that a look-up for a packet allocates nothing:
 * an instance that is a map's key must not be changed.
 */
final class HostPair {
    private int version;
    private long highA;
    private long lowA;
    private long highB;
    private long lowB;

    HostPair of(IpAddress a, IpAddress b) {
        return of(a.version(), a.high(), a.low(), b.high(), b.low());
    }

    HostPair of(PacketView p) {
        return of(
                p.ipVersion(),
                p.sourceHigh(),
                p.sourceLow(),
                p.destinationHigh(),
                p.destinationLow());
    }

    private HostPair of(int ipVersion, long high1, long low1, long high2, long low2) {
        boolean swap = high1 != high2 ? high1 > high2 : low1 > low2;
        version = ipVersion;
        highA = swap ? high2 : high1;
        lowA = swap ? low2 : low1;
        highB = swap ? high1 : high2;
        lowB = swap ? low1 : low2;
        return this;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof HostPair o
                && version == o.version
                && lowA == o.lowA
                && lowB == o.lowB
                && highA == o.highA
                && highB == o.highB;
    }

    @Override
    public int hashCode() {
        long h = ((lowA * 31 + lowB) * 31 + highA) * 31 + highB;
        h *= 0x9e37_79b9_7f4a_7c15L;
        return (int) (h ^ h >>> 32) + version;
    }
}
