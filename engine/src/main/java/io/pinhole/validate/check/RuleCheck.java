package io.pinhole.validate.check;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.Route;
import io.pinhole.validate.space.View;
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
        // FTP through the host where it forwards, to it where it only serves.
        out.addAll(new FtpChecks(rules, views.values().iterator().next()).findings());
        out.addAll(checks.findings());
        out.addAll(SetChecks.findings(rules.tables()));
        out.sort(Comparator.comparing(RuleCheck::file).thenComparingInt(RuleCheck::line));
        return out;
    }

    private static String file(Finding finding) {
        SourcePos at = finding.at();
        return at == null ? "" : at.file();
    }

    private static int line(Finding finding) {
        SourcePos at = finding.at();
        return at == null ? 0 : at.line();
    }
}
