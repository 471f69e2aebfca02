package io.pinhole.validate.space;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleCount;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The sets must hold exactly the packets that the evaluator lets through. */
public class WalkTest {
    private static final int RULE_SETS = 120;
    private static final int PACKETS = 60;

    private final long seed = Seeds.seed();
    private final RandomRules random = new RandomRules(seed);

    @Test
    void theSetsHoldWhatTheEvaluatorAccepts() {
        Map<Verdict, Integer> seen = new EnumMap<>(Verdict.class);
        for (int i = 0; i < RULE_SETS; i++) {
            String text = random.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            PacketSpace space = PacketSpace.of(rules);
            Walk walk = new Walk(space, rules, Route.FORWARD);
            for (int n = 0; n < PACKETS; n++) {
                String packet = random.packet(rules);
                PacketFacts facts = flowOf(RuleFixture.packet(packet));
                if (facts.packet.isIcmpError()) {
                    continue; // their flow is another packet's
                }
                var vector = Vectors.of(space, facts); // before rules change the facts
                if (!space.bdd().contains(space.wellFormed(), vector)) {
                    continue;
                }
                CompiledRules program = rules.compile();
                Verdict verdict = judge(program, facts);
                if (verdict == null) {
                    continue;
                }
                Set<String> matched = new TreeSet<>();
                for (Walk.BaseWalk base : walk.bases()) {
                    matching(space, base.passage(), vector, matched);
                }
                assertThat(matched)
                        .as("seed %d: rules that match %s in%n%s", seed, packet, text)
                        .isEqualTo(matched(program));
                seen.merge(verdict, 1, Integer::sum);
                assertThat(space.bdd().contains(walk.accepted(), vector))
                        .as(
                                "seed %d: %s is %s by %s in%n%s",
                                seed, packet, verdict, facts.decidedBy, text)
                        .isEqualTo(verdict == Verdict.ACCEPT);
                assertThat(space.bdd().contains(walk.rejected(), vector))
                        .isEqualTo(verdict == Verdict.REJECT);
                if (facts.ctState == CtState.NEW) {
                    assertThat(space.bdd().contains(walk.helped(), vector))
                            .as("seed %d: helper of %s in%n%s", seed, packet, text)
                            .isEqualTo(facts.helper != null);
                }
            }
        }
        assertThat(seen.values()).as("seed " + seed).hasSize(3).allMatch(n -> n > 50);
    }

    /** The rules whose sets the packet is in where it comes to them. */
    private static void matching(
            PacketSpace space, Passage passage, BitSet packet, Set<String> rules) {
        Bdd bdd = space.bdd();
        for (Visit visit : passage.visits()) {
            if (bdd.contains(visit.reach(), packet) && bdd.contains(visit.condition(), packet)) {
                rules.add(visit.rule().origin().text());
            }
            for (Visit.Branch branch : visit.branches()) {
                Passage into = branch.into();
                if (into != null) {
                    matching(space, into, packet, rules);
                }
            }
        }
    }

    /** The rules that matched to their end. */
    public static Set<String> matched(CompiledRules program) {
        Set<String> out = new TreeSet<>();
        for (RuleCount count : program.counts()) {
            if (count.packets() > 0) {
                out.add(count.rule().text());
            }
        }
        return out;
    }

    /** A packet in the reply direction has its flow's addresses the other way round. */
    public static PacketFacts flowOf(PacketFacts facts) {
        if (facts.ctDirection == Direction.REPLY) {
            facts.originalSourceHigh = facts.packet.destinationHigh();
            facts.originalSourceLow = facts.packet.destinationLow();
            facts.originalSourcePort = facts.packet.destinationPort();
            facts.originalDestinationHigh = facts.packet.sourceHigh();
            facts.originalDestinationLow = facts.packet.sourceLow();
            facts.originalDestinationPort = facts.packet.sourcePort();
        }
        return facts;
    }

    /** False for facts that connection tracking never gives. */
    public static boolean isPossible(PacketFacts facts) {
        PacketSpace space = new PacketSpace();
        return space.bdd().contains(space.wellFormed(), Vectors.of(space, facts));
    }

    /** As the path does it; null where notrack and the packet's state do not fit together. */
    public static @Nullable Verdict judge(CompiledRules program, PacketFacts facts) {
        CtState state = facts.ctState;
        boolean flow = facts.hasFlow;
        int track = RuleProgram.CONNTRACK_PRIORITY;
        facts.ctState = CtState.INVALID;
        facts.hasFlow = false;
        Verdict verdict = program.run(Hook.PREROUTING, Integer.MIN_VALUE, track, facts);
        facts.ctState = state;
        facts.hasFlow = flow;
        if (verdict == Verdict.ACCEPT) {
            if (facts.notrack != (state == CtState.UNTRACKED)) {
                return null;
            }
            verdict = program.run(Hook.PREROUTING, track, Integer.MAX_VALUE, facts);
        }
        for (Hook hook : new Hook[] {Hook.FORWARD, Hook.POSTROUTING}) {
            if (verdict == Verdict.ACCEPT) {
                verdict = RuleFixture.run(program, hook, facts);
            }
        }
        return verdict;
    }
}
