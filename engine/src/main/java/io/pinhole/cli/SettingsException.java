package io.pinhole.cli;

import java.util.ArrayList;
import java.util.List;

/** Settings that cannot be used. Nothing is in force; the user can mend every problem listed. */
final class SettingsException extends Exception {
    private static final long serialVersionUID = 1;

    /** More would scroll the first one, which often causes the rest, off the screen. */
    private static final int SHOWN = 20;

    private final List<String> problems;

    SettingsException(List<String> problems) {
        super(String.join("\n", problems));
        this.problems = List.copyOf(problems);
    }

    /** One line each: {@code FILE:LINE:COLUMN: what} or {@code --set KEY=VALUE: what}. */
    List<String> problems() {
        return problems;
    }

    /** The lines to show. */
    List<String> shown() {
        if (problems.size() <= SHOWN) return problems;
        List<String> lines = new ArrayList<>(problems.subList(0, SHOWN));
        lines.add("and " + (problems.size() - SHOWN) + " more");
        return lines;
    }
}
