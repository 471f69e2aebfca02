package io.pinhole.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * A rule set means to Pinhole what it means to the kernel this runs on: random rule sets and random
 * packets, judged by both. A case is one rule set and one sequence of about 40 packets.
 *
 * <p>{@code -Dpinhole.kernel.cases=N} says how many; see {@link Seeds} for the seed.
 */
class KernelDifferentialIT {
    private static final int CASES = Integer.getInteger("pinhole.kernel.cases", 300);
    private static final int FIRST = Integer.getInteger("pinhole.kernel.first", 0);
    private static final int SHOWN = Integer.getInteger("pinhole.kernel.shown", 3);

    @BeforeAll
    static void needsAKernel() throws Exception {
        Gateway.assumeAvailable();
    }

    @Test
    void pinholeAgreesWithTheKernel() throws Exception {
        long seed = Seeds.seed();
        List<String> reports = new ArrayList<>();
        int failed = 0;
        TreeMap<String, Integer> kinds = new TreeMap<>();
        try (Gateway gateway = new Gateway("pinhole-kd-" + ProcessHandle.current().pid())) {
            for (int i = FIRST; i < FIRST + CASES; i++) {
                if (i > FIRST && (i - FIRST) % 250 == 0) {
                    System.out.printf("%d cases, %d differ%n", i - FIRST, failed);
                }
                KernelCase c = generate(seed, i);
                List<String> differences;
                try {
                    c = c.accepted(gateway);
                    differences = c.differences(gateway);
                } catch (AssertionError refused) {
                    differences = List.of(refused.getMessage());
                }
                if (differences.isEmpty()) {
                    continue;
                }
                failed++;
                String kind = differences.getFirst().replaceAll("\\d+", "#");
                kinds.merge(kind, 1, Integer::sum);
                if (reports.size() < SHOWN && kinds.get(kind) == 1) {
                    KernelCase small = new Shrinker(gateway).shrink(c);
                    String report =
                            "seed %d, case %d\n%s\n%s\n"
                                    .formatted(
                                            seed,
                                            i,
                                            small.text(),
                                            String.join("\n", small.differences(gateway))
                                                    + "\nat first:\n"
                                                    + String.join("\n", differences));
                    System.out.println(report); // at once: a long run may be stopped
                    reports.add(report);
                }
            }
        }
        System.out.printf("%d cases, seed %d, %d differ%n", CASES, seed, failed);
        kinds.forEach((k, n) -> System.out.println(n + " x " + k));
        assertThat(reports).as(String.join("\n", reports)).isEmpty();
    }

    private static KernelCase generate(long seed, int number) {
        Random random = new Random(seed * 1_000_003 + number);
        RuleTree rules = new RuleSets(random).next();
        return new KernelCase(rules, new Traffic(random).mix(25 + random.nextInt(40)));
    }
}
