package io.pinhole.rule.explain;

import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;

/** Takes one packet through the hooks, as PacketPath does, with the tracking that it claims. */
public final class Walker {
    private static final int FIRST = Integer.MIN_VALUE;
    private static final int LAST = Integer.MAX_VALUE;

    private Walker() {}

    /** Runs the chains of one hook and a range of priorities. */
    @FunctionalInterface
    public interface Hooks {
        Verdict run(Hook hook, int from, int to, PacketFacts facts);
    }

    /** What became of it, and where. */
    public record Outcome(Verdict verdict, Hook hook, RuleOrigin decidedBy) {}

    /**
     * @param main FORWARD, INPUT or OUTPUT
     * @param spec its tracking counts only if no rule says notrack
     */
    public static Outcome walk(PacketSpec spec, Hook main, Hooks rules) {
        PacketFacts facts = spec.facts();
        Hook first = main == Hook.OUTPUT ? Hook.OUTPUT : Hook.PREROUTING;
        facts.ctState = CtState.INVALID;
        Outcome at = run(rules, first, FIRST, RuleProgram.CONNTRACK_PRIORITY, facts);
        if (at.verdict() != Verdict.ACCEPT) {
            return at;
        }
        if (!facts.notrack) {
            spec.track(facts);
        }
        at = run(rules, first, RuleProgram.CONNTRACK_PRIORITY, LAST, facts);
        if (at.verdict() == Verdict.ACCEPT && main != Hook.OUTPUT) {
            at = run(rules, main, FIRST, LAST, facts);
        }
        if (at.verdict() == Verdict.ACCEPT && main != Hook.INPUT) {
            Outcome last = run(rules, Hook.POSTROUTING, FIRST, LAST, facts);
            at =
                    last.verdict() == Verdict.ACCEPT
                            ? new Outcome(Verdict.ACCEPT, main, at.decidedBy())
                            : last;
        }
        return at;
    }

    private static Outcome run(Hooks rules, Hook hook, int from, int to, PacketFacts facts) {
        facts.decidedBy = RuleOrigin.NONE;
        Verdict verdict = rules.run(hook, from, to, facts);
        return new Outcome(verdict, hook, facts.decidedBy);
    }
}
