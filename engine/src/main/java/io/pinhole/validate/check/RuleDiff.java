package io.pinhole.validate.check;

import static io.pinhole.validate.space.PacketSpace.PARENT;
import static io.pinhole.validate.space.PacketSpace.REPLY;
import static io.pinhole.validate.space.PacketSpace.STATE;

import io.pinhole.rule.RuleSet;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.Region;
import io.pinhole.validate.space.View;
import io.pinhole.validate.space.Witness;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * {@code pinhole diff}: what passes under one rule set and not under the other, over all packets
 * and all FTP dialogues.
 */
public final class RuleDiff {
    /** Regions of one kind that are told apart; beyond, only that there are more. */
    public static final int MOST = 20;

    /**
     * What changed.
     *
     * @param complete false if there are more regions than are listed
     */
    public record Difference(List<Change> changes, boolean complete) {
        public boolean isEmpty() {
            return changes.isEmpty();
        }
    }

    private final PacketSpace space;
    private final Bdd bdd;
    private final List<Change> changes = new ArrayList<>();
    private boolean complete = true;

    // Of the view that is being compared.
    private Reachable olds;
    private Reachable news;

    private RuleDiff(PacketSpace space, Reachable olds, Reachable news) {
        this.space = space;
        this.olds = olds;
        this.news = news;
        bdd = space.bdd();
    }

    /**
     * Compares two rule sets.
     *
     * @throws Bdd.TooLarge if an exact answer does not fit into memory
     */
    public static Difference of(RuleSet before, RuleSet after, Policies policies) {
        return of(before, policies, after, policies);
    }

    /**
     * Compares two rule sets, each under its own policies.
     *
     * @throws Bdd.TooLarge if an exact answer does not fit into memory
     */
    public static Difference of(
            RuleSet before, Policies beforePolicies, RuleSet after, Policies afterPolicies) {
        PacketSpace space = PacketSpace.of(before, after);
        Set<View> views = EnumSet.copyOf(View.of(before));
        views.addAll(View.of(after));
        Map<View, Reachable> olds = View.reachable(space, before, beforePolicies, views);
        Map<View, Reachable> news = View.reachable(space, after, afterPolicies, views);
        View first = views.iterator().next();
        RuleDiff diff =
                new RuleDiff(
                        space,
                        Objects.requireNonNull(olds.get(first)),
                        Objects.requireNonNull(news.get(first)));
        for (View view : views) {
            diff.compare(
                    view,
                    Objects.requireNonNull(olds.get(view)),
                    Objects.requireNonNull(news.get(view)));
        }
        return new Difference(List.copyOf(diff.changes), diff.complete);
    }

    private void compare(View view, Reachable before, Reachable after) {
        olds = before;
        news = after;
        both(view, Change.Kind.CONNECTION, before.opening(), after.opening());
        // A packet that may begin a connection on its own needs no pinhole.
        both(
                view,
                Change.Kind.DATA,
                bdd.or(before.data(), onItsOwn(after.data(), before)),
                bdd.or(after.data(), onItsOwn(before.data(), after)));
        // What follows from a connection that only one lets in is not told again.
        int plain =
                either(
                        bdd.and(
                                space.connections(before.opening()),
                                space.connections(after.opening())));
        int expected =
                either(bdd.and(space.connections(before.data()), space.connections(after.data())));
        int common = bdd.ifThenElse(space.parent(), expected, plain);
        both(
                view,
                Change.Kind.ESTABLISHED,
                bdd.and(before.established(), common),
                bdd.and(after.established(), common));
        // Nor are packets outside of a connection that is told of already.
        int opened = space.connections(bdd.minus(after.opening(), before.opening()));
        int closed = space.connections(bdd.minus(before.opening(), after.opening()));
        both(
                view,
                Change.Kind.LOOSE,
                bdd.minus(before.loose(), closed),
                bdd.minus(after.loose(), opened));
        both(view, Change.Kind.ERROR, before.errors(), after.errors());
    }

    /**
     * Data connections that these rules let in without a pinhole, too: between the same interfaces,
     * for what a rule lets out by one is not let in by another.
     */
    private int onItsOwn(int data, Reachable under) {
        List<PacketSpace.Slice> same =
                new ArrayList<>(
                        List.of(
                                PacketSpace.IPV4,
                                PacketSpace.PROTOCOL,
                                PacketSpace.SOURCE,
                                PacketSpace.DESTINATION,
                                PacketSpace.SOURCE_PORT,
                                PacketSpace.DESTINATION_PORT));
        for (String interfaces : List.of("iif", "oif")) {
            PacketSpace.Slice slice = space.extraOrNull(interfaces);
            if (slice != null) {
                same.add(slice);
            }
        }
        int alone = space.onlyBy(under.opening(), same.toArray(PacketSpace.Slice[]::new));
        return bdd.and(data, alone);
    }

    /** Packets of both directions of these flows. */
    private int either(int flows) {
        return bdd.or(
                bdd.and(flows, space.original()), bdd.and(space.mirrored(flows), space.reply()));
    }

    private void both(View view, Change.Kind kind, int before, int after) {
        int old = visible(before);
        int now = visible(after);
        changes(view, kind, true, bdd.minus(now, old));
        changes(view, kind, false, bdd.minus(old, now));
    }

    /** Without what nobody would tell two packets apart by: marks, a limit's state, lengths. */
    private int visible(int set) {
        BitSet hidden = new BitSet();
        for (String name : space.extraNames()) {
            PacketSpace.Slice slice = space.extraOrNull(name);
            boolean shown =
                    name.equals("iif") || name.equals("oif") || name.startsWith("transport");
            if (slice != null && !shown) {
                hidden.or(slice.bits());
            }
        }
        return bdd.exists(set, hidden);
    }

    private void changes(View view, Change.Kind kind, boolean opened, int set) {
        if (set == Bdd.FALSE) {
            return;
        }
        int shown = set;
        if (kind != Change.Kind.ESTABLISHED) {
            // The kind says it.
            BitSet known = REPLY.bits();
            known.or(PARENT.bits());
            if (kind != Change.Kind.LOOSE) {
                known.or(STATE.bits());
            }
            shown = bdd.exists(set, known);
        }
        Region.Cover cover = Region.cover(space, shown, MOST);
        complete &= cover.complete();
        for (Region region : cover.regions()) {
            Witness example = Witness.of(space, bdd.and(region.set(space), set));
            changes.add(
                    new Change(
                            view,
                            kind,
                            opened,
                            region.text(space),
                            region,
                            example,
                            opened ? news.before(example, olds) : olds.before(example, news)));
        }
    }
}
