package io.pinhole.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Random rule sets and random packets: the compiled form and the model agree on verdict, origin and
 * everything a rule changes. See {@link Seeds}.
 */
class RandomAgreementTest {
    private static final long SEED = Seeds.seed();
    private static final int RULE_SETS = Integer.getInteger("pinhole.runs", 250);
    private static final int PACKETS = 60;

    private final Random random = new Random(SEED);
    private final RandomRules generator = new RandomRules(random);

    @Test
    void compiledAndModelAgree() {
        Map<Verdict, Integer> seen = new EnumMap<>(Verdict.class);
        for (int i = 0; i < RULE_SETS; i++) {
            String text = generator.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            CompiledRules compiled = rules.compile();
            NaiveRules naive = new NaiveRules(rules);
            long time = 0;
            for (int p = 0; p < PACKETS; p++) {
                time += random.nextInt(400_000_000);
                String packet = generator.packet() + " at=" + time / 1e9;
                PacketFacts a = facts(packet);
                PacketFacts b = facts(packet);
                for (Hook hook : new Hook[] {Hook.PREROUTING, Hook.FORWARD}) {
                    Verdict fast = RuleFixture.run(compiled, hook, a);
                    Verdict slow = naive.run(hook, Integer.MIN_VALUE, Integer.MAX_VALUE, b);
                    seen.merge(fast, 1, Integer::sum);
                    assertThat(fast + " by " + a.decidedBy + changed(a))
                            .as("seed %d, set %d: %s at %s in%n%s", SEED, i, packet, hook, text)
                            .isEqualTo(slow + " by " + b.decidedBy + changed(b));
                }
            }
        }
        // A generator whose packets all fall through would test nothing.
        assertThat(seen.keySet()).contains(Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT);
        assertThat(seen.values()).allMatch(n -> n > RULE_SETS);
    }

    private static String changed(PacketFacts f) {
        return " mark "
                + f.mark
                + " ctmark "
                + f.ctMark
                + f.ctMarkChanged
                + " "
                + f.ctState
                + f.notrack
                + f.ctStatus
                + " "
                + f.helper
                + f.timeout;
    }

    private PacketFacts facts(String packet) {
        PacketFacts facts = RuleFixture.packet(packet);
        long hash = packet.hashCode();
        facts.ctExpirationMillis = Math.floorMod(hash, 100) * 1000;
        facts.ctId = (int) Math.floorMod(hash, 5);
        facts.flow = Math.floorMod(hash, 1000);
        // Some connections end sooner than others, and none comes back.
        facts.flows =
                (flow, version, protocol, a, b, c, d, ports, now) ->
                        now < Math.floorMod(ports * 31L + b, 20) * 1_000_000_000L;
        facts.ctStatus |= Math.floorMod(hash, 3) == 0 ? PacketFacts.STATUS_ASSURED : 0;
        return facts;
    }

    @Test
    void longChainsAgree() {
        Map<Verdict, Integer> seen = new EnumMap<>(Verdict.class);
        int matched = 0;
        for (int i = 0; i < RULE_SETS / 16; i++) {
            String text = generator.longRuleSet();
            RuleSet rules = RuleFixture.load(text);
            CompiledRules compiled = rules.compile();
            NaiveRules naive = new NaiveRules(rules);
            for (int p = 0; p < PACKETS; p++) {
                String packet = generator.packetForLongRuleSet();
                PacketFacts a = facts(packet);
                PacketFacts b = facts(packet);
                Verdict fast = RuleFixture.run(compiled, Hook.FORWARD, a);
                Verdict slow = naive.run(Hook.FORWARD, Integer.MIN_VALUE, Integer.MAX_VALUE, b);
                seen.merge(fast, 1, Integer::sum);
                assertThat(fast + " by " + a.decidedBy + changed(a))
                        .as("seed %d, set %d: %s in%n%s", SEED, i, packet, text)
                        .isEqualTo(slow + " by " + b.decidedBy + changed(b));
            }
            for (RuleCount count : compiled.counts()) {
                matched += count.packets() > 0 ? 1 : 0;
                assertThat(count.packets())
                        .as("seed %d, set %d: matches of %s in%n%s", SEED, i, count.rule(), text)
                        .isEqualTo(naive.counts.getOrDefault(count.rule(), 0L));
            }
        }
        assertThat(seen.keySet()).contains(Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT);
        assertThat(matched).isGreaterThan(RULE_SETS);
    }
}
