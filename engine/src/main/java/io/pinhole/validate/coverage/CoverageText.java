package io.pinhole.validate.coverage;

import io.pinhole.validate.coverage.Coverage.ElementHits;
import io.pinhole.validate.coverage.Coverage.Report;
import io.pinhole.validate.coverage.Coverage.RuleHits;
import java.io.PrintStream;
import java.util.List;

/** What no test reached, for people. */
public final class CoverageText {
    private CoverageText() {}

    public static void print(List<Report> reports, PrintStream out) {
        for (Report report : reports) {
            out.println();
            out.println(
                    "coverage of "
                            + report.rules().name()
                            + ": "
                            + report.covered()
                            + " of "
                            + report.total()
                            + " rules and set elements, "
                            + report.percent()
                            + " %");
            for (RuleHits hits : report.hits()) {
                if (hits.packets() == 0) {
                    out.println(
                            "  never reached  "
                                    + hits.rule().origin().text()
                                    + "  "
                                    + hits.rule().origin().source());
                    continue;
                }
                for (ElementHits element : hits.elements()) {
                    if (element.packets() == 0) {
                        out.println(
                                "  never reached  "
                                        + hits.rule().origin().text()
                                        + "  element "
                                        + element.text()
                                        + " of: "
                                        + hits.rule().origin().source());
                    }
                }
            }
            if (!report.reached().isEmpty() || !report.missed().isEmpty()) {
                out.println(
                        "  FTP paths: "
                                + report.reached().size()
                                + " of "
                                + (report.reached().size() + report.missed().size())
                                + " taken");
                report.missed().forEach(p -> out.println("  never taken    " + p.text()));
            }
        }
        out.flush();
    }
}
