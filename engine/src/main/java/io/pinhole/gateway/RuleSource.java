package io.pinhole.gateway;

import io.pinhole.rule.RuleSet;
import java.util.List;

/** Where the rule set comes from, at the start and at each reload. */
public interface RuleSource {
    /**
     * A rule set that was read.
     *
     * @param text of its file, for recordings; includes are not in it
     */
    record Loaded(RuleSet set, String text) {}

    /** A rule set that is not taken, and why, in lines for people. */
    final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        private final transient List<String> lines;

        public Refused(List<String> lines) {
            super(lines.isEmpty() ? "refused" : lines.getFirst());
            this.lines = List.copyOf(lines);
        }

        public List<String> lines() {
            return lines;
        }
    }

    /** Reads the rule set as it stands now. */
    Loaded load() throws Refused;
}
