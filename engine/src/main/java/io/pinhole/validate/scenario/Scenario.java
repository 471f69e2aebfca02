package io.pinhole.validate.scenario;

import java.util.List;

/**
 * One scenario file.
 *
 * @param file name as given by the user, with directories
 * @param lines its text, for showing a line that failed
 */
public record Scenario(String file, List<ScenarioTest> tests, List<String> lines) {
    public Scenario {
        tests = List.copyOf(tests);
        lines = List.copyOf(lines);
    }

    /** The text of a 1-based line; empty if there is none. */
    public String line(int number) {
        return number >= 1 && number <= lines.size() ? lines.get(number - 1) : "";
    }
}
