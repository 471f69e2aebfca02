package io.pinhole.path;

import io.pinhole.core.IpAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which addresses live behind which interface; the longest prefix wins, as in a routing table. */
public final class InterfaceMap {
    /**
     * One route.
     *
     * @param name of the interface
     * @param network whose bits beyond the prefix do not count
     * @param prefixLength 0..32 for IPv4, 0..128 for IPv6
     */
    public record Entry(String name, IpAddress network, int prefixLength) {
        public Entry {
            if (prefixLength < 0 || prefixLength > (network.isV4() ? 32 : 128)) {
                throw new IllegalArgumentException("prefix length " + prefixLength);
            }
        }

        boolean covers(int version, long high, long low) {
            if (version != network.version()) {
                return false;
            }
            if (version == 4) {
                return prefixLength == 0
                        || ((int) low ^ network.v4Bits()) >>> 32 - prefixLength == 0;
            }
            int inHigh = Math.min(prefixLength, 64);
            int inLow = prefixLength - inHigh;
            return (inHigh == 0 || (high ^ network.high()) >>> 64 - inHigh == 0)
                    && (inLow == 0 || (low ^ network.low()) >>> 64 - inLow == 0);
        }
    }

    private final List<Entry> entries;

    public InterfaceMap(List<Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    public boolean isEmpty() {
        return entries.isEmpty();
    }

    /** The interface behind which an address lives, or null; allocates nothing. */
    public @Nullable String find(int version, long high, long low) {
        Entry best = null;
        for (int i = 0; i < entries.size(); i++) {
            Entry e = entries.get(i);
            if (e.covers(version, high, low)
                    && (best == null || e.prefixLength() > best.prefixLength())) {
                best = e;
            }
        }
        return best == null ? null : best.name();
    }
}
