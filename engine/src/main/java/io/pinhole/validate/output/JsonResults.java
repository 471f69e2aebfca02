package io.pinhole.validate.output;

import io.pinhole.core.Anomaly;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.coverage.Coverage;
import io.pinhole.validate.run.Judged;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Results as JSON, one object a line; docs/json.md has the fields. */
public final class JsonResults {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private JsonResults() {}

    public static void print(
            List<TestResult> results, List<Coverage.Report> coverage, PrintStream out) {
        results.forEach(r -> out.println(JSON.writeValueAsString(test(r))));
        coverage.forEach(c -> out.println(JSON.writeValueAsString(coverage(c))));
        Map<String, Object> summary = new LinkedHashMap<>();
        long failed = results.stream().filter(r -> !r.passed()).count();
        summary.put("event", "test-summary");
        summary.put("tests", results.size());
        summary.put("passed", results.size() - failed);
        summary.put("failed", failed);
        summary.put("packets", results.stream().mapToLong(TestResult::packets).sum());
        out.println(JSON.writeValueAsString(summary));
        out.flush();
    }

    private static Map<String, Object> test(TestResult r) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("event", "test");
        place(out, r.test().at());
        out.put("name", Plain.text(r.test().name()));
        out.put("passed", r.passed());
        out.put("packets", r.packets());
        if (!r.notes().isEmpty()) {
            out.put("notes", r.notes().stream().map(Plain::text).toList());
        }
        Failure failure = r.failure();
        if (failure != null) {
            out.put("failure", failure(failure));
        }
        return out;
    }

    private static void place(Map<String, Object> out, SourcePos at) {
        out.put("file", Plain.text(at.file()));
        out.put("line", at.line());
    }

    private static Map<String, Object> failure(Failure failure) {
        Map<String, Object> out = new LinkedHashMap<>();
        place(out, failure.at());
        out.put("message", Plain.text(failure.message()));
        Judged p = failure.packet();
        if (p != null) {
            out.put("packet", p.number());
            out.put("what", p.what());
            out.put("verdict", p.verdict().label());
            if (p.ct() != null) {
                out.put("ct", p.ct().label());
            }
            if (p.hook() != null) {
                out.put("hook", p.hook().label());
            }
            out.put("rule", p.rule().text());
            if (p.why() != Anomaly.NONE) {
                out.put("why", p.why().label());
            }
        }
        if (failure.rule() != null) {
            out.put("rule_file", Plain.text(failure.rule().file()));
            out.put("rule_line", failure.rule().line());
        }
        out.put("walk", failure.walk().stream().map(Plain::text).toList());
        out.put("details", failure.details().stream().map(Plain::text).toList());
        return out;
    }

    private static Map<String, Object> coverage(Coverage.Report c) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("event", "coverage");
        out.put("rules", Plain.text(c.rules().name()));
        out.put("total", c.total());
        out.put("covered", c.covered());
        List<Object> missed = new ArrayList<>();
        for (Coverage.RuleHits h : c.hits()) {
            if (h.packets() == 0) {
                missed.add(Map.of("rule", h.rule().origin().text()));
                continue;
            }
            for (Coverage.ElementHits e : h.elements()) {
                if (e.packets() == 0) {
                    Map<String, Object> element = new LinkedHashMap<>();
                    element.put("rule", h.rule().origin().text());
                    element.put("element", e.text());
                    missed.add(element);
                }
            }
        }
        out.put("missed", missed);
        out.put("paths_missed", c.missed().stream().map(p -> p.text()).toList());
        return out;
    }
}
