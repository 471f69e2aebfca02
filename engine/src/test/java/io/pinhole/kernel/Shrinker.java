package io.pinhole.kernel;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Finds a small case that still shows the difference: delta debugging on packets, then rules. */
final class Shrinker {
    private interface Test<T> {
        boolean fails(List<T> parts) throws IOException;
    }

    private final Gateway gateway;

    Shrinker(Gateway gateway) {
        this.gateway = gateway;
    }

    KernelCase shrink(KernelCase failing) throws IOException {
        String kind = kind(failing.differences(gateway));
        if (kind.isEmpty()) {
            return failing; // it does not repeat
        }
        KernelCase small = failing;
        for (int round = 0; round < 3; round++) {
            int before = small.packets().size() + small.rules().size();
            RuleTree rules = small.rules();
            List<Sent> packets =
                    minimal(small.packets(), p -> fails(new KernelCase(rules, p), kind));
            List<Integer> kept =
                    minimal(
                            IntStream.range(0, rules.size()).boxed().toList(),
                            k -> fails(new KernelCase(rules.only(k::contains), packets), kind));
            small = new KernelCase(rules.only(kept::contains), packets);
            if (small.packets().size() + small.rules().size() == before) {
                break;
            }
        }
        return small;
    }

    /** What sort of difference comes first: a smaller case must show the same sort. */
    private static String kind(List<String> differences) {
        if (differences.isEmpty()) {
            return "";
        }
        String first = differences.getFirst();
        return first.startsWith("packet")
                ? first.replaceFirst("packet \\d+:? ?", "").replaceAll("\\d+", "#")
                : first.startsWith("counter")
                        ? "counter"
                        : first.lines().findFirst().orElse("").replaceAll("\\S*\\d+\\S*", "#");
    }

    private boolean fails(KernelCase c, String kind) throws IOException {
        return c.differences(gateway).stream().anyMatch(d -> kind(List.of(d)).equals(kind));
    }

    private static <T> List<T> minimal(List<T> parts, Test<T> test) throws IOException {
        List<T> now = new ArrayList<>(parts);
        for (int size = Math.max(1, now.size() / 2); size >= 1; size /= 2) {
            for (int at = now.size() - size; at > -size; at -= size) {
                List<T> fewer = new ArrayList<>(now);
                int from = Math.max(0, at);
                int to = Math.min(now.size(), at + size);
                if (from >= to) {
                    continue;
                }
                fewer.subList(from, to).clear();
                if (test.fails(fewer)) {
                    now = fewer;
                }
            }
        }
        return now;
    }
}
