package io.pinhole.validate.output;

import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.PrintStream;
import java.util.List;

/**
 * Results in the Test Anything Protocol.
 *
 * @see <a href="https://testanything.org/tap-version-14-specification.html">TAP 14</a>
 */
public final class TapResults {
    private TapResults() {}

    public static void print(List<TestResult> results, PrintStream out) {
        out.println("TAP version 14");
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
                out.println("  ...");
            }
            for (String note : r.notes()) {
                out.println("# " + Plain.text(note));
            }
        }
        out.flush();
    }

    /** A YAML string in double quotes. */
    private static String quoted(String text) {
        return '"' + Plain.text(text).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
