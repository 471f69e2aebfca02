package io.pinhole.expect;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The expectations of one shard, found by their destination. Owned by one thread.
 *
 * <p>Bounded: at most {@code limit} expectations, waiting and used together. A look-up allocates
 * nothing. Expiry is exact in packet time: a look-up never returns an expectation past its
 * deadline.
 */
public final class ExpectationTable {
    /** Told when an expectation leaves the table because its deadline passed. */
    public interface Expiry {
        void expired(Expectation expectation);

        /** An expectation waits no longer, for whatever reason; called before {@link #expired}. */
        default void left(Expectation expectation) {}
    }

    private final int limit;
    private final Expiry expiry;
    private final long seed;
    private @Nullable Expectation[] slots = new Expectation[64];
    private int size;
    private int waiting;
    // In order of deadline.
    private @Nullable Expectation first;
    private @Nullable Expectation last;
    // The deadline of the first: asked for each packet, and the object is seldom in the cache.
    private long earliest;

    /**
     * @param limit expectations, waiting and used together
     * @param seed secret of the hash; verdicts do not depend on it
     */
    public ExpectationTable(int limit, long seed, Expiry expiry) {
        this.limit = limit;
        this.seed = seed;
        this.expiry = expiry;
    }

    public int size() {
        return size;
    }

    /** Expectations waiting for their flow. */
    public int waiting() {
        return waiting;
    }

    /** Hands out the waiting expectations, in order of deadline. Not while the table changes. */
    public void forEachWaiting(Consumer<Expectation> to) {
        for (Expectation e = first; e != null; e = e.later) {
            if (e.status == Expectation.Status.WAITING) {
                to.accept(e);
            }
        }
    }

    /**
     * Enters a waiting expectation. One with the same end points that was there before must have
     * been removed.
     *
     * @return false if the table is full
     */
    public boolean add(Expectation e) {
        if (e.status != Expectation.Status.OUT) {
            throw new IllegalArgumentException("expectation was entered before");
        }
        if (size >= limit && !dropOldestUsed()) {
            return false;
        }
        if ((size + 1) * 2 > slots.length) {
            grow();
        }
        place(slots, e);
        size++;
        waiting++;
        e.status = Expectation.Status.WAITING;
        link(e);
        return true;
    }

    /**
     * The waiting expectation this packet may use, or null.
     *
     * @param version 4 or 6
     * @param now packet time in nanoseconds
     */
    public @Nullable Expectation find(
            int version,
            long sourceHigh,
            long sourceLow,
            int sourcePort,
            long destinationHigh,
            long destinationLow,
            int destinationPort,
            long now) {
        if (waiting == 0) {
            return null;
        }
        Expectation e = near(destinationHigh, destinationLow, destinationPort, version);
        for (int i = lastProbe; e != null; e = next(++i)) {
            if (e.status == Expectation.Status.WAITING
                    && e.leadsTo(version, destinationHigh, destinationLow, destinationPort)
                    && e.admits(sourceHigh, sourceLow, sourcePort)
                    && !e.deadAt(now)) {
                return e;
            }
        }
        return null;
    }

    /**
     * An expectation that leads where this packet wants to go but does not admit it: another
     * host's, or one that was used already. For alerts; null if there is none.
     */
    public @Nullable Expectation findDenied(
            int version, long destinationHigh, long destinationLow, int destinationPort, long now) {
        if (size == 0) {
            return null;
        }
        Expectation e = near(destinationHigh, destinationLow, destinationPort, version);
        for (int i = lastProbe; e != null; e = next(++i)) {
            if (e.leadsTo(version, destinationHigh, destinationLow, destinationPort)
                    && !e.deadAt(now)) {
                return e;
            }
        }
        return null;
    }

    /**
     * Takes an expectation's permission away because its flow came; a trace stays until it dies.
     */
    public void use(Expectation e) {
        if (e.status == Expectation.Status.WAITING) {
            e.status = Expectation.Status.USED;
            waiting--;
            expiry.left(e);
        }
    }

    /** Takes an expectation out; nothing happens if it is not in. */
    public void remove(Expectation e) {
        if (e.status == Expectation.Status.OUT) {
            return;
        }
        boolean waited = e.status == Expectation.Status.WAITING;
        e.status = Expectation.Status.OUT;
        unlink(e);
        takeOut(e);
        size--;
        if (waited) {
            waiting--;
            expiry.left(e);
        }
    }

    /** Takes out every expectation whose deadline has passed; those that waited are reported. */
    public void expire(long now) {
        if (size == 0 || now - earliest < 0) {
            return;
        }
        Expectation e = first;
        while (e != null && e.deadAt(now)) {
            boolean waited = e.status == Expectation.Status.WAITING;
            remove(e);
            if (waited) {
                expiry.expired(e);
            }
            e = first;
        }
    }

    private boolean dropOldestUsed() {
        if (waiting == size) {
            return false;
        }
        for (Expectation e = first; e != null; e = e.later) {
            if (e.status == Expectation.Status.USED) {
                remove(e);
                return true;
            }
        }
        return false;
    }

    // ---- order of deadlines ----

    private void link(Expectation e) {
        Expectation before = last;
        while (before != null && before.deadlineNanos() - e.deadlineNanos() > 0) {
            before = before.earlier;
        }
        e.earlier = before;
        e.later = before == null ? first : before.later;
        if (e.later == null) {
            last = e;
        } else {
            e.later.earlier = e;
        }
        if (before == null) {
            first = e;
            earliest = e.deadlineNanos();
        } else {
            before.later = e;
        }
    }

    private void unlink(Expectation e) {
        if (e.earlier == null) {
            first = e.later;
            earliest = first == null ? 0 : first.deadlineNanos();
        } else {
            e.earlier.later = e.later;
        }
        if (e.later == null) {
            last = e.earlier;
        } else {
            e.later.earlier = e.earlier;
        }
        e.earlier = null;
        e.later = null;
    }

    // ---- open addressing by destination ----

    private int lastProbe;

    private @Nullable Expectation near(long high, long low, int port, int version) {
        lastProbe = home(high, low, port, version, slots.length - 1);
        return slots[lastProbe];
    }

    private @Nullable Expectation next(int i) {
        return slots[i & slots.length - 1];
    }

    private int home(long high, long low, int port, int version, int mask) {
        long h = (low * 31 + high) * 0x9e37_79b9_7f4a_7c15L + port * 0xff51_afd7_ed55_8ccdL;
        h += seed + version;
        h ^= h >>> 32;
        h *= 0xd6e8_feb8_6659_fd93L;
        return (int) (h ^ h >>> 32) & mask;
    }

    private int home(Expectation e, int mask) {
        return home(
                e.destination().high(),
                e.destination().low(),
                e.destinationPort(),
                e.destination().version(),
                mask);
    }

    private void place(@Nullable Expectation[] into, Expectation e) {
        int mask = into.length - 1;
        int i = home(e, mask);
        while (into[i] != null) {
            i = i + 1 & mask;
        }
        into[i] = e;
    }

    /** Closes the hole so that every probe sequence stays whole (Knuth, algorithm 6.4 R). */
    @SuppressWarnings("ReferenceEquality") // this very entry, not one like it
    private void takeOut(Expectation e) {
        int mask = slots.length - 1;
        int hole = home(e, mask);
        while (slots[hole] != e) {
            hole = hole + 1 & mask;
        }
        int i = hole;
        while (true) {
            i = i + 1 & mask;
            Expectation moved = slots[i];
            if (moved == null) {
                break;
            }
            int home = home(moved, mask);
            if ((i - home & mask) >= (i - hole & mask)) {
                slots[hole] = moved;
                hole = i;
            }
        }
        slots[hole] = null;
    }

    private void grow() {
        @Nullable Expectation[] larger = new Expectation[slots.length * 2];
        for (Expectation e : slots) {
            if (e != null) {
                place(larger, e);
            }
        }
        slots = larger;
    }
}
