package io.pinhole.flow;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.PacketView;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The datagrams that {@link Fragments} remembers: found by key, in order of their first fragments.
 * Owned by {@link Fragments}. Entries are re-used, at most {@code limit} of them exist.
 */
final class FragmentTable {
    /** A datagram under construction, or, once {@link #death} is set, the memory of a dead one. */
    static final class Datagram {
        int version;
        private int protocol;
        private int id;
        private long sourceHigh;
        private long sourceLow;
        private long destinationHigh;
        private long destinationLow;

        private int bucket;
        private @Nullable Datagram nextInBucket;
        private @Nullable Datagram older;
        private @Nullable Datagram newer;

        long startNanos;
        Anomaly death = Anomaly.NONE;

        /** Fragments in order of arrival: first blocks in the store. */
        int firstFragment = FragmentStore.NONE;

        int lastFragment = FragmentStore.NONE;
        int fragments;
        boolean lastSeen;
        boolean truncated;

        /** Bytes that the rebuilt headers add to the data's length; 0 until the first fragment. */
        int countedHeaders;

        /** End of the data as far as is known; final once {@link #lastSeen}. */
        int end;

        /** One bit for each 8 bytes that are held. */
        private final long[] held = new long[128];

        private int heldUnits;

        /** How many of the 8-byte units first..last are held. */
        int countHeld(int first, int last) {
            int found = 0;
            for (int word = first >>> 6; word <= last >>> 6; word++) {
                found += Long.bitCount(held[word] & mask(word, first, last));
            }
            return found;
        }

        /** Notes that the units first..last, none of which was held, are held now. */
        void setHeld(int first, int last) {
            for (int word = first >>> 6; word <= last >>> 6; word++) {
                held[word] |= mask(word, first, last);
            }
            heldUnits += last - first + 1;
        }

        boolean isComplete() {
            return lastSeen && heldUnits == end + 7 >>> 3;
        }

        /** Forgets the contents; the caller has freed the fragments. */
        void clear() {
            Arrays.fill(held, 0, Math.min(end + 511 >>> 9, held.length), 0);
            heldUnits = 0;
            firstFragment = FragmentStore.NONE;
            lastFragment = FragmentStore.NONE;
            fragments = 0;
            countedHeaders = 0;
            end = 0;
            lastSeen = false;
            truncated = false;
        }

        /** The bits of {@code word} whose numbers are in first..last. */
        private static long mask(int word, int first, int last) {
            long from = word == first >>> 6 ? -1L << first : -1L;
            long to = word == last >>> 6 ? -1L >>> 63 - last : -1L;
            return from & to;
        }

        private boolean isOf(PacketView f, int protocol) {
            return id == f.fragmentId()
                    && version == f.ipVersion()
                    && this.protocol == protocol
                    && sourceLow == f.sourceLow()
                    && destinationLow == f.destinationLow()
                    && sourceHigh == f.sourceHigh()
                    && destinationHigh == f.destinationHigh();
        }
    }

    private final int limit;
    private final @Nullable Datagram[] buckets;
    // Of no influence on any verdict; keeps senders from choosing the bucket.
    private final long seed = new SplittableRandom().nextLong();
    private @Nullable Datagram oldest;
    private @Nullable Datagram newest;
    private @Nullable Datagram free;
    private int size;

    FragmentTable(int limit) {
        this.limit = limit;
        buckets = new @Nullable Datagram[Integer.highestOneBit(Math.min(limit, 65_536) * 2 - 1)];
    }

    int size() {
        return size;
    }

    boolean isFull() {
        return size >= limit;
    }

    @Nullable Datagram oldest() {
        return oldest;
    }

    @Nullable Datagram find(PacketView f) {
        int protocol = protocolInKey(f);
        for (Datagram d = buckets[bucket(f)]; d != null; d = d.nextInBucket) {
            if (d.isOf(f, protocol)) {
                return d;
            }
        }
        return null;
    }

    /** Enters the datagram of a fragment that {@link #find} does not know. */
    Datagram open(PacketView f, long timeNanos) {
        Datagram d = free;
        if (d == null) {
            d = new Datagram();
        } else {
            free = d.nextInBucket;
        }
        d.version = f.ipVersion();
        d.protocol = protocolInKey(f);
        d.id = f.fragmentId();
        d.sourceHigh = f.sourceHigh();
        d.sourceLow = f.sourceLow();
        d.destinationHigh = f.destinationHigh();
        d.destinationLow = f.destinationLow();
        d.startNanos = timeNanos;
        d.death = Anomaly.NONE;
        d.bucket = bucket(f);
        d.nextInBucket = buckets[d.bucket];
        buckets[d.bucket] = d;
        d.newer = null;
        d.older = newest;
        if (newest == null) {
            oldest = d;
        } else {
            newest.newer = d;
        }
        newest = d;
        size++;
        return d;
    }

    /** Takes out a datagram that was cleared. */
    void remove(Datagram d) {
        Datagram before = buckets[d.bucket];
        if (before == d) {
            buckets[d.bucket] = d.nextInBucket;
        } else {
            while (before != null && before.nextInBucket != d) {
                before = before.nextInBucket;
            }
            if (before != null) {
                before.nextInBucket = d.nextInBucket;
            }
        }
        Datagram older = d.older;
        Datagram newer = d.newer;
        if (older == null) {
            oldest = newer;
        } else {
            older.newer = newer;
        }
        if (newer == null) {
            newest = older;
        } else {
            newer.older = older;
        }
        d.older = null;
        d.newer = null;
        d.nextInBucket = free;
        free = d;
        size--;
    }

    /** RFC 791 counts the protocol to the key, RFC 8200 does not. */
    private static int protocolInKey(PacketView f) {
        return f.isV4() ? f.protocol() : 0;
    }

    private int bucket(PacketView f) {
        long h = seed ^ f.fragmentId();
        h = (h ^ f.sourceHigh()) * 0x9e37_79b9_7f4a_7c15L;
        h = (h ^ h >>> 29 ^ f.sourceLow()) * 0xbf58_476d_1ce4_e5b9L;
        h = (h ^ h >>> 32 ^ f.destinationHigh()) * 0x94d0_49bb_1331_11ebL;
        h = (h ^ h >>> 29 ^ f.destinationLow()) * 0x9e37_79b9_7f4a_7c15L;
        return (int) (h ^ h >>> 32) & buckets.length - 1;
    }
}
