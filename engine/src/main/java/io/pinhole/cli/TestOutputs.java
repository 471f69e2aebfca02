package io.pinhole.cli;

import io.pinhole.report.TextReport;
import io.pinhole.validate.coverage.Coverage;
import io.pinhole.validate.coverage.CoverageHtml;
import io.pinhole.validate.coverage.CoverageText;
import io.pinhole.validate.output.CaptureTaps;
import io.pinhole.validate.output.GitHubAnnotations;
import io.pinhole.validate.output.JUnitResults;
import io.pinhole.validate.output.JsonResults;
import io.pinhole.validate.output.SarifResults;
import io.pinhole.validate.output.TapResults;
import io.pinhole.validate.output.TextResults;
import io.pinhole.validate.run.PacketTap;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.run.TestResult;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the results of {@code pinhole test} go, for {@code @Mixin} into the command. */
final class TestOutputs {
    @Option(names = "--json", description = "One JSON object a line, see docs/json.md.")
    private boolean json;

    @Option(names = "--tap", description = "Test Anything Protocol.")
    private boolean tap;

    @Option(
            names = "--junit",
            paramLabel = "FILE",
            description = "Also write JUnit XML, for Jenkins, GitLab and others.")
    private @Nullable Path junit;

    @Option(
            names = "--sarif",
            paramLabel = "FILE",
            description = {
                "Also write SARIF: failures at the rule that decided,",
                "for code scanning."
            })
    private @Nullable Path sarif;

    @Option(
            names = "--pcap",
            paramLabel = "DIR",
            description = {
                "Also write each test as a capture, with verdicts as",
                "packet comments."
            })
    private @Nullable Path pcap;

    @Option(
            names = "--coverage",
            description = {"Also say which rules, set elements and FTP paths no test", "reached."})
    private boolean coverage;

    @Option(
            names = "--coverage-html",
            paramLabel = "FILE",
            description = "Also write the rule files as a page, coloured by coverage.")
    private @Nullable Path coverageHtml;

    @Option(
            names = "--min-coverage",
            paramLabel = "PERCENT",
            description = {
                "Exit status 1 if a rule set is covered less (rules and",
                "set elements)."
            })
    private int minCoverage = -1;

    @Option(
            names = {"-v", "--verbose"},
            description = "Name the tests that passed, too.")
    private boolean verbose;

    void check() throws UserError {
        if (json && tap) {
            throw new UserError("--json and --tap both want standard output");
        }
        if (minCoverage > 100) {
            throw new UserError("--min-coverage is at most 100");
        }
    }

    /** What counts coverage, or null if nobody wants to know. */
    @Nullable Coverage coverage() {
        return coverage || coverageHtml != null || minCoverage >= 0 ? new Coverage() : null;
    }

    ScenarioRunner.Taps taps() throws UserError {
        if (pcap == null) {
            return (scenario, test) -> PacketTap.NONE;
        }
        try {
            Files.createDirectories(pcap);
        } catch (IOException e) {
            throw cannotWrite(pcap, e);
        }
        return new CaptureTaps(pcap, VersionCommand.text());
    }

    /**
     * Writes everything.
     *
     * @return false if coverage is below the minimum
     */
    boolean write(
            List<TestResult> results,
            @Nullable Coverage counted,
            PrintStream out,
            Map<String, String> environment,
            long nanos)
            throws UserError {
        List<Coverage.Report> reports = counted == null ? List.of() : counted.reports();
        if (json) {
            JsonResults.print(results, reports, out);
        } else if (tap) {
            TapResults.print(results, out);
        } else {
            boolean colour = TextReport.Options.colour(Terminal.isOutTerminal(), environment);
            new TextResults(out, colour).print(results, verbose, nanos);
            if (coverage) {
                CoverageText.print(reports, out);
            }
            if ("true".equals(environment.get("GITHUB_ACTIONS"))) {
                GitHubAnnotations.print(results, out);
            }
        }
        StringWriter text = new StringWriter();
        try {
            if (junit != null) {
                JUnitResults.write(results, text);
                file(junit, text);
            }
            if (sarif != null) {
                SarifResults.write(results, VersionCommand.number(), text);
                file(sarif, text);
            }
        } catch (IOException e) {
            throw new UserError("cannot write the results: " + e.getMessage());
        }
        if (coverageHtml != null) {
            text.write(CoverageHtml.page(reports, TestOutputs::lines));
            file(coverageHtml, text);
        }
        boolean enough = true;
        for (Coverage.Report report : reports) {
            if (report.percent() < minCoverage) {
                enough = false;
                System.err.println(
                        "pinhole: "
                                + report.rules().name()
                                + " is covered "
                                + report.percent()
                                + " %, --min-coverage asks for "
                                + minCoverage
                                + " %");
            }
        }
        return enough;
    }

    /** Writes and empties the text. */
    private static void file(Path file, StringWriter text) throws UserError {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Files.writeString(file, text.toString(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw cannotWrite(file, e);
        }
        text.getBuffer().setLength(0);
    }

    private static UserError cannotWrite(Path file, IOException e) {
        return new UserError(
                "cannot write " + SettingsText.visible(file.toString()) + ": " + e.getMessage());
    }

    private static List<String> lines(String ruleFile) {
        try {
            byte[] text =
                    ruleFile.equals(RuleFiles.DEFAULT) && !Files.exists(Path.of(ruleFile))
                            ? RuleFiles.bundled(ruleFile)
                            : RuleFiles.read(ruleFile);
            return new String(text, StandardCharsets.UTF_8).lines().toList();
        } catch (IOException | UserError e) {
            return List.of();
        }
    }
}
