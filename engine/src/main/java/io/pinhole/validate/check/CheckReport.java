package io.pinhole.validate.check;

import io.pinhole.report.JsonLine;
import io.pinhole.report.Page;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.space.Witness;
import java.io.OutputStream;
import java.math.BigInteger;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Findings for people, and as JSON, one object a line. */
public final class CheckReport {
    private CheckReport() {}

    /**
     * Prints findings as a compiler prints errors.
     *
     * @param name of the rule set
     * @param rules number of rules looked at
     */
    public static void text(
            OutputStream out, boolean colour, String name, List<Finding> findings, int rules) {
        Page page = new Page(out, colour);
        for (Finding finding : findings) {
            text(page, finding);
        }
        Map<Severity, Integer> counts = new EnumMap<>(Severity.class);
        for (Finding finding : findings) {
            counts.merge(finding.problem().severity(), 1, Integer::sum);
        }
        page.put(Page.Style.BOLD, name + ": " + rules + (rules == 1 ? " rule: " : " rules: "));
        if (findings.isEmpty()) {
            page.put(Page.Style.GOOD, "nothing found");
        } else {
            page.put(
                    count(counts, Severity.ERROR, "error")
                            + ", "
                            + count(counts, Severity.WARNING, "warning")
                            + ", "
                            + counts.getOrDefault(Severity.INFO, 0)
                            + " info");
        }
        page.end();
        page.flush();
    }

    private static String count(Map<Severity, Integer> counts, Severity severity, String name) {
        int n = counts.getOrDefault(severity, 0);
        return n + " " + name + (n == 1 ? "" : "s");
    }

    private static void text(Page page, Finding finding) {
        Problem problem = finding.problem();
        SourcePos at = finding.at();
        page.put(Page.Style.BOLD, at == null ? "rule set" : at.toString()).put(": ");
        page.put(style(problem.severity()), problem.severity().label());
        page.put(": " + problem.text()).put(Page.Style.DIM, "  [" + problem.label() + "]");
        page.end(4);
        if (!finding.rule().isEmpty()) {
            // A line of JSON can be a whole rule set: nft's handle names the rule.
            String label = at == null || at.label() == null ? "" : at.label() + "  ";
            page.put("    " + label).put(Page.Style.CODE, finding.rule());
            page.end(6);
        }
        for (String line : finding.why()) {
            page.put("  why: " + line);
            page.end(7);
        }
        Witness witness = finding.witness();
        if (witness != null) {
            page.put("  packet: ").put(Page.Style.CODE, witness.text());
            page.put("  (ct state " + witness.stateText() + ")");
            page.end(10);
        }
        for (String line : finding.cure()) {
            page.put("  cure: " + line);
            page.end(8);
        }
        page.blank();
    }

    private static Page.Style style(Severity severity) {
        return switch (severity) {
            case ERROR -> Page.Style.BAD;
            case WARNING -> Page.Style.WARN;
            case INFO -> Page.Style.PLAIN;
        };
    }

    /** One object for each finding, then a summary. */
    public static void json(OutputStream out, String name, List<Finding> findings, int rules) {
        JsonLine line = new JsonLine(out);
        for (Finding finding : findings) {
            json(line, finding);
        }
        Map<Severity, Integer> counts = new EnumMap<>(Severity.class);
        for (Finding finding : findings) {
            counts.merge(finding.problem().severity(), 1, Integer::sum);
        }
        line.open().field("event", "summary").field("file", name).field("rules", rules);
        line.field("errors", counts.getOrDefault(Severity.ERROR, 0));
        line.field("warnings", counts.getOrDefault(Severity.WARNING, 0));
        line.field("info", counts.getOrDefault(Severity.INFO, 0));
        line.close().endLine();
        line.flush();
    }

    private static void json(JsonLine line, Finding finding) {
        line.open().field("event", "finding");
        line.field("kind", finding.problem().label());
        line.field("severity", finding.problem().severity().label());
        SourcePos at = finding.at();
        if (at != null) {
            line.field("file", at.file()).field("line", at.line()).field("column", at.column());
        }
        if (!finding.rule().isEmpty()) {
            line.field("rule", finding.rule());
        }
        line.field("detail", finding.problem().text());
        list(line, "why", finding.why());
        list(line, "because", finding.because().stream().map(RuleOrigin::text).toList());
        list(line, "cure", finding.cure());
        Witness witness = finding.witness();
        if (witness != null) {
            line.field("packet", witness.text()).field("ct", witness.state().label());
        }
        line.close().endLine();
    }

    /** Two lines for each rule set and IP version that lets anything in. */
    public static void exposure(OutputStream out, List<Exposure> rows) {
        Page page = new Page(out, false);
        for (Exposure row : rows) {
            if (row.always().signum() == 0 && row.session().signum() == 0) {
                page.put(row.name() + "  IPv" + row.version() + ": nothing is open");
                page.end();
                continue;
            }
            page.put(Page.Style.BOLD, row.name() + "  IPv" + row.version());
            page.put(": " + row.worst() + (row.worst() == 1 ? " port" : " ports"));
            page.put(" of a host open at all times");
            page.end();
            page.put("  always            " + pairs(row.always()) + "  " + row.alwaysWhere());
            page.end(20);
            page.put("  during a session  one of " + pairs(row.session()) + " more at a time");
            page.put("  " + row.sessionWhere());
            page.end(20);
        }
        page.flush();
    }

    private static String pairs(BigInteger count) {
        return count.bitLength() > 40
                ? String.format(Locale.ROOT, "%.2e pairs", count.doubleValue())
                : String.format(Locale.ROOT, "%,d pairs", count);
    }

    /** One {@code exposure} a line. */
    public static void exposureJson(OutputStream out, List<Exposure> rows) {
        JsonLine line = new JsonLine(out);
        for (Exposure row : rows) {
            line.open().field("event", "exposure").field("file", row.name());
            line.field("ip", row.version());
            line.name("always").raw(row.always().toString());
            line.name("session").raw(row.session().toString());
            line.field("portsOfOneHost", row.worst());
            line.field("alwaysOpen", row.alwaysWhere());
            line.field("sessionOpen", row.sessionWhere());
            line.close().endLine();
        }
        line.flush();
    }

    static void list(JsonLine line, String name, List<String> items) {
        if (items.isEmpty()) {
            return;
        }
        line.name(name).raw("[");
        boolean first = true;
        for (String item : items) {
            if (!first) {
                line.raw(",");
            }
            first = false;
            line.raw(JsonLine.quoted(item));
        }
        line.raw("]");
    }
}
