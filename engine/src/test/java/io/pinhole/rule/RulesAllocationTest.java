package io.pinhole.rule;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Judging a packet leaves nothing to collect: indexes, sets, maps, marks, memos. */
class RulesAllocationTest {
    private static final int ROUNDS = 5_000;

    // What the measurement and the JIT themselves may take.
    private static final long NOISE = 100_000;

    @Test
    void judgingAllocatesNothing() {
        RandomRules generator = new RandomRules(new Random(7));
        CompiledRules rules = RuleFixture.load(generator.longRuleSet()).compile();
        PacketFacts[] packets = new PacketFacts[64];
        for (int i = 0; i < packets.length; i++) {
            packets[i] = RuleFixture.packet(generator.packetForLongRuleSet());
        }
        int[] memos = new int[packets.length];
        int[] recalled = {0};
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = 0;
        for (int i = 0; i < 2 * ROUNDS; i++) {
            if (i == ROUNDS) {
                before = threads.getCurrentThreadAllocatedBytes();
            }
            int n = i % packets.length;
            PacketFacts facts = packets[n];
            facts.mark = n & 7;
            facts.ctState = n % 2 == 0 ? CtState.NEW : CtState.ESTABLISHED;
            facts.timeNanos = i * 1_000_000L;
            // Every other pass without memo, so that both ways are measured.
            if (i / packets.length % 2 == 0 && rules.recall(memos[n], facts) != null) {
                recalled[0]++;
                continue;
            }
            rules.watch(facts);
            Verdict verdict = rules.run(Hook.FORWARD, Integer.MIN_VALUE, Integer.MAX_VALUE, facts);
            memos[n] = rules.remember(memos[n], facts, verdict, Hook.FORWARD, facts.decidedBy);
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(NOISE);
        assertThat(recalled[0]).isGreaterThan(ROUNDS / 10);
    }
}
