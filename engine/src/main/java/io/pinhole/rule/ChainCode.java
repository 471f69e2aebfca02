package io.pinhole.rule;

import org.jspecify.annotations.Nullable;

/** The compiled form of a chain. */
final class ChainCode {
    private RuleCode[] rules = {};
    private @Nullable ChainIndex index;

    /** Set once, after all chains exist: they name each other. */
    void rules(RuleCode[] of, @Nullable ChainIndex by) {
        rules = of;
        index = by;
    }

    RuleCode[] rules() {
        return rules;
    }

    /**
     * nft_do_chain without its stack: a chain that ends hands back to whoever jumped, so that a
     * goto returns where the last jump came from. At most 16 deep, which {@link RuleSetCheck} saw
     * to.
     *
     * @return a verdict that ends the base chain, or RETURNED
     */
    Step.Outcome run(PacketFacts facts) {
        ChainIndex finder = index;
        if (finder == null) {
            for (RuleCode rule : rules) {
                Step.Outcome end = run(rule, facts);
                if (end != null) {
                    return end;
                }
            }
            return Step.Outcome.RETURNED;
        }
        // A chain is never entered from within itself, so that its candidates stay its own.
        finder.find(facts);
        for (int i = finder.next(-1); i >= 0; i = finder.next(i)) {
            Step.Outcome end = run(rules[i], facts);
            if (end != null) {
                return end;
            }
        }
        return Step.Outcome.RETURNED;
    }

    /** Null where the next rule follows. */
    private static Step.@Nullable Outcome run(RuleCode rule, PacketFacts facts) {
        Step.Outcome outcome = rule.run(facts);
        return switch (outcome.kind) {
            case Step.Outcome.ACCEPT, Step.Outcome.DROP, Step.Outcome.REJECT -> {
                facts.decidedBy = rule.origin;
                yield outcome;
            }
            case Step.Outcome.RETURN -> outcome;
            case Step.Outcome.JUMP -> {
                Step.Outcome inner = into(outcome, facts);
                yield inner.ends() ? inner : null;
            }
            case Step.Outcome.GOTO -> into(outcome, facts);
            default -> null;
        };
    }

    private static Step.Outcome into(Step.Outcome outcome, PacketFacts facts) {
        ChainCode target = outcome.target;
        return target == null ? Step.Outcome.RETURNED : target.run(facts);
    }
}
