package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleSet;
import java.lang.management.ManagementFactory;

/**
 * The table of docs/performance.md: what {@link RuleCountBenchmark} measures for first packets, in
 * processor time, which other programs on the machine disturb less, and what reading and compiling
 * the rules took.
 */
public final class RuleCountTable {
    private static final int FLOWS = 1 << 16;
    private static final long STEP = 200_000_000_000L / FLOWS;
    private static final int ROUNDS = 8;

    private RuleCountTable() {}

    public static void main(String[] args) {
        PacketArray packets = PacketArray.first(FLOWS, 1);
        String[] shapes =
                args.length > 0
                        ? args
                        : new String[] {
                            "saddr", "dport", "pair", "mixed", "sets", "concat", "jumps"
                        };
        System.out.println("shape rules path-ns rules-ns read-ms compile-ms");
        for (String shape : shapes) {
            for (int n : new int[] {10, 1000, 10_000}) {
                measure(shape, n, packets);
            }
        }
    }

    private static void measure(String shape, int n, PacketArray packets) {
        long start = cpu();
        RuleSet set = RuleShapes.load(shape, n);
        long read = cpu();
        CompiledRules rules = set.compile();
        long compiled = cpu();
        long path = Long.MAX_VALUE;
        long alone = Long.MAX_VALUE;
        long now = 0;
        try (Path whole = new Path(rules)) {
            for (int round = 0; round < ROUNDS; round++) {
                long before = cpu();
                for (int i = 0; i < packets.count(); i++) {
                    now += STEP;
                    whole.process(packets, i, now);
                }
                path = Math.min(path, cpu() - before);
                alone = Math.min(alone, rulesAlone(rules, packets));
            }
            if (whole.count(CtState.NEW) != whole.packets()) {
                throw new IllegalStateException("some packets were not the first of a flow");
            }
        }
        System.out.printf(
                "%s %d %d %d %d %d%n",
                shape,
                n,
                path / packets.count(),
                alone / packets.count(),
                (read - start) / 1_000_000,
                (compiled - read) / 1_000_000);
    }

    private static long rulesAlone(CompiledRules rules, PacketArray packets) {
        PacketFacts facts = new PacketFacts();
        facts.ctState = CtState.NEW;
        facts.hasFlow = true;
        long before = cpu();
        for (int i = 0; i < packets.count(); i++) {
            int length = packets.length(i);
            facts.packet.wrap(packets.data(), packets.offset(i), length, length, LinkType.ETHERNET);
            Verdict verdict = rules.run(Hook.FORWARD, Integer.MIN_VALUE, Integer.MAX_VALUE, facts);
            if (verdict != Verdict.ACCEPT) {
                throw new IllegalStateException("a packet was not accepted");
            }
        }
        return cpu() - before;
    }

    private static long cpu() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
