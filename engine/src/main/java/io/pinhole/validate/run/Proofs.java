package io.pinhole.validate.run;

import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.scenario.Claim;
import io.pinhole.validate.scenario.Setup;
import java.util.List;

/** Answers what {@code never} and {@code always} claim. Callable from any thread. */
public interface Proofs {
    /** Whether a claim holds. */
    sealed interface Answer {
        /** It holds for every packet. */
        record Proved() implements Answer {}

        /**
         * Nothing speaks against it, which is no proof.
         *
         * @param how what was tried, for people
         */
        record NotRefuted(String how) implements Answer {}

        /**
         * It does not hold.
         *
         * @param packet that speaks against it, with its verdict
         * @param how it came to that, for people
         * @param walk the packet's way through the rules, for people
         * @param steps of a test that shows it, a line each, and holds under these rules
         */
        record Refuted(Judged packet, String how, List<String> walk, List<String> steps)
                implements Answer {
            public Refuted {
                walk = List.copyOf(walk);
                steps = List.copyOf(steps);
            }
        }
    }

    /**
     * @param setup names the hosts
     * @param options how the test's own path is set up
     */
    Answer answer(Claim claim, RuleSet rules, Setup setup, PathOptions options);
}
