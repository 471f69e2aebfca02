package io.pinhole.rule.nft;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code $name} means, and since when: rules are read after the whole file, but mean what was
 * defined above them.
 */
final class Scope {
    private record Binding(int since, @Nullable Raw value) {}

    private final @Nullable Scope outer;
    private final Map<String, List<Binding>> bindings = new HashMap<>();
    private int version;

    Scope(@Nullable Scope outer) {
        this.outer = outer;
    }

    /** The scope round this one; the outermost has none. */
    Scope outer() {
        Scope of = outer;
        return of == null ? this : of;
    }

    /** A scope as it is now. */
    record View(Scope scope, List<Integer> versions) {}

    View now() {
        List<Integer> versions = new ArrayList<>();
        for (Scope s = this; s != null; s = s.outer) {
            versions.add(s.version);
        }
        return new View(this, versions);
    }

    boolean defines(String name) {
        List<Binding> list = bindings.get(name);
        return list != null && list.getLast().value != null;
    }

    void bind(String name, @Nullable Raw value) {
        bindings.computeIfAbsent(name, n -> new ArrayList<>()).add(new Binding(++version, value));
    }

    /** The value of a name as a view saw it, or null. */
    static @Nullable Raw lookup(View view, String name) {
        int depth = 0;
        for (Scope s = view.scope; s != null; s = s.outer, depth++) {
            List<Binding> list = s.bindings.get(name);
            if (list == null) {
                continue;
            }
            for (int i = list.size() - 1; i >= 0; i--) {
                if (list.get(i).since <= view.versions.get(depth)) {
                    if (list.get(i).value != null) {
                        return list.get(i).value;
                    }
                    break;
                }
            }
        }
        return null;
    }

    /** All names a view knows, for "did you mean". */
    static Set<String> names(View view) {
        Set<String> out = new HashSet<>();
        for (Scope s = view.scope; s != null; s = s.outer) {
            out.addAll(s.bindings.keySet());
        }
        return out;
    }
}
