package io.pinhole.validate.run;

import io.pinhole.rule.SourcePos;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioTest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What became of one test.
 *
 * @param failure null if it passed
 * @param packets how many were judged
 * @param nanos real time it took; the only thing here that differs from run to run
 * @param notes what a reader must know to judge a pass
 */
public record TestResult(
        Scenario scenario,
        ScenarioTest test,
        @Nullable Failure failure,
        long packets,
        long nanos,
        List<String> notes) {
    /**
     * The line that does not hold.
     *
     * @param at in the scenario
     * @param message what was expected and what came, one line
     * @param packet the packet concerned, if one is
     * @param rule where the rule or policy stands that decided, if one did
     * @param walk the packet's way through the rules, line by line; empty if none is known
     * @param details more lines
     */
    public record Failure(
            SourcePos at,
            String message,
            @Nullable Judged packet,
            @Nullable SourcePos rule,
            List<String> walk,
            List<String> details) {
        public Failure {
            walk = List.copyOf(walk);
            details = List.copyOf(details);
        }

        boolean explained() {
            return !walk.isEmpty();
        }
    }

    public TestResult {
        notes = List.copyOf(notes);
    }

    /** The same, with the walk of the packet that broke the test. */
    TestResult explained(List<String> walk) {
        Failure f = failure;
        return f == null
                ? this
                : new TestResult(
                        scenario,
                        test,
                        new Failure(f.at, f.message, f.packet, f.rule, walk, f.details),
                        packets,
                        nanos,
                        notes);
    }

    public boolean passed() {
        return failure == null;
    }
}
