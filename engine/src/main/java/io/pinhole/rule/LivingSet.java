package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A set while packets pass: elements come by rules and go with time, and have statements of their
 * own, as in nft_set_hash.c and nft_dynset.c. One for all rules that name the set.
 *
 * <p>Where rules may add, elements are single keys in a hash table; where they may not, any {@link
 * SetCode} finds them. Either way an element has a slot.
 */
final class LivingSet {
    /** How often what has expired is cleared away from a full set: nft_set_gc_interval. */
    private static final long CLEAR_NANOS = 1_000_000_000L;

    private static final long NEVER = Long.MAX_VALUE;

    /** A century; what is longer does not end. */
    private static final long LONGEST_MILLIS = 100L * 365 * 86_400_000;

    private static final int FIRST = 16;
    private static final byte FREE = 0;
    private static final byte USED = 1;
    private static final byte GONE = 2;

    /** Deleted or expired, but counted until it is cleared away: nft_rhash_gc. */
    private static final byte DEAD = 3;

    /** What all living sets of a program may hold together, besides what its files say. */
    static final class Room {
        private int left = ElementSet.Living.MOST_ADDED;

        boolean take() {
            if (left == 0) {
                return false;
            }
            left--;
            return true;
        }

        void give() {
            left++;
        }
    }

    /** Statements of one element, from what is written of them. */
    interface Maker {
        Step[] make(List<Statement> statements);
    }

    private final ElementSet model;
    private final ElementSet.Living living;
    private final Maker maker;
    private final Room room;
    private final @Nullable SetCode fixed;
    private final boolean[] wide;
    private final int words;
    private final long most;
    private long[] keys = {};
    private byte[] uses = {};
    private long[] deadlines = {};
    private long[] timeouts = {};
    private Step[][] states = {};
    private int count; // of elements in the hash table, expired and dead ones too
    private int filled; // of its places: those elements and gone ones
    private int added;
    private int catchAll = -1;
    private boolean started;
    private long clearedAt;

    LivingSet(ElementSet model, ElementSet.Living living, Maker maker, Room room) {
        this.model = model;
        this.living = living;
        this.maker = maker;
        this.room = room;
        wide = new boolean[model.keyTypes().size()];
        int n = 0;
        for (int p = 0; p < wide.length; p++) {
            wide[p] = model.keyTypes().get(p).bits() > 64;
            n += wide[p] ? 2 : 1;
        }
        words = n;
        most = living.size() == 0 ? ElementSet.Living.DEFAULT_SIZE : living.size();
        fixed = living.updatable() ? null : SetCode.of(model);
        reset();
    }

    @SuppressWarnings("ReferenceEquality") // tables may have sets that are equal
    boolean isOf(ElementSet set) {
        return model == set;
    }

    /** As when the rule set came into force. */
    void reset() {
        for (Step[] state : states) {
            if (state != null) {
                Arrays.stream(state).forEach(Step::reset);
            }
        }
        for (; added > 0; added--) {
            room.give();
        }
        started = false;
        count = 0;
        filled = 0;
        List<Element> elements = model.elements();
        int places = FIRST;
        while (fixed == null && places < elements.size() * 2) {
            places *= 2;
        }
        // The last slot is that of the element that matches everything.
        allocate(fixed == null ? places : elements.size());
        for (int i = 0; i < elements.size(); i++) {
            Element element = elements.get(i);
            int slot = fixed == null ? slotFor(element, places) : i;
            if (element.isCatchAll()) {
                catchAll = slot;
            }
            Element.Life life = element.life();
            long timeout =
                    life == null || life.timeoutMillis() < 0
                            ? living.timeoutMillis()
                            : life.timeoutMillis();
            long left = life == null || life.expiresMillis() < 0 ? timeout : life.expiresMillis();
            timeouts[slot] = timeout;
            deadlines[slot] = timeout == 0 ? NEVER : after(0, left);
            states[slot] =
                    maker.make(
                            life == null || life.statements().isEmpty()
                                    ? living.statements()
                                    : life.statements());
        }
    }

    private void allocate(int places) {
        keys = new long[fixed == null ? places * words : 0];
        uses = new byte[places + 1];
        deadlines = new long[places + 1];
        timeouts = new long[places + 1];
        states = new Step[places + 1][];
    }

    private int slotFor(Element element, int places) {
        if (element.isCatchAll()) {
            return places;
        }
        long hash = 0;
        long[] key = new long[words];
        int n = 0;
        for (int p = 0; p < wide.length; p++) {
            Range value = element.key().get(p);
            if (wide[p]) {
                key[n++] = value.lowHigh();
                hash = SetCode.mix(hash, value.lowHigh());
            }
            key[n++] = value.lowLow();
            hash = SetCode.mix(hash, value.lowLow());
        }
        int at = SetCode.spread(hash) & places - 1;
        while (uses[at] != FREE) {
            at = at + 1 & places - 1;
        }
        System.arraycopy(key, 0, keys, at * words, words);
        uses[at] = USED;
        count++;
        filled++;
        return at;
    }

    /** Timeouts run from here. */
    void start(long nowNanos) {
        started = true;
        clearedAt = nowNanos;
        for (int i = 0; i < deadlines.length; i++) {
            deadlines[i] = deadlines[i] == NEVER ? NEVER : deadlines[i] + nowNanos;
        }
    }

    private static long after(long nowNanos, long millis) {
        return millis > LONGEST_MILLIS ? NEVER : nowNanos + millis * 1_000_000;
    }

    // ---- look-up ----

    /** The slot of the element with this key, or -1. The parts must be present. */
    int find(Value[] key, PacketFacts facts) {
        long now = facts.timeNanos;
        int slot = fixed == null ? search(key, facts) : fixed.search(key, facts);
        if (slot >= 0 && now < deadlines[slot]) {
            return slot;
        }
        return catchAll >= 0 && now < deadlines[catchAll] ? catchAll : -1;
    }

    private int search(Value[] key, PacketFacts facts) {
        int mask = uses.length - 2;
        for (int at = SetCode.spread(hash(key, facts)) & mask;
                uses[at] != FREE;
                at = at + 1 & mask) {
            if (uses[at] == USED && equal(at * words, key, facts)) {
                return at;
            }
        }
        return -1;
    }

    private long hash(Value[] key, PacketFacts facts) {
        long hash = 0;
        for (int p = 0; p < wide.length; p++) {
            if (wide[p]) {
                hash = SetCode.mix(hash, key[p].high(facts));
            }
            hash = SetCode.mix(hash, key[p].low(facts));
        }
        return hash;
    }

    private boolean equal(int from, Value[] key, PacketFacts facts) {
        int at = from;
        for (int p = 0; p < wide.length; p++) {
            if (wide[p] && keys[at++] != key[p].high(facts)) {
                return false;
            }
            if (keys[at++] != key[p].low(facts)) {
                return false;
            }
        }
        return true;
    }

    /** nft_set_elem_update_expr: the element's own statements, until one of them says no. */
    Step.Outcome meet(int slot, PacketFacts facts) {
        for (Step step : states[slot]) {
            Step.Outcome outcome = step.run(facts);
            if (outcome.kind != Step.Outcome.NEXT_STEP) {
                return outcome;
            }
        }
        return Step.Outcome.NEXT;
    }

    // ---- change ----

    /**
     * The element with this key, made if there is none.
     *
     * @param timeoutMillis of a new element, and where {@code again} of one that is there; 0 for
     *     that of the set
     * @param again true to begin the time of one that is there anew
     * @return its slot; -1 if the set is full
     */
    int add(
            Value[] key,
            PacketFacts facts,
            long timeoutMillis,
            boolean again,
            List<Statement> statements) {
        long now = facts.timeNanos;
        long timeout = timeoutMillis == 0 ? living.timeoutMillis() : timeoutMillis;
        int slot = search(key, facts);
        if (slot >= 0 && now < deadlines[slot]) {
            if (again && timeouts[slot] != 0) {
                deadlines[slot] = after(now, timeout);
            }
            return slot;
        }
        if (slot >= 0) {
            uses[slot] = DEAD;
        }
        if ((count >= most || !room.take()) && !clear(facts)) {
            return -1;
        }
        if (filled * 2 >= uses.length - 1) {
            rehash();
        }
        int mask = uses.length - 2;
        int at = SetCode.spread(hash(key, facts)) & mask;
        while (uses[at] == USED || uses[at] == DEAD) {
            at = at + 1 & mask;
        }
        filled += uses[at] == FREE ? 1 : 0;
        int word = at * words;
        for (int p = 0; p < wide.length; p++) {
            if (wide[p]) {
                keys[word++] = key[p].high(facts);
            }
            keys[word++] = key[p].low(facts);
        }
        uses[at] = USED;
        timeouts[at] = timeout;
        deadlines[at] = timeout == 0 ? NEVER : after(now, timeout);
        states[at] = maker.make(statements.isEmpty() ? living.statements() : statements);
        count++;
        added++;
        return at;
    }

    void delete(Value[] key, PacketFacts facts) {
        int slot = search(key, facts);
        if (slot >= 0) {
            uses[slot] = DEAD;
        }
    }

    private void remove(int slot) {
        for (Step step : states[slot]) {
            step.reset();
        }
        uses[slot] = GONE;
        states[slot] = new Step[0];
        count--;
        if (added > 0) {
            added--;
            room.give();
        }
    }

    /** Makes room for one more, if something has expired or is of no use any more. */
    private boolean clear(PacketFacts facts) {
        long now = facts.timeNanos;
        if (now - clearedAt < CLEAR_NANOS) {
            return false;
        }
        clearedAt = now;
        for (int i = 0; i < uses.length - 1; i++) {
            boolean over = uses[i] == USED && (now >= deadlines[i] || isIdle(states[i], facts));
            if (over || uses[i] == DEAD) {
                remove(i);
            }
        }
        return count < most && room.take();
    }

    /** nft_connlimit_gc: an element that counts connections goes with the last of them. */
    private static boolean isIdle(Step[] state, PacketFacts facts) {
        for (Step step : state) {
            if (step instanceof LivingSteps.ConnCount connections && connections.isIdle(facts)) {
                return true;
            }
        }
        return false;
    }

    private void rehash() {
        int places = FIRST;
        while (places < count * 4) {
            places *= 2;
        }
        long[] oldKeys = keys;
        byte[] oldUses = uses;
        long[] oldDeadlines = deadlines;
        long[] oldTimeouts = timeouts;
        Step[][] oldStates = states;
        allocate(places);
        filled = count;
        int last = oldUses.length - 1;
        copy(oldDeadlines, oldTimeouts, oldStates, last, places);
        catchAll = catchAll < 0 ? -1 : places;
        for (int i = 0; i < last; i++) {
            if (oldUses[i] != USED && oldUses[i] != DEAD) {
                continue;
            }
            long hash = 0;
            for (int w = 0; w < words; w++) {
                hash = SetCode.mix(hash, oldKeys[i * words + w]);
            }
            int at = SetCode.spread(hash) & places - 1;
            while (uses[at] != FREE) {
                at = at + 1 & places - 1;
            }
            System.arraycopy(oldKeys, i * words, keys, at * words, words);
            uses[at] = oldUses[i];
            copy(oldDeadlines, oldTimeouts, oldStates, i, at);
        }
    }

    private void copy(
            long[] oldDeadlines, long[] oldTimeouts, Step[][] oldStates, int from, int to) {
        deadlines[to] = oldDeadlines[from];
        timeouts[to] = oldTimeouts[from];
        states[to] = oldStates[from];
    }

    // ---- listing ----

    /** What is in it now, with what is left of timeouts and what statements have counted. */
    List<Element> elements(long nowNanos) {
        List<Element> out = new ArrayList<>();
        List<Element> written = model.elements();
        for (int i = 0; i < deadlines.length; i++) {
            boolean there =
                    fixed == null
                            ? i == catchAll || (i < uses.length - 1 && uses[i] == USED)
                            : i < written.size();
            if (!there || (started && nowNanos >= deadlines[i])) {
                continue;
            }
            List<Range> key = fixed == null ? key(i) : written.get(i).key();
            long left =
                    deadlines[i] == NEVER
                            ? -1
                            : (started ? deadlines[i] - nowNanos : deadlines[i]) / 1_000_000;
            List<Statement> statements = new ArrayList<>();
            for (Step step : states[i]) {
                statements.add(LivingSteps.written(step));
            }
            long timeout = timeouts[i] == living.timeoutMillis() ? -1 : timeouts[i];
            out.add(
                    new Element(
                            key, null, model.at(), new Element.Life(timeout, left, statements)));
        }
        return out;
    }

    private List<Range> key(int slot) {
        List<Range> out = new ArrayList<>();
        if (slot == catchAll) {
            return out;
        }
        int at = slot * words;
        for (boolean two : wide) {
            long high = two ? keys[at++] : 0;
            long low = keys[at++];
            out.add(new Range(high, low, high, low));
        }
        return out;
    }
}
