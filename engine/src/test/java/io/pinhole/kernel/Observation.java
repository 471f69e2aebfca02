package io.pinhole.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

/** What became of the packets of a case, as the kernel or as Pinhole has it. */
final class Observation {
    /** Packets that left on the other side. */
    final TreeSet<Integer> forwarded = new TreeSet<>();

    /** {@code ct state} right after connection tracking, by packet. */
    final Map<Integer, String> state = new TreeMap<>();

    /** Status bits of the packet's flow right after connection tracking. */
    final Map<Integer, String> status = new TreeMap<>();

    /** Direction and mark of the packet's flow right after connection tracking. */
    final Map<Integer, String> entry = new TreeMap<>();

    /** Seconds until the packet's flow expires, after connection tracking. */
    final Map<Integer, Long> expiry = new TreeMap<>();

    /** {@code meta mark} and {@code ct mark} after the last chain. */
    final Map<Integer, String> marks = new TreeMap<>();

    /** Packets and bytes of each rule, by the name of its counter. */
    final Map<String, String> counters = new TreeMap<>();

    /** Notes what the fragments of a datagram, which have one id, may not have in common. */
    static void note(Map<Integer, String> of, int id, String text) {
        of.merge(
                id,
                text,
                (a, b) -> {
                    TreeSet<String> all = new TreeSet<>(List.of(a.split(", ")));
                    all.add(b);
                    return String.join(", ", all);
                });
    }

    /** What differs, a line each; empty if nothing does. */
    static List<String> differences(Observation kernel, Observation pinhole) {
        List<String> out = new ArrayList<>();
        TreeSet<Integer> ids = new TreeSet<>(kernel.forwarded);
        ids.addAll(pinhole.forwarded);
        for (int id : ids) {
            if (kernel.forwarded.contains(id) != pinhole.forwarded.contains(id)) {
                out.add(
                        "packet %d: kernel %s, pinhole %s"
                                .formatted(
                                        id,
                                        kernel.forwarded.contains(id) ? "forwards" : "drops",
                                        pinhole.forwarded.contains(id) ? "forwards" : "drops"));
            }
        }
        compare("packet %s: ct state", kernel.state, pinhole.state, out);
        compare("packet %s: flow", kernel.entry, pinhole.entry, out);
        compare("packet %s: ct status", kernel.status, pinhole.status, out);
        compare("packet %s: marks", kernel.marks, pinhole.marks, out);
        expiries(kernel.expiry, pinhole.expiry, out);
        compare("counter %s:", kernel.counters, pinhole.counters, out);
        return out;
    }

    /** A packet is not seen at the very moment when its flow's timer is set. */
    private static void expiries(
            Map<Integer, Long> kernel, Map<Integer, Long> pinhole, List<String> out) {
        Map<Integer, Long> rounded = new TreeMap<>(kernel);
        pinhole.forEach(
                (id, seconds) ->
                        rounded.computeIfPresent(
                                id, (i, k) -> meansTheSame(k, seconds) ? seconds : k));
        compare("packet %s: expires in", rounded, pinhole, out);
    }

    private static boolean meansTheSame(long kernel, long pinhole) {
        return Math.abs(kernel - pinhole) <= 1 || (pinhole == 0 && KernelClock.isYoung());
    }

    private static <K extends Comparable<K>, V> void compare(
            String what, Map<K, V> kernel, Map<K, V> pinhole, List<String> out) {
        TreeSet<K> keys = new TreeSet<>(kernel.keySet());
        keys.addAll(pinhole.keySet());
        for (K key : keys) {
            V k = kernel.get(key);
            V p = pinhole.get(key);
            if (!Objects.equals(k, p)) {
                out.add("%s kernel %s, pinhole %s".formatted(what.formatted(key), k, p));
            }
        }
    }
}
