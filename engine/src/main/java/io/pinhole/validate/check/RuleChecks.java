package io.pinhole.validate.check;

import io.pinhole.core.CtState;
import io.pinhole.rule.Chain;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Passage;
import io.pinhole.validate.space.Visit;
import io.pinhole.validate.space.Walk;
import io.pinhole.validate.space.Witness;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Rules that never match, and rules that change nothing. A rule stands accused only if that holds
 * wherever packets meet it, on every route and from every chain that jumps to its own.
 */
final class RuleChecks {
    /** What was seen of one rule, everywhere. */
    private static final class Seen {
        private boolean matches;
        private boolean makesDifference;
        private @Nullable Visit visit;
        private @Nullable Passage passage;
    }

    private final PacketSpace space;
    private final Bdd bdd;
    private final List<Table> tables;
    private final IdentityHashMap<Rule, Seen> seen = new IdentityHashMap<>();
    private final List<Finding> findings = new ArrayList<>();

    RuleChecks(PacketSpace space, List<Table> tables) {
        this.space = space;
        this.tables = tables;
        bdd = space.bdd();
    }

    void add(Walk walk) {
        for (Walk.BaseWalk base : walk.bases()) {
            int accepted = base.base().policyAccept() ? Bdd.TRUE : Bdd.FALSE;
            Outcome policy = new Outcome(accepted, Bdd.FALSE, Bdd.FALSE);
            note(base.passage(), Outcome.changes(bdd, base.passage(), policy));
        }
    }

    private void note(Passage passage, IdentityHashMap<Visit, Boolean> changes) {
        for (Visit visit : passage.visits()) {
            Seen s = seen.computeIfAbsent(visit.rule(), r -> new Seen());
            boolean matches = bdd.and(visit.reach(), visit.condition()) != Bdd.FALSE;
            s.makesDifference |= visit.acts() || changes.getOrDefault(visit, true);
            // The visit that shows most: where it matches, else where packets come.
            if (s.visit == null || matches || !s.matches && passage.enter() != Bdd.FALSE) {
                s.visit = visit;
                s.passage = passage;
            }
            s.matches |= matches;
            for (Visit.Branch branch : visit.branches()) {
                Passage into = branch.into();
                if (into != null) {
                    note(into, changes);
                }
            }
        }
    }

    List<Finding> findings() {
        for (Table table : tables) {
            for (Chain chain : table.chains()) {
                boolean met = false;
                for (Rule rule : chain.rules()) {
                    Seen s = seen.get(rule);
                    if (s == null || s.visit == null || s.passage == null) {
                        continue;
                    }
                    met = true;
                    if (!s.matches) {
                        never(rule, s.visit, s.passage);
                    } else if (!s.makesDifference && decides(s.visit)) {
                        redundant(rule, s.visit);
                    }
                }
                if (!met && chain.base() == null && !table.dormant()) {
                    unused(chain);
                }
            }
        }
        return findings;
    }

    private static boolean decides(Visit visit) {
        return !visit.branches().isEmpty();
    }

    private void unused(Chain chain) {
        findings.add(
                new Finding(
                        Problem.UNUSED_CHAIN,
                        chain.at(),
                        "chain " + chain.name(),
                        List.of(),
                        List.of(),
                        List.of("jump to it, or delete it"),
                        null));
    }

    private void redundant(Rule rule, Visit visit) {
        int packets = bdd.and(visit.reach(), visit.condition());
        findings.add(
                finding(
                        Problem.REDUNDANT,
                        rule,
                        List.of("what comes after it, or the policy, says the same"),
                        List.of(),
                        List.of("delete it, or add a counter if it is there to be counted"),
                        Witness.of(space, packets)));
    }

    private void never(Rule rule, Visit visit, Passage passage) {
        Statement contradiction = visit.contradiction();
        if (contradiction != null) {
            findings.add(
                    new Finding(
                            Problem.CONTRADICTION,
                            Finding.place(rule, contradiction),
                            rule.origin().source(),
                            List.of("nothing that matches what stands before can match this"),
                            List.of(),
                            List.of("correct the condition, or delete the rule"),
                            null));
            return;
        }
        int wanted = bdd.and(visit.condition(), space.wellFormed());
        int came = bdd.and(wanted, passage.enter());
        if (came == Bdd.FALSE) {
            findings.add(
                    finding(
                            Problem.UNREACHABLE,
                            rule,
                            List.of(
                                    "packets it could match never come to chain "
                                            + passage.chain().name()
                                            + ": earlier chains, or the rules that jump here,"
                                            + " keep them away"),
                            List.of(),
                            List.of("delete it, or move it to where such packets are"),
                            Witness.of(space, wanted)));
            return;
        }
        covered(rule, visit, passage, came);
    }

    /** Which earlier rules of the chain took its packets. */
    @SuppressWarnings("ReferenceEquality") // this very visit
    private void covered(Rule rule, Visit visit, Passage passage, int all) {
        // Those that begin connections are what the rule is there for, if it sees any.
        int begins = bdd.and(all, space.state(CtState.NEW));
        int came = begins == Bdd.FALSE ? all : begins;
        Set<RuleOrigin> because = new LinkedHashSet<>();
        Set<Visit.End> ends = new LinkedHashSet<>();
        int left = came;
        for (Visit earlier : passage.visits()) {
            if (earlier == visit || left == Bdd.FALSE) {
                break;
            }
            for (Visit.Branch branch : earlier.branches()) {
                if (bdd.and(branch.packets(), left) != Bdd.FALSE) {
                    collect(branch, left, earlier, because, ends);
                    if (branch.end() != Visit.End.JUMP) {
                        left = bdd.minus(left, branch.packets());
                    }
                }
            }
        }
        Set<Visit.End> own = new LinkedHashSet<>();
        visit.branches().forEach(b -> own.add(b.end()));
        boolean same = !visit.acts() && ends.equals(own);
        int shown = came;
        if (!same && !visit.acts() && own.size() == 1 && ends.containsAll(own)) {
            // An exception before both, such as for lo, does not make them differ.
            Set<RuleOrigin> alike = new LinkedHashSet<>();
            int met = Bdd.FALSE;
            int decided = Bdd.FALSE;
            for (Visit earlier : passage.visits()) {
                if (earlier == visit) {
                    break;
                }
                met = bdd.or(met, decidedAlike(earlier, came, own, alike, false));
                decided = bdd.or(decided, decidedAlike(earlier, came, own, alike, true));
            }
            if (bdd.isSubset(came, met)) {
                same = true;
                because = alike;
                shown = decided == Bdd.FALSE ? came : decided; // not the exception
            }
        }
        findings.add(
                finding(
                        same ? Problem.COVERED : Problem.SHADOWED,
                        rule,
                        List.of(
                                (same
                                                ? "its packets are already decided by "
                                                : "decided before by ")
                                        + names(because)),
                        List.copyOf(because),
                        List.of(
                                same
                                        ? "delete it"
                                        : "move it before "
                                                + because.iterator().next()
                                                + ", or delete it"),
                        Witness.of(space, shown)));
    }

    private void collect(
            Visit.Branch branch, int came, Visit at, Set<RuleOrigin> because, Set<Visit.End> ends) {
        Passage into = branch.into();
        if (into == null) {
            because.add(at.rule().origin());
            ends.add(branch.end());
            return;
        }
        if (branch.end() == Visit.End.GOTO) {
            because.add(at.rule().origin()); // nothing comes back from there
            ends.add(branch.end());
        }
        for (Visit inner : into.visits()) {
            for (Visit.Branch deeper : inner.branches()) {
                if (deeper.end() != Visit.End.RETURN
                        && bdd.and(deeper.packets(), came) != Bdd.FALSE) {
                    collect(deeper, came, inner, because, ends);
                }
            }
        }
    }

    /**
     * Those packets that a rule decides like this, and which rules do.
     *
     * @param came only packets that come to it; else also those that would be, if they did
     */
    private int decidedAlike(
            Visit at, int packets, Set<Visit.End> ends, Set<RuleOrigin> because, boolean came) {
        int out = Bdd.FALSE;
        for (Visit.Branch branch : at.branches()) {
            int met = bdd.and(came ? branch.packets() : branch.whenMet(), packets);
            Passage into = branch.into();
            if (met == Bdd.FALSE) {
                continue;
            }
            if (into != null) {
                for (Visit inner : into.visits()) {
                    out = bdd.or(out, decidedAlike(inner, met, ends, because, came));
                }
            } else if (ends.contains(branch.end())) {
                because.add(at.rule().origin());
                out = bdd.or(out, met);
            }
        }
        return out;
    }

    private static String names(Set<RuleOrigin> origins) {
        int most = 4;
        String text =
                String.join(", ", origins.stream().limit(most).map(RuleOrigin::text).toList());
        return origins.size() > most ? text + " and " + (origins.size() - most) + " more" : text;
    }

    private static Finding finding(
            Problem problem,
            Rule rule,
            List<String> why,
            List<RuleOrigin> because,
            List<String> cure,
            Witness witness) {
        SourcePos at = rule.at();
        return new Finding(problem, at, rule.origin().source(), why, because, cure, witness);
    }
}
