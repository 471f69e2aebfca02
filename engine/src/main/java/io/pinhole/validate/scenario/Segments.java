package io.pinhole.validate.scenario;

import java.util.List;

/** How a line of the dialogue is cut into TCP segments. */
public sealed interface Segments {
    /** One segment, or more where it is longer than one holds. */
    record Whole() implements Segments {}

    /** {@code byte by byte}. */
    record Bytes() implements Segments {}

    /**
     * {@code split at N[,N…]}.
     *
     * @param offsets where a new segment begins, in bytes from the line's first, ascending, at
     *     least 1
     */
    record At(List<Integer> offsets) implements Segments {
        public At {
            offsets = List.copyOf(offsets);
        }
    }
}
