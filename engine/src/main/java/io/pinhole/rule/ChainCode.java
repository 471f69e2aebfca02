package io.pinhole.rule;

/** The compiled form of a chain. */
final class ChainCode {
    private RuleCode[] rules = {};

    /** Set once, after all chains exist: they name each other. */
    void rules(RuleCode[] of) {
        rules = of;
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
        for (RuleCode rule : rules) {
            Step.Outcome outcome = rule.run(facts);
            switch (outcome.kind) {
                case Step.Outcome.ACCEPT, Step.Outcome.DROP, Step.Outcome.REJECT -> {
                    facts.decidedBy = rule.origin;
                    return outcome;
                }
                case Step.Outcome.RETURN -> {
                    return outcome;
                }
                case Step.Outcome.JUMP -> {
                    Step.Outcome inner = into(outcome, facts);
                    if (inner.ends()) {
                        return inner;
                    }
                }
                case Step.Outcome.GOTO -> {
                    return into(outcome, facts);
                }
                default -> {}
            }
        }
        return Step.Outcome.RETURNED;
    }

    private static Step.Outcome into(Step.Outcome outcome, PacketFacts facts) {
        ChainCode target = outcome.target;
        return target == null ? Step.Outcome.RETURNED : target.run(facts);
    }
}
