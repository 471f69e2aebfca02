package io.pinhole.validate.run;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.Settings;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.scenario.Setup;
import java.util.List;

/** Brings what tests name. Callable from any thread. */
public interface Surroundings {
    /**
     * The rule set of a test; equal set-ups give the same instance.
     *
     * @param scenarioFile relative names start at its folder
     * @throws SetupException if there is none or it is refused
     */
    RuleSet rules(Setup setup, String scenarioFile) throws SetupException;

    /** The settings of a test. */
    Settings settings(Setup setup) throws SetupException;

    /** A capture that a test names; relative names start at the scenario file's folder. */
    CaptureFiles capture(String scenarioFile, String name) throws CaptureException;

    /** What a test stands on cannot be had: no test was run. */
    final class SetupException extends Exception {
        private static final long serialVersionUID = 1L;

        private final transient List<String> lines;

        public SetupException(List<String> lines) {
            super(lines.isEmpty() ? "" : lines.getFirst(), null, false, false);
            this.lines = List.copyOf(lines);
        }

        /** For people, line by line. */
        public List<String> lines() {
            return lines;
        }
    }
}
