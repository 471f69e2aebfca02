package io.pinhole.rule;

import io.pinhole.core.Verdict;
import org.jspecify.annotations.Nullable;

/** Told of each step of a packet's walk; see {@link CompiledRules#trace}. */
public interface RuleTrace {
    /** A base chain begins. */
    void begin(Table table, Chain base);

    /**
     * A rule was tried.
     *
     * @param failed the statement that broke it; null if it matched to its end
     * @param facts as they stand now; not to be kept
     */
    void rule(Chain chain, Rule rule, @Nullable Statement failed, PacketFacts facts);

    /** The rule told of last leads into another chain. */
    void enter(Chain chain);

    /** Back to the chain that led into this one. */
    void leave(Chain chain);

    /**
     * A base chain is over.
     *
     * @param by the rule or the policy
     */
    void end(Chain base, Verdict verdict, RuleOrigin by);
}
