package io.pinhole.validate.check;

import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.Passage;
import io.pinhole.validate.space.Visit;
import java.util.IdentityHashMap;

/**
 * What becomes of packets from some place of a chain on: accepted, rejected, else dropped.
 *
 * <p>Computed from the end of a chain backwards, so that each rule can be asked what would happen
 * without it.
 *
 * @param changed packets for which rules set something on the way: what comes of that is not known
 */
record Outcome(int accepted, int rejected, int changed) {

    private boolean differs(Bdd bdd, Outcome other, int packets) {
        int different =
                bdd.any(
                        bdd.xor(accepted, other.accepted),
                        bdd.xor(rejected, other.rejected),
                        changed,
                        other.changed);
        return bdd.and(different, packets) != Bdd.FALSE;
    }

    private static Outcome choose(Bdd bdd, int packets, Outcome yes, Outcome no) {
        return new Outcome(
                bdd.ifThenElse(packets, yes.accepted, no.accepted),
                bdd.ifThenElse(packets, yes.rejected, no.rejected),
                bdd.ifThenElse(packets, yes.changed, no.changed));
    }

    /**
     * Walks a base chain backwards, twice: with the rules that never match, which packets may come
     * to where another is taken away, and without them, as they should not excuse another.
     *
     * @param policy what becomes of packets that come out of it
     * @return for each rule that some packet meets, whether it makes a difference
     */
    static IdentityHashMap<Visit, Boolean> changes(Bdd bdd, Passage passage, Outcome policy) {
        IdentityHashMap<Visit, Boolean> changes = new IdentityHashMap<>();
        of(bdd, passage, policy, true, changes);
        of(bdd, passage, policy, false, changes);
        return changes;
    }

    private static Outcome of(
            Bdd bdd,
            Passage passage,
            Outcome after,
            boolean all,
            IdentityHashMap<Visit, Boolean> changes) {
        Outcome next = after;
        for (int i = passage.visits().size() - 1; i >= 0; i--) {
            Visit visit = passage.visits().get(i);
            if (!all && bdd.and(visit.reach(), visit.condition()) == Bdd.FALSE) {
                continue;
            }
            Outcome here = next;
            int met = Bdd.FALSE;
            for (Visit.Branch branch : visit.branches()) {
                Outcome then =
                        switch (branch.end()) {
                            case ACCEPT -> new Outcome(Bdd.TRUE, Bdd.FALSE, Bdd.FALSE);
                            case DROP -> new Outcome(Bdd.FALSE, Bdd.FALSE, Bdd.FALSE);
                            case REJECT -> new Outcome(Bdd.FALSE, Bdd.TRUE, Bdd.FALSE);
                            case RETURN -> after;
                            case JUMP -> into(bdd, branch, next, all, changes);
                            case GOTO -> into(bdd, branch, after, all, changes);
                        };
                here = choose(bdd, branch.whenMet(), then, here);
                met = bdd.or(met, branch.packets());
            }
            changes.merge(visit, here.differs(bdd, next, met), Boolean::logicalOr);
            int changed = bdd.or(here.changed, visit.changes());
            next = new Outcome(here.accepted, here.rejected, changed);
        }
        return next;
    }

    private static Outcome into(
            Bdd bdd,
            Visit.Branch branch,
            Outcome after,
            boolean all,
            IdentityHashMap<Visit, Boolean> changes) {
        Passage inner = branch.into();
        return inner == null ? after : of(bdd, inner, after, all, changes);
    }
}
