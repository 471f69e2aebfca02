package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table.
 *
 * @param dormant true if its base chains are not attached
 */
public record Table(
        Family family,
        String name,
        boolean dormant,
        List<Chain> chains,
        List<ElementSet> sets,
        List<NamedObject> objects,
        List<String> flowtables,
        SourcePos at) {
    public Table {
        chains = List.copyOf(chains);
        sets = List.copyOf(sets);
        objects = List.copyOf(objects);
        flowtables = List.copyOf(flowtables);
    }

    /** The same table with these chains. */
    Table with(List<Chain> others) {
        return new Table(family, name, dormant, others, sets, objects, flowtables, at);
    }

    /** The object of this kind and name, or null. */
    public @Nullable NamedObject object(ObjectKind kind, String objectName) {
        for (NamedObject object : objects) {
            if (object.kind() == kind && object.name().equals(objectName)) {
                return object;
            }
        }
        return null;
    }
}
