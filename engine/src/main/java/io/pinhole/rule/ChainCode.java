package io.pinhole.rule;

import org.jspecify.annotations.Nullable;

/** The compiled form of a chain. */
final class ChainCode {
    private final Table table;
    private final Chain model;
    private RuleCode[] rules = {};
    private @Nullable ChainIndex index;

    ChainCode(Table table, Chain model) {
        this.table = table;
        this.model = model;
    }

    Table table() {
        return table;
    }

    Chain model() {
        return model;
    }

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

    /** As {@link #run}, one rule after the other, telling of each. */
    Step.Outcome traced(PacketFacts facts, RuleTrace trace) {
        for (RuleCode rule : rules) {
            Step.Outcome outcome = rule.traced(facts, this, trace);
            ChainCode target = outcome.target;
            switch (outcome.kind) {
                case Step.Outcome.ACCEPT, Step.Outcome.DROP, Step.Outcome.REJECT -> {
                    facts.decidedBy = rule.origin;
                    return outcome;
                }
                case Step.Outcome.RETURN -> {
                    return outcome;
                }
                case Step.Outcome.JUMP, Step.Outcome.GOTO -> {
                    Step.Outcome inner = Step.Outcome.RETURNED;
                    if (target != null) {
                        trace.enter(target.model);
                        inner = target.traced(facts, trace);
                        trace.leave(target.model);
                    }
                    if (outcome.kind == Step.Outcome.GOTO || inner.ends()) {
                        return inner;
                    }
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
