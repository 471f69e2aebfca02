package io.pinhole.validate.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.FtpRules;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.RandomRules;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.Vectors;
import io.pinhole.validate.space.View;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Whatever passes the real path, after whatever was said before, lies in the sets that proofs rest
 * on: random rule sets, random dialogues and packets of a few hosts and ports.
 */
class ReachableTest {
    private static final int RULE_SETS = 150;
    private static final int PACKETS = 160;

    private final long seed = Seeds.seed();
    private final Random random = new Random(seed);
    private final RandomRules anything = new RandomRules(seed);
    private final FtpRules ftp = new FtpRules(seed);

    @Test
    void whatPassesLiesInTheSets() {
        Map<String, Integer> seen = new TreeMap<>();
        for (int i = 0; i < RULE_SETS; i++) {
            String text = i % 4 == 0 ? anything.ruleSet() : ftp.ruleSet();
            run(text, settings(), seen);
        }
        // Each kind must have been there, else the test is worth nothing.
        for (String kind :
                new String[] {
                    "new",
                    "established",
                    "established expected",
                    "related expected",
                    "related icmp",
                    "related icmp expected",
                    "invalid",
                    "untracked"
                }) {
            assertThat(seen.getOrDefault(kind, 0))
                    .as("seed %d: %s in %s", seed, kind, seen)
                    .isGreaterThan(10);
        }
    }

    private void run(String text, Settings settings, Map<String, Integer> seen) {
        RuleSet rules = RuleFixture.load(text);
        List<IpAddress> locals =
                switch (random.nextInt(4)) {
                    case 0 -> List.of(RandomTalk.V4.get(2), RandomTalk.V6.get(1));
                    case 1 -> List.of(RandomTalk.V4.get(0));
                    default -> List.of();
                };
        Set<Integer> attached =
                rules.assignsHelper() || random.nextInt(3) > 0 ? Set.of() : Set.of(21);
        boolean linux = random.nextInt(6) == 0;
        PathOptions options =
                new PathOptions(
                        settings,
                        Set.of(21),
                        attached,
                        locals,
                        new InterfaceMap(List.of()),
                        linux,
                        seed);
        PacketSpace space = PacketSpace.of(rules);
        Map<View, Reachable> reach =
                View.reachable(
                        space,
                        rules,
                        Policies.of(settings, rules, attached, linux),
                        EnumSet.allOf(View.class));
        Watched program = new Watched(rules.compile(), space);
        try (Lab lab = new Lab(options, program, PacketTap.NONE)) {
            RandomTalk talk = new RandomTalk(lab, random);
            for (int n = 0; n < PACKETS; n++) {
                program.vector = null;
                Judged j = talk.step();
                BitSet vector = program.vector;
                PacketFacts facts = program.facts;
                if (j == null || vector == null || facts == null || j.ct() == null) {
                    continue;
                }
                if (j.verdict() != Verdict.ACCEPT) {
                    continue;
                }
                boolean toHost = locals.contains(facts.packet.destination());
                boolean fromHost = locals.contains(facts.packet.source());
                if (toHost && fromHost) {
                    continue; // never leaves the host
                }
                Set<View> views =
                        toHost || fromHost
                                ? EnumSet.of(View.INBOUND, View.OUTBOUND)
                                : EnumSet.of(View.THROUGH);
                boolean in = false;
                boolean inKind = false;
                for (View view : views) {
                    Reachable r = Objects.requireNonNull(reach.get(view));
                    in |= contains(space, r.all(), vector);
                    inKind |= contains(space, kind(r, facts, j.ct()), vector);
                }
                String kind =
                        j.ct().label()
                                + (facts.packet.isIcmpError() && j.ct() == CtState.RELATED
                                        ? " icmp"
                                        : "")
                                + (program.parent ? " expected" : "");
                seen.merge(kind, 1, Integer::sum);
                assertThat(in && inKind)
                        .as(
                                "seed %d: %s (%s, helper %s, locals %s, linux %s, %s) passes by %s"
                                        + " in%n%s",
                                seed,
                                j.what(),
                                kind,
                                attached,
                                locals,
                                linux,
                                settings.helper(),
                                j.rule().text(),
                                text)
                        .isTrue();
            }
        } catch (StepFailure e) {
            throw new AssertionError(e);
        }
    }

    private static int kind(Reachable r, PacketFacts facts, CtState ct) {
        return switch (ct) {
            case NEW -> r.opening();
            case ESTABLISHED -> r.established();
            case RELATED -> facts.packet.isIcmpError() ? r.errors() : r.data();
            case INVALID, UNTRACKED -> r.loose();
        };
    }

    /** What nobody can foretell may be either way. */
    private static boolean contains(PacketSpace space, int set, BitSet vector) {
        BitSet unknown = new BitSet();
        for (String name : space.extraNames()) {
            if (name.startsWith("? ")) {
                unknown.or(Objects.requireNonNull(space.extraOrNull(name)).bits());
            }
        }
        Bdd bdd = space.bdd();
        return bdd.contains(bdd.exists(set, unknown), vector);
    }

    private Settings settings() {
        Settings d = Settings.DEFAULTS;
        Settings.HelperPolicy h = d.helper();
        Settings.HelperPolicy policy =
                new Settings.HelperPolicy(
                        random.nextInt(3) == 0 ? Settings.ThirdParty.ALLOW : h.thirdParty(),
                        random.nextInt(2) == 0
                                ? h.thirdPartyPeers()
                                : List.of(RandomTalk.V4.get(1)),
                        random.nextInt(3) == 0
                                ? Settings.PrivilegedPorts.ALLOW
                                : h.privilegedPorts(),
                        random.nextInt(3) == 0 ? Settings.PassiveAddress.ALLOW : h.passiveAddress(),
                        h.auth(),
                        false,
                        random.nextInt(3) == 0
                                ? List.of(new Settings.PortRange(1025, 1030))
                                : List.of(),
                        random.nextInt(3) == 0
                                ? Settings.ActiveSourcePort.FTP_DATA
                                : h.activeSourcePort(),
                        false,
                        h.lifetimeSeconds());
        boolean own = random.nextInt(3) == 0;
        return new Settings(
                d.timeouts(),
                d.limits(),
                d.tcp(),
                own ? h : policy,
                own ? Map.of("h", policy) : Map.of());
    }

    /** The rules, keeping what they were told of the last packet. */
    private static final class Watched implements RuleProgram {
        private final CompiledRules rules;
        private final PacketSpace space;
        @Nullable BitSet vector;
        @Nullable PacketFacts facts;
        boolean parent;

        Watched(CompiledRules rules, PacketSpace space) {
            this.rules = rules;
            this.space = space;
        }

        @Override
        public Verdict run(Hook hook, int from, int to, PacketFacts of) {
            boolean first = hook == Hook.PREROUTING || hook == Hook.OUTPUT;
            if (first && from == CONNTRACK_PRIORITY) {
                vector = Vectors.of(space, of);
                parent = of.hasFlow && of.parentHelper != null;
                facts = of;
            }
            return rules.run(hook, from, to, of);
        }

        @Override
        public void watch(PacketFacts of) {
            rules.watch(of);
        }

        @Override
        public int remember(int memo, PacketFacts of, Verdict verdict, Hook hook, RuleOrigin by) {
            return 0;
        }

        @Override
        public io.pinhole.rule.@Nullable Walk recall(int memo, PacketFacts of) {
            return null;
        }

        @Override
        public boolean mayOffload(int memo) {
            return false;
        }

        @Override
        public boolean hasChains(Hook hook, int from, int to) {
            return true;
        }

        @Override
        public boolean readsInterfaces() {
            return rules.readsInterfaces();
        }

        @Override
        public boolean hasGlobalState() {
            return rules.hasGlobalState();
        }

        @Override
        public boolean assignsHelper() {
            return rules.assignsHelper();
        }

        @Override
        public String name() {
            return rules.name();
        }
    }
}
