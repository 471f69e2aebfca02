package io.pinhole.validate.check;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.Route;
import io.pinhole.validate.space.View;
import io.pinhole.validate.space.Walk;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code pinhole check}: everything that is wrong with one rule set. */
public final class RuleCheck {
    private RuleCheck() {}

    /**
     * Looks at all packets on every route that the rule set filters.
     *
     * @throws io.pinhole.validate.space.Bdd.TooLarge if an exact answer does not fit into memory
     */
    public static List<Finding> of(RuleSet rules, Policies policies) {
        PacketSpace space = PacketSpace.of(rules);
        RuleChecks checks = new RuleChecks(space, rules.tables());
        List<Finding> out = new ArrayList<>();
        Map<View, Reachable> views = View.reachable(space, rules, policies, View.of(rules));
        Set<Route> done = EnumSet.noneOf(Route.class);
        for (Map.Entry<View, Reachable> view : views.entrySet()) {
            if (done.add(view.getKey().toward())) {
                checks.add(view.getValue().walk());
            }
        }
        out.addAll(new FtpChecks(rules, ofFtp(space, views)).findings());
        out.addAll(checks.findings());
        out.addAll(SetChecks.findings(rules.tables()));
        out.sort(
                Comparator.comparing(
                        Finding::at,
                        Comparator.nullsFirst(
                                Comparator.comparing(SourcePos::file)
                                        .thenComparingInt(SourcePos::line)
                                        .thenComparingInt(SourcePos::column))));
        return out;
    }

    /** Where FTP is let in: through the host, else to it or from it. */
    private static Reachable ofFtp(PacketSpace space, Map<View, Reachable> views) {
        Bdd bdd = space.bdd();
        int ftp = bdd.and(space.tcp(), space.is(PacketSpace.DESTINATION_PORT, 21));
        for (Reachable reach : views.values()) {
            int filtered = Bdd.FALSE; // an IP version that no chain sees says nothing
            for (Walk.BaseWalk base : reach.walk().bases()) {
                filtered = bdd.or(filtered, base.passage().enter());
            }
            if (bdd.and(bdd.and(reach.opening(), filtered), ftp) != Bdd.FALSE) {
                return reach;
            }
        }
        for (Reachable reach : views.values()) {
            if (bdd.and(reach.opening(), reach.walk().helped()) != Bdd.FALSE) {
                return reach;
            }
        }
        return views.values().iterator().next();
    }
}
