package io.pinhole.gateway;

import io.pinhole.core.FlowKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The connections that the kernel carries, or that were taken over from it. Any thread. */
final class Offloads {
    /**
     * One of them.
     *
     * @param offloaded false for one that was taken over and is seen packet by packet
     */
    record Carried(FlowKey key, boolean offloaded, String input, String output) {}

    private final Map<FlowKey, Carried> carried = new ConcurrentHashMap<>();

    void add(Carried one) {
        carried.put(one.key(), one);
    }

    @Nullable Carried get(FlowKey key) {
        return carried.get(key);
    }

    void remove(FlowKey key) {
        carried.remove(key);
    }

    /** Removes this one, and not another that has come in its place. */
    @SuppressWarnings("ReferenceEquality") // the one in its place may say the same
    void remove(Carried one) {
        carried.computeIfPresent(one.key(), (key, there) -> there == one ? null : there);
    }

    List<Carried> all() {
        return new ArrayList<>(carried.values());
    }

    /** Connections that the kernel carries. */
    long offloaded() {
        return carried.values().stream().filter(Carried::offloaded).count();
    }
}
