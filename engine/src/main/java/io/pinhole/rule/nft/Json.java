package io.pinhole.rule.nft;

import io.pinhole.rule.text.Span;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A small tree of JSON with the places of its parts. */
sealed interface Json {
    Span at();

    record Fields(List<Field> list, Span at) implements Json {
        /** The value of this name, or null. */
        @Nullable Json get(String name) {
            for (Field field : list) {
                if (field.name.equals(name)) {
                    return field.value;
                }
            }
            return null;
        }

        /** The only field, as most of nft's objects have it. */
        Field only() {
            if (list.size() != 1) {
                throw at.fault("expected an object with one name, found " + list.size());
            }
            return list.getFirst();
        }
    }

    record Field(String name, Json value, Span at) {}

    record Items(List<Json> list, Span at) implements Json {}

    record Text(String text, Span at) implements Json {}

    record Int(long value, Span at) implements Json {}

    /** {@code null}, {@code true} or {@code false}. */
    record Word(String text, Span at) implements Json {
        boolean isTrue() {
            return text.equals("true");
        }
    }
}
