package io.pinhole.validate.run;

import io.pinhole.path.Event;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleSet;
import java.util.List;

/** Watches how a rule set is used. Callable from any thread. */
public interface Instrument {
    /** Watches nothing. */
    Instrument NONE =
            new Instrument() {
                @Override
                public RuleSet prepare(RuleSet rules) {
                    return rules;
                }

                @Override
                public boolean countsAlone() {
                    return false;
                }

                @Override
                public void ended(RuleSet rules, CompiledRules program, List<Event> events) {}
            };

    /** The rule set to judge by: one that gives the same verdicts and names the same rules. */
    RuleSet prepare(RuleSet rules);

    /** Whether each test must be judged by a program compiled for it alone. */
    boolean countsAlone();

    /**
     * A test ended.
     *
     * @param rules as given to {@link #prepare}
     * @param program what judged
     */
    void ended(RuleSet rules, CompiledRules program, List<Event> events);
}
