package io.pinhole.validate.run;

import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
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
import java.util.Set;

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
                                Policies.of(options.settings().helper()),
                                policies -> analyse(rules, policies));
        PacketSpace space = analysis.space;
        Bdd bdd = space.bdd();
        for (View view : views(claim, options.localAddresses(), analysis.views.keySet())) {
            Reachable reach = analysis.views.get(view);
            if (reach == null) {
                continue;
            }
            int asked = asked(claim, space);
            int passing = bdd.or(reach.opening(), reach.data());
            int against =
                    claim.never()
                            ? bdd.and(asked, passing)
                            : bdd.minus(
                                    bdd.and(
                                            bdd.and(asked, space.wellFormed()),
                                            space.state(CtState.NEW)),
                                    reach.opening());
            if (against != Bdd.FALSE) {
                return replayed(claim, Witness.of(space, against), rules, options);
            }
        }
        return new Answer.Proved();
    }

    private static Analysis analyse(RuleSet rules, Policies policies) {
        PacketSpace space = PacketSpace.of(rules);
        return new Analysis(
                space, View.reachable(space, rules, policies, EnumSet.allOf(View.class)));
    }

    /** To the host itself, from it, or through it. */
    private static Set<View> views(Claim claim, List<IpAddress> locals, Set<View> all) {
        IpAddress to = claim.to().address();
        IpAddress from = claim.from().address();
        if (to != null && locals.contains(to)) {
            return EnumSet.of(View.INBOUND);
        }
        if (from != null && locals.contains(from)) {
            return EnumSet.of(View.OUTBOUND);
        }
        if (locals.isEmpty() || (to != null && from != null)) {
            return EnumSet.of(View.THROUGH);
        }
        return all;
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

    /** The packet that speaks against it, through the real path. */
    private Answer replayed(Claim claim, Witness witness, RuleSet rules, PathOptions options) {
        FlowKey flow =
                new FlowKey(
                        witness.protocol(),
                        witness.source(),
                        witness.sourcePort(),
                        witness.destination(),
                        witness.destinationPort());
        for (BoundedProofs.Before before : BoundedProofs.Before.values()) {
            Judged judged = BoundedProofs.judge(options, rules.compile(), flow, before);
            if ((judged.verdict() == Verdict.ACCEPT) == claim.never()) {
                return new Answer.Refuted(judged, BoundedProofs.after(before, flow));
            }
        }
        return new Answer.NotRefuted(
                "no proof: "
                        + witness.text()
                        + " (ct state "
                        + witness.stateText()
                        + ") would speak against it, but no trial brought it about");
    }
}
