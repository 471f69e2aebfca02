package io.pinhole.validate.space;

import io.pinhole.rule.Action;
import io.pinhole.rule.Rule;
import io.pinhole.rule.Statement;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One rule on the way of the packets: which came to it, which matched, and where those went.
 *
 * @param condition the packets that would match, wherever they come from
 * @param reach the packets that came
 * @param branches where the matching ones went, if not to the next rule; disjoint
 * @param acts true if it does something beside a verdict: counts, marks, limits, assigns
 * @param changes the packets, wherever they come from, for which it sets what later rules or
 *     tracking read: a mark, a helper, an element, notrack
 * @param contradiction the statement with which no packet at all was left; null if any was
 */
public record Visit(
        Rule rule,
        int condition,
        int reach,
        List<Branch> branches,
        boolean acts,
        int changes,
        @Nullable Statement contradiction) {

    /** How a rule ends. */
    public enum End {
        ACCEPT,
        DROP,
        REJECT,
        RETURN,
        JUMP,
        GOTO
    }

    /**
     * Packets that took one way.
     *
     * @param packets of those that came
     * @param whenMet the packets that would take it, wherever they come from
     * @param into the chain that was entered, for a jump or goto
     */
    public record Branch(int packets, int whenMet, End end, @Nullable Passage into) {}

    public Visit {
        branches = List.copyOf(branches);
    }

    static End end(Action action) {
        return switch (action) {
            case Action.Accept() -> End.ACCEPT;
            case Action.Drop() -> End.DROP;
            case Action.Return() -> End.RETURN;
            case Action.Jump j -> End.JUMP;
            case Action.Goto g -> End.GOTO;
            case Action.Continue() -> throw new IllegalArgumentException("continue ends nothing");
        };
    }
}
