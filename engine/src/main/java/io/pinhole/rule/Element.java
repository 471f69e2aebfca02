package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One element of a set or map.
 *
 * @param key one range for each part of a concatenation; empty for the catch-all {@code *}
 * @param data what a map gives for it; null in a set
 */
public record Element(List<Range> key, @Nullable Data data, SourcePos at) {
    public Element {
        key = List.copyOf(key);
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
}
