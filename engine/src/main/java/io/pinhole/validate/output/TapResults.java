package io.pinhole.validate.output;

import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.PrintStream;
import java.util.List;

/**
 * Results in the Test Anything Protocol, version 13: readers of 14 take it, too, and {@code prove}
 * of Perl 5.36 takes nothing later.
 *
 * @see <a href="https://testanything.org/tap-version-13-specification.html">TAP 13</a>
 */
public final class TapResults {
    private TapResults() {}

    public static void print(List<TestResult> results, PrintStream out) {
        out.println("TAP version 13");
        out.println("1.." + results.size());
        int n = 0;
        for (TestResult r : results) {
            n++;
            String name = Plain.text(r.test().name()).replace("\\", "\\\\").replace("#", "\\#");
            out.println((r.passed() ? "ok " : "not ok ") + n + " - " + name);
            Failure failure = r.failure();
            if (failure != null) {
                out.println("  ---");
                out.println("  message: " + quoted(failure.message()));
                out.println("  at: " + quoted(failure.at().file() + ":" + failure.at().line()));
                if (failure.packet() != null) {
                    out.println("  packet: " + quoted(failure.packet().what()));
                }
                if (failure.rule() != null) {
                    out.println(
                            "  rule: "
                                    + quoted(failure.rule().file() + ":" + failure.rule().line()));
                }
                list("walk", failure.walk(), out);
                list("details", failure.details(), out);
                out.println("  ...");
            }
            for (String note : r.notes()) {
                out.println("# " + Plain.text(note));
            }
        }
        out.flush();
    }

    /** A YAML list: of strings in quotes, as that is what every reader of TAP takes. */
    private static void list(String key, List<String> lines, PrintStream out) {
        if (!lines.isEmpty()) {
            out.println("  " + key + ":");
            FailureLines.bounded(lines).forEach(l -> out.println("    - " + quoted(l)));
        }
    }

    /** A YAML string in double quotes. */
    private static String quoted(String text) {
        return '"' + Plain.text(text).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
