package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A chain.
 *
 * @param base null for a regular chain
 */
public record Chain(String name, @Nullable BaseChain base, List<Rule> rules, SourcePos at) {
    public Chain {
        rules = List.copyOf(rules);
    }

    /** The same chain, attached so. */
    Chain with(BaseChain other) {
        return new Chain(name, other, rules, at);
    }
}
