package io.pinhole.validate.output;

import io.pinhole.rule.SourcePos;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.IOException;
import java.io.Writer;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Failures as SARIF 2.1.0, which code hosts show beside the changed lines: at the rule that
 * decided, with the scenario's line related to it.
 *
 * @see <a href="https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html">SARIF 2.1.0</a>
 */
public final class SarifResults {
    private static final String RULE = "scenario-failed";
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private SarifResults() {}

    /**
     * @param version of the program
     */
    public static void write(List<TestResult> results, String version, Writer to)
            throws IOException {
        List<Object> found = new ArrayList<>();
        for (TestResult r : results) {
            Failure failure = r.failure();
            if (failure != null) {
                found.add(result(r, failure));
            }
        }
        Map<String, Object> rule = new LinkedHashMap<>();
        rule.put("id", RULE);
        rule.put("shortDescription", text("A scenario of the rule set does not hold"));
        rule.put(
                "fullDescription",
                text("The rules decide otherwise than a scenario says. Change one of them."));
        rule.put("defaultConfiguration", Map.of("level", "error"));
        Map<String, Object> driver = new LinkedHashMap<>();
        driver.put("name", "pinhole");
        driver.put("semanticVersion", version);
        driver.put("rules", List.of(rule));
        Map<String, Object> run = new LinkedHashMap<>();
        run.put("tool", Map.of("driver", driver));
        run.put("columnKind", "utf16CodeUnits");
        run.put("results", found);
        Map<String, Object> log = new LinkedHashMap<>();
        log.put("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
        log.put("version", "2.1.0");
        log.put("runs", List.of(run));
        to.write(JSON.writeValueAsString(log));
        to.write('\n');
    }

    private static Map<String, Object> text(String text) {
        return Map.of("text", Plain.text(text));
    }

    private static Map<String, Object> result(TestResult r, Failure failure) {
        SourcePos rule = failure.rule();
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("ruleId", RULE);
        out.put("ruleIndex", 0);
        out.put("level", "error");
        List<String> lines = new ArrayList<>();
        lines.add(Plain.text("test \"" + r.test().name() + "\": " + failure.message()));
        lines.addAll(FailureLines.of(failure));
        out.put("message", Map.of("text", String.join("\n", lines)));
        out.put("locations", List.of(location(rule == null ? failure.at() : rule, null)));
        if (rule != null) {
            out.put(
                    "relatedLocations",
                    List.of(location(failure.at(), "the line of the scenario")));
        }
        out.put(
                "partialFingerprints",
                Map.of("pinholeTest/v1", uri(r.scenario().file()) + "#" + r.test().name()));
        return out;
    }

    private static Map<String, Object> location(SourcePos at, @Nullable String message) {
        Map<String, Object> region = new LinkedHashMap<>();
        region.put("startLine", at.line());
        region.put("startColumn", at.column());
        Map<String, Object> physical = new LinkedHashMap<>();
        physical.put("artifactLocation", Map.of("uri", uri(at.file())));
        physical.put("region", region);
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("physicalLocation", physical);
        if (message != null) {
            out.put("message", text(message));
        }
        return out;
    }

    /** A path as a relative reference, or as a file URI where it is absolute. */
    private static String uri(String file) {
        try {
            return file.startsWith("/")
                    ? new URI("file", "", file, null).toASCIIString()
                    : new URI(null, null, file, null).toASCIIString();
        } catch (URISyntaxException e) {
            return "unnamed";
        }
    }
}
