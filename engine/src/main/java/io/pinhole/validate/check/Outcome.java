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
 */
record Outcome(int accepted, int rejected) {

    boolean differs(Bdd bdd, Outcome other, int packets) {
        int different =
                bdd.or(bdd.xor(accepted, other.accepted), bdd.xor(rejected, other.rejected));
        return bdd.and(different, packets) != Bdd.FALSE;
    }

    private static Outcome choose(Bdd bdd, int packets, Outcome yes, Outcome no) {
        return new Outcome(
                bdd.ifThenElse(packets, yes.accepted, no.accepted),
                bdd.ifThenElse(packets, yes.rejected, no.rejected));
    }

    /**
     * Walks a chain backwards.
     *
     * @param after what becomes of packets that come out of it
     * @param changes is told, for each rule that some packet meets, whether it makes a difference
     */
    static Outcome of(
            Bdd bdd, Passage passage, Outcome after, IdentityHashMap<Visit, Boolean> changes) {
        Outcome next = after;
        for (int i = passage.visits().size() - 1; i >= 0; i--) {
            Visit visit = passage.visits().get(i);
            if (bdd.and(visit.reach(), visit.condition()) == Bdd.FALSE) {
                continue; // as if it were not there: it should not excuse another
            }
            Outcome here = next;
            int met = Bdd.FALSE;
            for (Visit.Branch branch : visit.branches()) {
                Outcome then =
                        switch (branch.end()) {
                            case ACCEPT -> new Outcome(Bdd.TRUE, Bdd.FALSE);
                            case DROP -> new Outcome(Bdd.FALSE, Bdd.FALSE);
                            case REJECT -> new Outcome(Bdd.FALSE, Bdd.TRUE);
                            case RETURN -> after;
                            case JUMP -> into(bdd, branch, next, changes);
                            case GOTO -> into(bdd, branch, after, changes);
                        };
                here = choose(bdd, branch.whenMet(), then, here);
                met = bdd.or(met, branch.packets());
            }
            changes.put(visit, here.differs(bdd, next, met));
            next = here;
        }
        return next;
    }

    private static Outcome into(
            Bdd bdd, Visit.Branch branch, Outcome after, IdentityHashMap<Visit, Boolean> changes) {
        Passage inner = branch.into();
        return inner == null ? after : of(bdd, inner, after, changes);
    }

    static IdentityHashMap<Visit, Boolean> noted() {
        return new IdentityHashMap<>();
    }
}
