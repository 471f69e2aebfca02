package io.pinhole.validate.output;

import io.pinhole.report.Page;
import io.pinhole.report.Page.Style;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.run.Judged;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Results for people: a line a file, more where a test failed. */
public final class TextResults {
    private static final int INDENT = 8;

    private final PrintStream out;
    private final boolean colour;

    public TextResults(PrintStream out, boolean colour) {
        this.out = out;
        this.colour = colour;
    }

    /**
     * Prints everything.
     *
     * @param all also names the tests that passed
     */
    public void print(List<TestResult> results, boolean all, long nanos) {
        Map<String, int[]> files = new LinkedHashMap<>();
        for (TestResult r : results) {
            int[] counts = files.computeIfAbsent(r.scenario().file(), f -> new int[2]);
            counts[r.passed() ? 0 : 1]++;
        }
        String last = null;
        for (TestResult r : results) {
            String file = r.scenario().file();
            int[] counts = files.getOrDefault(file, new int[2]);
            if (!file.equals(last)) {
                last = file;
                file(file, counts);
            }
            if (!r.passed() || all || !r.notes().isEmpty()) {
                test(r);
            }
        }
        summary(results, files.size(), nanos);
    }

    private void file(String file, int[] counts) {
        if (counts[1] == 0) {
            out.println(paint("32", "ok    ") + file + "  " + count(counts[0], "test"));
        } else {
            out.println(
                    paint("31", "FAIL  ")
                            + file
                            + "  "
                            + count(counts[1], "test")
                            + " of "
                            + (counts[0] + counts[1])
                            + " failed");
        }
    }

    private void test(TestResult r) {
        Failure failure = r.failure();
        SourcePos at = failure == null ? r.test().at() : failure.at();
        out.println(
                "  "
                        + (failure == null ? paint("32", "ok") : paint("31", "FAIL"))
                        + "  "
                        + paint("1", Plain.text(r.test().name()))
                        + "  "
                        + at.file()
                        + ":"
                        + at.line());
        Page page = new Page(out, colour);
        for (String note : r.notes()) {
            line(page, Style.PLAIN, "note: " + note);
        }
        if (failure != null) {
            failure(page, r, failure, at);
        }
        page.flush();
    }

    private void failure(Page page, TestResult r, Failure failure, SourcePos at) {
        String line = at.file().equals(r.scenario().file()) ? r.scenario().line(at.line()) : "";
        page.put(Style.DIM, String.format(Locale.ROOT, "  %5d | ", at.line()));
        page.put(Plain.text(line.strip()));
        page.end(INDENT + 2);
        line(page, Style.BAD, failure.message());
        Judged packet = failure.packet();
        if (packet != null) {
            line(page, Style.PLAIN, "packet " + packet.number() + ": " + packet.what());
        }
        for (String step : failure.walk()) {
            String text = step.strip();
            if (text.startsWith("pinhole explain ")) { // to be copied: never broken
                page.flush();
                out.println(" ".repeat(INDENT + 2) + paint("2", Plain.text(text)));
                continue;
            }
            boolean decides = text.startsWith("=> ");
            boolean passed = text.startsWith("-  ");
            line(page, decides ? Style.BOLD : passed ? Style.DIM : Style.PLAIN, step);
        }
        for (String detail : failure.details()) {
            line(page, Style.PLAIN, detail);
        }
    }

    /** Broken where it is too long; what goes on stands a little further in. */
    private static void line(Page page, Style style, String text) {
        int blanks = text.length() - text.stripLeading().length();
        page.put(" ".repeat(INDENT + blanks));
        page.put(style, Plain.text(text.strip()));
        page.end(INDENT + blanks + 4);
    }

    private void summary(List<TestResult> results, int files, long nanos) {
        long failed = results.stream().filter(r -> !r.passed()).count();
        long packets = results.stream().mapToLong(TestResult::packets).sum();
        String verdict =
                failed == 0
                        ? paint("32", "all passed")
                        : paint("31", failed + " failed")
                                + ", "
                                + (results.size() - failed)
                                + " passed";
        out.println();
        out.println(
                count(results.size(), "test")
                        + " in "
                        + count(files, "file")
                        + ": "
                        + verdict
                        + String.format(
                                Locale.ROOT,
                                "  (%s, %.2f s)",
                                count(packets, "packet"),
                                nanos / 1e9));
        out.flush();
    }

    private static String count(long n, String noun) {
        return String.format(Locale.ROOT, "%,d %s%s", n, noun, n == 1 ? "" : "s");
    }

    private String paint(String sgr, String text) {
        return colour ? "\u001b[" + sgr + "m" + text + "\u001b[0m" : text;
    }
}
