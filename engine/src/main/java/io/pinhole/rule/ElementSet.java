package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A set, map or verdict map, named or written in place.
 *
 * @param name null where written in place
 * @param keyTypes one for each part of a concatenation
 * @param holds what its elements give
 * @param dataType type of the values; only for {@link Holds#VALUE}
 */
public record ElementSet(
        @Nullable String name,
        List<DataType> keyTypes,
        Holds holds,
        @Nullable DataType dataType,
        List<Element> elements,
        SourcePos at) {

    /** What an element gives. */
    public enum Holds {
        /** Nothing: a set. */
        NOTHING,
        VALUE,
        VERDICT,
        OBJECT
    }

    public ElementSet {
        keyTypes = List.copyOf(keyTypes);
        elements = elements instanceof Elements ? elements : List.copyOf(elements);
    }
}
