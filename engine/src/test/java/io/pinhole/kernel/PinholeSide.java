package io.pinhole.kernel;

import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleCount;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The same case, judged by {@link PacketPath} under {@code --compat=linux}. */
final class PinholeSide {
    private static final long START = 1_764_000_000_000_000_000L;
    private static final long STEP = 50_000;

    private PinholeSide() {}

    /** Reads a rule set; throws with Pinhole's words if it is refused. */
    static RuleSet load(String ruleSet) {
        ReadResult result = NftReader.read("case.nft", ruleSet, Map.of(), IncludeResolver.NONE);
        return switch (result) {
            case ReadResult.Loaded(RuleSet rules) -> rules;
            case ReadResult.Refused refused -> throw new AssertionError(refused.format());
        };
    }

    static Observation send(String ruleSet, List<Sent> packets) {
        CompiledRules compiled = load(ruleSet).compile();
        Observation seen = new Observation();
        Observer observer = new Observer(compiled, seen);
        PathOptions options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        true,
                        1);
        try (PacketPath path =
                new PacketPath(
                        options,
                        observer,
                        (position, verdict, ct, hook, rule, why) -> {
                            if (verdict == Verdict.ACCEPT || verdict == Verdict.UNFILTERED) {
                                seen.forwarded.add((int) position);
                            }
                        },
                        event -> {})) {
            long now = START;
            for (Sent packet : packets) {
                now += STEP;
                observer.id = packet.id();
                byte[] ip = packet.ip();
                path.process(
                        MemorySegment.ofArray(ip),
                        0,
                        ip.length,
                        ip.length,
                        LinkType.RAW,
                        now,
                        packet.id(),
                        packet.from().device(),
                        packet.from().other().device());
            }
        }
        for (RuleCount count : compiled.counters()) {
            String source = count.rule().source();
            seen.counters.put(
                    source.substring(source.lastIndexOf(' ') + 1),
                    count.packets() + " packets " + count.bytes());
        }
        return seen;
    }

    /** Stands where the kernel's observer table stands. */
    private static final class Observer implements RuleProgram {
        private final RuleProgram rules;
        private final Observation seen;
        private int id;

        Observer(RuleProgram rules, Observation seen) {
            this.rules = rules;
            this.seen = seen;
        }

        @Override
        public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
            if (hook == Hook.PREROUTING && from == CONNTRACK_PRIORITY) {
                Observation.note(seen.state, id, facts.ctState.label());
                if (facts.hasFlow) {
                    Observation.note(
                            seen.entry,
                            id,
                            (facts.ctDirection == Direction.ORIGINAL ? "original " : "reply ")
                                    + Integer.toUnsignedString(facts.ctMark));
                    status(facts.ctStatus);
                    seen.expiry.merge(id, Math.round(facts.ctExpirationMillis / 1000.0), Math::max);
                }
            }
            Verdict verdict = rules.run(hook, from, to, facts);
            if (hook == Hook.POSTROUTING && verdict == Verdict.ACCEPT) {
                Observation.note(seen.marks, id, "meta " + Integer.toUnsignedString(facts.mark));
                if (facts.hasFlow) {
                    Observation.note(
                            seen.marks, id, "ct " + Integer.toUnsignedString(facts.ctMark));
                }
            }
            return verdict;
        }

        private void status(int bits) {
            bit(bits, PacketFacts.STATUS_EXPECTED, "expected");
            bit(bits, PacketFacts.STATUS_SEEN_REPLY, "seen-reply");
            bit(bits, PacketFacts.STATUS_ASSURED, "assured");
            bit(bits, PacketFacts.STATUS_CONFIRMED, "confirmed");
        }

        private void bit(int bits, int bit, String name) {
            if ((bits & bit) != 0) {
                Observation.note(seen.status, id, name);
            }
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
