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
 * @param living what happens to its elements while packets pass; null where they stay as written
 */
public record ElementSet(
        @Nullable String name,
        List<DataType> keyTypes,
        Holds holds,
        @Nullable DataType dataType,
        List<Element> elements,
        SourcePos at,
        @Nullable Living living) {

    /** A set whose elements stay as they are written. */
    public ElementSet(
            @Nullable String name,
            List<DataType> keyTypes,
            Holds holds,
            @Nullable DataType dataType,
            List<Element> elements,
            SourcePos at) {
        this(name, keyTypes, holds, dataType, elements, at, null);
    }

    /**
     * How a set changes while packets pass: rules add elements, time takes them away, statements of
     * their own count and limit who meets them.
     *
     * @param updatable true if rules may add and delete elements
     * @param timed true if elements may have a timeout
     * @param timeoutMillis of elements that say none; 0 for no timeout
     * @param size elements there may be; 0 where nothing is said
     * @param statements what each new element gets, unless the rule that adds it says
     */
    public record Living(
            boolean updatable,
            boolean timed,
            long timeoutMillis,
            long size,
            List<Statement> statements) {
        /** What nft gives to a set that rules write to. */
        public static final int DEFAULT_SIZE = 65_535;

        /**
         * Elements that rules may add to all sets of a rule set, and connections that they count,
         * together: each takes less than 640 bytes. What is beyond finds the set full.
         */
        public static final int MOST_ADDED = 1 << 17;

        public Living {
            statements = List.copyOf(statements);
        }
    }

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
