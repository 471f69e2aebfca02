package io.pinhole.report;

import io.pinhole.core.Verdict;
import io.pinhole.report.Page.Style;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.explain.Explanation;
import java.io.OutputStream;
import java.util.List;

/** An explanation for people, in at most 100 columns. */
public final class ExplainText {
    private static final int WHERE = 7;
    private static final int MAX_RULE = 300;

    private final Page page;
    private final String rulesName;

    /**
     * @param rulesName as the user gave it, for the command that tries a change
     */
    public ExplainText(OutputStream out, boolean colour, String rulesName) {
        page = new Page(out, colour);
        this.rulesName = rulesName;
    }

    public void write(Explanation e) {
        page.put(Style.BOLD, printable(e.packet())).put(Style.DIM, "  " + e.tracking());
        page.end();
        for (Explanation.Visit visit : e.visits()) {
            page.blank();
            visit(visit);
        }
        page.blank();
        verdict(e);
        changes(e);
        page.flush();
    }

    private void visit(Explanation.Visit visit) {
        page.put(Style.BOLD, visit.hook().label());
        page.put("  table " + printable(visit.table()) + ", chain " + printable(visit.chain()));
        page.put(Style.DIM, " (" + visit.base() + ")");
        page.end();
        int wide = WHERE;
        for (Explanation.Line line : visit.lines()) {
            wide = Math.max(wide, where(line.rule()).length() + 2 * line.depth());
        }
        wide = Math.min(wide, 36);
        for (Explanation.Line line : visit.lines()) {
            boolean decided = line.rule().equals(visit.by());
            page.put("  ");
            if (line.matched()) {
                Style style = decided ? style(visit.verdict()) : Style.PLAIN;
                page.put(style, decided ? "=> " : "+  ");
            } else {
                page.put(Style.DIM, "-  ");
            }
            page.put(line.matched() ? Style.CODE : Style.DIM, "  ".repeat(line.depth()));
            page.put(Style.CODE, printable(where(line.rule())));
            page.to(5 + wide, 1).put("  ");
            int hang = page.column();
            page.put(line.matched() ? Style.PLAIN : Style.DIM, source(line.rule()));
            page.end(Math.min(hang, 60));
            if (!line.matched()) {
                page.to(hang + 2, 1).put(Style.WARN, printable(line.why()));
                page.end(Math.min(hang + 2, 60));
            }
        }
        if (visit.skipped() > 0) {
            page.put(Style.DIM, "  -  " + count(visit.skipped()) + " not shown (--all)");
            page.end();
        }
        boolean policy = visit.lines().stream().noneMatch(l -> l.rule().equals(visit.by()));
        if (policy) {
            page.put("  ").put(style(visit.verdict()), "=> ");
            page.put(Style.CODE, printable(visit.by().text()));
            page.put(": no rule decided");
            page.end(5);
        }
        page.put("  ").put(style(visit.verdict()), visit.verdict().label());
        page.end();
    }

    private static String count(int rules) {
        return "%,d more %s that %s not match"
                .formatted(rules, rules == 1 ? "rule" : "rules", rules == 1 ? "does" : "do");
    }

    private void verdict(Explanation e) {
        page.put(style(e.verdict()), e.verdict().label().toUpperCase(java.util.Locale.ROOT));
        page.put(" at hook " + e.hook().label() + " by ");
        page.put(Style.CODE, printable(e.decidedBy().text()));
        if (!e.decidedBy().source().isEmpty()) {
            page.put("  " + source(e.decidedBy()));
        }
        page.end(4);
    }

    private void changes(Explanation e) {
        if (e.verdict() == Verdict.ACCEPT) {
            return;
        }
        page.blank();
        if (e.changes().isEmpty()) {
            page.put("No small change of this packet lets it pass.");
            page.end();
            return;
        }
        page.put(Style.BOLD, "It would pass with");
        page.end();
        int number = 0;
        for (Explanation.Change change : e.changes()) {
            page.put("  " + ++number + ". ");
            page.put(Style.GOOD, printable(String.join(", ", change.what())));
            page.end(5);
            page.put("     " + (change.accepts() ? "accepted by " : "passes "));
            page.put(Style.CODE, printable(change.rule().text()));
            if (!change.rule().source().isEmpty()) {
                page.put("  " + source(change.rule()));
            }
            page.end(7);
            if (change.note() != null) {
                page.put("     ").put(Style.DIM, printable(change.note()));
                page.end(7);
            }
            page.put("     ").put(Style.DIM, "pinhole explain " + printable(rulesName) + " '");
            page.put(Style.DIM, printable(change.packet().text()) + "'");
            String options = printable(change.packet().options());
            page.put(Style.DIM, options.isEmpty() ? "" : " " + options);
            page.end(7);
        }
    }

    private static String where(RuleOrigin origin) {
        return origin.text();
    }

    private static Style style(Verdict verdict) {
        return verdict == Verdict.ACCEPT ? Style.GOOD : Style.BAD;
    }

    private static String source(RuleOrigin origin) {
        return Printable.clip(origin.source(), MAX_RULE);
    }

    private static String printable(String text) {
        return Printable.clip(text, MAX_RULE);
    }

    /** As {@link #write(Explanation)} for several, a blank line between them. */
    public void write(List<Explanation> all) {
        for (int i = 0; i < all.size(); i++) {
            if (i > 0) {
                page.blank();
            }
            write(all.get(i));
        }
    }
}
