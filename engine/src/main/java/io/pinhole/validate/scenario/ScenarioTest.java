package io.pinhole.validate.scenario;

import io.pinhole.rule.SourcePos;
import java.util.List;

/**
 * One {@code test} block.
 *
 * @param name unique within its file
 */
public record ScenarioTest(String name, Setup setup, List<Step> steps, SourcePos at) {
    public ScenarioTest {
        steps = List.copyOf(steps);
    }
}
