package io.pinhole.validate.scenario;

import io.pinhole.rule.RuleError;
import java.util.List;
import java.util.stream.Collectors;

/** What reading a scenario file gave. */
public sealed interface ReadScenario {
    record Loaded(Scenario scenario) implements ReadScenario {}

    /**
     * No test of the file may be run.
     *
     * @param errors at least one, in the order of the text
     */
    record Refused(List<RuleError> errors) implements ReadScenario {
        public Refused {
            errors = List.copyOf(errors);
        }

        /** All errors as a person reads them, one after another. */
        public String format() {
            return errors.stream().map(RuleError::format).collect(Collectors.joining("\n"));
        }
    }
}
