package io.pinhole.validate.run;

import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.explain.Explanation;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * A packet's walk in a few lines, as a failing test shows it: the rules that matched, and of the
 * chain that decided those that did not, with what failed first.
 */
final class WalkLines {
    /** Rules that did not match; the rest is counted. */
    private static final int RULES = 5;

    /** How it is said that a rule is for packets of another kind: the least worth telling. */
    private static final String OTHER_KIND = "the packet is ";

    private static final int CHANGES = 2;
    private static final int WIDEST = 160;

    private WalkLines() {}

    /**
     * @param rulesName as the scenario names them, for the command that shows everything
     */
    static List<String> of(Explanation e, String rulesName) {
        List<String> out = new ArrayList<>();
        if (e.tracking().indexOf(',') >= 0 || e.tracking().indexOf(':') >= 0) {
            out.add(e.tracking()); // the ct state alone stands with the verdict
        }
        boolean decided = false;
        for (Explanation.Visit visit : e.visits()) {
            boolean here = !decided && visit.by().equals(e.decidedBy());
            decided |= here;
            visit(visit, here, e, out);
        }
        if (out.isEmpty()) {
            out.add("=> " + e.verdict().label() + " by " + e.decidedBy().text());
        }
        e.changes().stream().limit(CHANGES).forEach(c -> change(c, out));
        if (!e.changes().isEmpty()) {
            Explanation.Change first = e.changes().getFirst();
            String options = first.packet().options();
            out.add(
                    "  pinhole explain "
                            + rulesName
                            + " '"
                            + first.packet().text()
                            + "'"
                            + (options.isEmpty() ? "" : " " + options));
        }
        return out;
    }

    private static void visit(
            Explanation.Visit visit, boolean decides, Explanation e, List<String> out) {
        boolean stopped = decides && e.verdict() != Verdict.ACCEPT;
        Set<Explanation.Line> shown = new LinkedHashSet<>();
        if (stopped) {
            Set<RuleOrigin> near = new HashSet<>();
            e.changes().stream().limit(CHANGES).forEach(c -> near.add(c.rule()));
            choose(visit, shown, line -> near.contains(line.rule()));
            choose(visit, shown, line -> !line.why().startsWith(OTHER_KIND));
            choose(visit, shown, line -> true);
        }
        int left = visit.skipped();
        List<Explanation.Line> lines = new ArrayList<>();
        for (Explanation.Line line : visit.lines()) {
            if (line.matched() || shown.contains(line)) {
                lines.add(line);
            } else {
                left++;
            }
        }
        if (lines.isEmpty() && !decides) {
            return;
        }
        out.add(visit.hook().label() + ", chain " + visit.chain() + " (" + visit.base() + ")");
        boolean byRule = false;
        for (Explanation.Line line : lines) {
            boolean by = decides && line.rule().equals(visit.by());
            byRule |= by;
            String mark = by ? "=> " : line.matched() ? "+  " : "-  ";
            out.add("  ".repeat(line.depth() + 1) + mark + rule(line.rule()) + why(line, by, e));
        }
        if (stopped && left > 0) {
            out.add("  -  " + left + (left == 1 ? " more rule" : " more rules"));
        }
        if (decides && !byRule) {
            out.add("  => " + visit.by().text() + ": no rule decided");
        }
    }

    /** Adds rules that did not match, as long as there is room. */
    private static void choose(
            Explanation.Visit visit,
            Set<Explanation.Line> shown,
            Predicate<Explanation.Line> wanted) {
        for (Explanation.Line line : visit.lines()) {
            if (shown.size() < RULES && !line.matched() && wanted.test(line)) {
                shown.add(line);
            }
        }
    }

    private static String why(Explanation.Line line, boolean decides, Explanation e) {
        if (decides) {
            return line.rule().source().isEmpty() ? ": " + e.verdict().label() : "";
        }
        return line.matched() ? "" : ": " + line.why();
    }

    private static String rule(RuleOrigin origin) {
        String source = origin.source();
        return origin.text()
                + (source.isEmpty()
                        ? ""
                        : "  "
                                + (source.length() > WIDEST
                                        ? source.substring(0, WIDEST) + "…"
                                        : source));
    }

    private static void change(Explanation.Change change, List<String> out) {
        out.add(
                "would pass with "
                        + String.join(", ", change.what())
                        + (change.accepts() ? ", by " : ", past ")
                        + change.rule().text()
                        + (change.note() == null ? "" : " (" + change.note() + ")"));
    }
}
