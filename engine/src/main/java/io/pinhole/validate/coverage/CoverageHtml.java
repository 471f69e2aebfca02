package io.pinhole.validate.coverage;

import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.validate.coverage.Coverage.ElementHits;
import io.pinhole.validate.coverage.Coverage.Report;
import io.pinhole.validate.coverage.Coverage.RuleHits;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The rule files, each line coloured by whether a test reached it: one page, no scripts. */
public final class CoverageHtml {
    private static final String STYLE =
            """
            :root { color-scheme: light dark; --hit: #d8f5d8; --part: #fff1c2; --miss: #ffd6d6; }
            @media (prefers-color-scheme: dark) {
              :root { --hit: #173d1d; --part: #4a3c0a; --miss: #541c1c; }
            }
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
            table { border-collapse: collapse; width: 100%; font: 13px/1.45 ui-monospace, monospace; }
            td { padding: 0 .6em; white-space: pre; vertical-align: top; }
            td.n, td.c { text-align: right; opacity: .65; user-select: none; }
            tr.hit { background: var(--hit); } tr.part { background: var(--part); }
            tr.miss { background: var(--miss); }
            .note { white-space: normal; font-style: italic; }
            .key span { padding: .1em .5em; margin-right: .5em; }
            """;

    /** Brings the lines of a rule file; empty if it cannot be had. */
    public interface Source {
        List<String> lines(String file);
    }

    private static final class Line {
        long packets;
        boolean missed;
        boolean hit;
        final List<String> notes = new ArrayList<>();
    }

    private CoverageHtml() {}

    public static String page(List<Report> reports, Source source) {
        StringBuilder out = new StringBuilder();
        out.append("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
        out.append("<meta name=\"viewport\" content=\"width=device-width\">\n");
        out.append("<title>Rule coverage</title>\n<style>\n").append(STYLE).append("</style>\n");
        out.append("<h1>Rule coverage</h1>\n<p class=\"key\">");
        out.append("<span style=\"background:var(--hit)\">reached</span>");
        out.append("<span style=\"background:var(--part)\">an element was never reached</span>");
        out.append("<span style=\"background:var(--miss)\">never reached</span></p>\n");
        for (Report report : reports) {
            report(report, source, out);
        }
        return out.append("</html>\n").toString();
    }

    private static void report(Report report, Source source, StringBuilder out) {
        out.append("<h2>").append(escaped(report.rules().name())).append(" &ndash; ");
        out.append(report.covered()).append(" of ").append(report.total());
        out.append(" rules and set elements, ").append(report.percent()).append(" %</h2>\n");
        if (!report.reached().isEmpty() || !report.missed().isEmpty()) {
            out.append("<p>FTP paths taken: ").append(report.reached().size()).append(" of ");
            out.append(report.reached().size() + report.missed().size()).append(".</p>\n<ul>\n");
            report.missed()
                    .forEach(
                            p ->
                                    out.append("<li>never taken: ")
                                            .append(escaped(p.text()))
                                            .append("</li>\n"));
            out.append("</ul>\n");
        }
        Map<String, Map<Integer, Line>> files = new LinkedHashMap<>();
        for (RuleHits hits : report.hits()) {
            mark(hits, files);
        }
        files.forEach((file, marks) -> file(file, marks, source.lines(file), out));
    }

    private static void mark(RuleHits hits, Map<String, Map<Integer, Line>> files) {
        SourcePos at = hits.rule().at();
        int last = at.line();
        for (Statement s : hits.rule().statements()) {
            if (s.at().file().equals(at.file())) {
                last = Math.max(last, s.at().line());
            }
        }
        for (int n = at.line(); n <= last; n++) {
            Line line = line(files, at.file(), n);
            line.packets = hits.packets();
            line.hit |= hits.packets() > 0;
            line.missed |= hits.packets() == 0;
            if (hits.packets() > 0 && n == at.line()) {
                for (ElementHits e : hits.elements()) {
                    if (e.packets() == 0) {
                        line.missed = true;
                        line.notes.add("never reached: " + e.text());
                    }
                }
            }
        }
    }

    private static Line line(Map<String, Map<Integer, Line>> files, String file, int number) {
        return files.computeIfAbsent(file, f -> new TreeMap<>())
                .computeIfAbsent(number, n -> new Line());
    }

    private static void file(
            String file, Map<Integer, Line> marks, List<String> lines, StringBuilder out) {
        out.append("<h3>").append(escaped(file)).append("</h3>\n<table>\n");
        for (int i = 0; i < lines.size(); i++) {
            Line mark = marks.get(i + 1);
            String style =
                    mark == null
                            ? ""
                            : mark.hit && mark.missed ? "part" : mark.hit ? "hit" : "miss";
            out.append("<tr").append(style.isEmpty() ? "" : " class=\"" + style + "\"");
            out.append("><td class=\"n\">").append(i + 1).append("</td><td class=\"c\">");
            out.append(mark == null ? "" : mark.packets + "&times;").append("</td><td>");
            out.append(escaped(lines.get(i)));
            if (mark != null) {
                for (String note : mark.notes) {
                    out.append("\n<span class=\"note\">").append(escaped(note)).append("</span>");
                }
            }
            out.append("</td></tr>\n");
        }
        out.append("</table>\n");
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                default -> out.append(c < ' ' && c != '\t' ? '\ufffd' : c);
            }
        }
        return out.toString();
    }
}
