package io.pinhole.validate.run;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.explain.Explanation;
import io.pinhole.rule.explain.TracedRules;

/**
 * Has the walk of one packet written down while a test is run again. The labs of a test are told
 * apart by the order in which it makes them: its own, then one for each capture.
 */
final class Tracer {
    /** Rules of one chain of which is told why they did not match. */
    private static final int MAX_LINES = 1000;

    private final TracedRules rules;
    private final int lab;
    private final long number;
    private int labs;

    /**
     * @param number of the packet, in the lab
     */
    Tracer(RuleSet rules, int lab, long number) {
        this.rules = new TracedRules(rules, MAX_LINES);
        this.lab = lab;
        this.number = number;
    }

    TracedRules rules() {
        return rules;
    }

    /** A lab is made; its number. */
    int lab() {
        return labs++;
    }

    /** A lab's packet comes next. */
    void next(int ofLab, long packet) {
        rules.watch(ofLab == lab && packet == number);
    }

    /** The walk of the packet that got this verdict. */
    Explanation explanation(Judged j) {
        return rules.explanation(
                "packet " + j.number(), j.verdict(), j.ct(), j.hook(), j.rule(), j.why());
    }
}
