package io.pinhole.validate.run;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.scenario.Claim;
import io.pinhole.validate.scenario.Endpoint;
import io.pinhole.validate.scenario.Setup;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.View;
import io.pinhole.validate.space.Witness;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers claims for all packets at once: those of every ct state that connection tracking can
 * reach, and those that come through any pinhole the policies can open. A refutation is a packet
 * that was run through the path.
 *
 * <p>Callable from any thread; one at a time works.
 */
public final class ExactProofs implements Proofs {
    private record Analysis(PacketSpace space, Map<View, Reachable> views) {}

    /** What was worked out for a rule set under its policies, for the next claim about it. */
    private final IdentityHashMap<RuleSet, Map<Policies, Analysis>> done = new IdentityHashMap<>();

    private final BoundedProofs trials = new BoundedProofs();

    @Override
    public synchronized Answer answer(
            Claim claim, RuleSet rules, Setup setup, PathOptions options) {
        try {
            return exact(claim, rules, options);
        } catch (Bdd.TooLarge e) {
            return trials.answer(claim, rules, setup, options);
        }
    }

    private Answer exact(Claim claim, RuleSet rules, PathOptions options) {
        Analysis analysis =
                done.computeIfAbsent(rules, r -> new HashMap<>())
                        .computeIfAbsent(
                                Policies.of(
                                        options.settings(),
                                        rules,
                                        options.attachPorts(),
                                        options.compatLinux()),
                                policies -> analyse(rules, policies));
        PacketSpace space = analysis.space;
        Bdd bdd = space.bdd();
        Answer.NotRefuted doubt = null;
        for (Map.Entry<View, Reachable> entry : analysis.views.entrySet()) {
            Reachable reach = entry.getValue();
            int asked =
                    bdd.and(
                            asked(claim, space),
                            seen(entry.getKey(), options.localAddresses(), space));
            int passing = bdd.or(reach.opening(), reach.data());
            int against =
                    claim.never()
                            ? bdd.and(asked, passing)
                            : bdd.minus(
                                    bdd.and(
                                            bdd.and(asked, space.wellFormed()),
                                            space.state(CtState.NEW)),
                                    reach.opening());
            if (against == Bdd.FALSE) {
                continue;
            }
            switch (replayed(claim, reach, against, rules, options)) {
                case Answer.Refuted refuted -> {
                    return refuted;
                }
                case Answer.NotRefuted not -> doubt = not;
                case Answer.Proved() -> {}
            }
        }
        return doubt == null ? new Answer.Proved() : doubt;
    }

    private static Analysis analyse(RuleSet rules, Policies policies) {
        PacketSpace space = PacketSpace.of(rules);
        return new Analysis(
                space, View.reachable(space, rules, policies, EnumSet.allOf(View.class)));
    }

    /** The packets that go this way where these addresses are the host's own. */
    private static int seen(View view, List<IpAddress> locals, PacketSpace space) {
        Bdd bdd = space.bdd();
        int to = Bdd.FALSE;
        int from = Bdd.FALSE;
        for (IpAddress local : locals) {
            to = bdd.or(to, space.address(PacketSpace.DESTINATION, local));
            from = bdd.or(from, space.address(PacketSpace.SOURCE, local));
        }
        return switch (view) {
            case THROUGH -> bdd.not(bdd.or(to, from));
            case INBOUND -> bdd.minus(to, from);
            case OUTBOUND -> bdd.minus(from, to);
        };
    }

    private static int asked(Claim claim, PacketSpace space) {
        Bdd bdd = space.bdd();
        int set = space.protocol(claim.protocol());
        set = bdd.and(set, side(claim.from(), space, PacketSpace.SOURCE, PacketSpace.SOURCE_PORT));
        set =
                bdd.and(
                        set,
                        side(
                                claim.to(),
                                space,
                                PacketSpace.DESTINATION,
                                PacketSpace.DESTINATION_PORT));
        PacketSpace.Slice flags = space.extraOrNull(PacketSpace.TCP_FLAGS);
        if (claim.protocol() == PacketView.TCP && flags != null) {
            set = bdd.and(set, space.is(flags, TcpEnd.SYN));
        }
        return set;
    }

    private static int side(
            Endpoint endpoint,
            PacketSpace space,
            PacketSpace.Slice address,
            PacketSpace.Slice port) {
        Bdd bdd = space.bdd();
        IpAddress host = endpoint.address();
        int set = host == null ? Bdd.TRUE : space.address(address, host);
        return endpoint.hasPort() ? bdd.and(set, space.is(port, endpoint.port())) : set;
    }

    /** A packet that speaks against it, through the real path. */
    private static Answer replayed(
            Claim claim, Reachable reach, int against, RuleSet rules, PathOptions options) {
        PacketSpace space = reach.space();
        Bdd bdd = space.bdd();
        Bench bench = new Bench(rules, options);
        boolean interfaces = !rules.interfaceRules().isEmpty() && options.interfaces().isEmpty();
        // One that needs no dialogue is seen through more easily.
        int easy = bdd.and(against, space.state(CtState.NEW));
        Witness last = null;
        for (int set : new int[] {easy, bdd.minus(against, easy)}) {
            if (set == Bdd.FALSE) {
                continue;
            }
            Witness witness = Witness.of(space, set);
            last = last == null ? witness : last;
            List<Story> stories =
                    Stories.of(
                            witness,
                            reach.before(witness, reach),
                            new Stories.Where(Stories.Own.NONE, interfaces));
            Trial.Played played =
                    Trial.first(stories, bench, p -> p.whole() && p.passes() == claim.never());
            if (played != null) {
                List<String> contrary =
                        played.story().steps(claim.never() ? Verdict.DROP : Verdict.ACCEPT, null);
                return new Answer.Refuted(
                        played.packet(),
                        played.story().lines().size() == 1
                                ? "the first packet of all"
                                : "after these lines",
                        bench.walk(contrary, played.packet()),
                        played.steps());
            }
        }
        return new Answer.NotRefuted(
                "no proof: "
                        + (last == null ? "" : last.text())
                        + " (ct state "
                        + (last == null ? "" : last.stateText())
                        + ") would speak against it, but no trial brought it about");
    }
}
