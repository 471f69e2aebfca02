package io.pinhole.validate.output;

import io.pinhole.rule.SourcePos;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.PrintStream;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Failures as workflow commands: GitHub Actions shows each beside its line.
 *
 * @see <a href="https://docs.github.com/actions/reference/workflow-commands-for-github-actions">
 *     Workflow commands</a>
 */
public final class GitHubAnnotations {
    private GitHubAnnotations() {}

    public static void print(List<TestResult> results, PrintStream out) {
        for (TestResult r : results) {
            Failure failure = r.failure();
            if (failure == null) {
                continue;
            }
            SourcePos at = failure.at();
            out.println(
                    "::error file="
                            + property(at.file())
                            + ",line="
                            + at.line()
                            + ",title="
                            + property("pinhole: " + r.test().name())
                            + "::"
                            + data(failure.message())
                            + FailureLines.of(failure).stream()
                                    .map(l -> "%0A" + data(l))
                                    .collect(Collectors.joining()));
        }
        out.flush();
    }

    private static String data(String text) {
        return Plain.text(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
    }

    private static String property(String text) {
        return data(text).replace(":", "%3A").replace(",", "%2C");
    }
}
