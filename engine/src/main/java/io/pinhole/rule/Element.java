package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One element of a set or map.
 *
 * @param key one range for each part of a concatenation; empty for the catch-all {@code *}
 * @param data what a map gives for it; null in a set
 * @param life its own timeout and statements; null where it has none
 */
public record Element(List<Range> key, @Nullable Data data, SourcePos at, @Nullable Life life) {
    public Element {
        key = List.copyOf(key);
    }

    public Element(List<Range> key, @Nullable Data data, SourcePos at) {
        this(key, data, at, null);
    }

    public boolean isCatchAll() {
        return key.isEmpty();
    }

    /** The right side of a map's colon. */
    public sealed interface Data {
        record Value(long high, long low) implements Data {}

        record ToVerdict(Action action) implements Data {}

        record ObjectName(String name) implements Data {}
    }

    /**
     * What an element of a {@link ElementSet.Living} set says of itself.
     *
     * @param timeoutMillis -1 for that of the set, 0 for none
     * @param expiresMillis what is left of it when the rule set comes into force; -1 for all
     * @param statements with what they have counted
     */
    public record Life(long timeoutMillis, long expiresMillis, List<Statement> statements) {
        public Life {
            statements = List.copyOf(statements);
        }
    }
}
