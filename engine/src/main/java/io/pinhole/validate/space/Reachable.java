package io.pinhole.validate.space;

import static io.pinhole.validate.space.PacketSpace.DESTINATION;
import static io.pinhole.validate.space.PacketSpace.DESTINATION_PORT;
import static io.pinhole.validate.space.PacketSpace.IPV4;
import static io.pinhole.validate.space.PacketSpace.PROTOCOL;
import static io.pinhole.validate.space.PacketSpace.SOURCE;
import static io.pinhole.validate.space.PacketSpace.SOURCE_PORT;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import io.pinhole.rule.Range;
import io.pinhole.rule.RuleSet;

/**
 * What a rule set lets through, as far as connection tracking can get there: no packet is
 * established whose flow could not begin, none is related that no pinhole or flow explains.
 *
 * <p>The sets may be a little too large (a server that never answers, say), never too small: that
 * nothing of a kind is in them is a proof.
 */
public final class Reachable {
    private final PacketSpace space;
    private final Bdd bdd;
    private final Walk walk;
    private final int opening;
    private final int data;
    private final int established;
    private final int loose;
    private final int errors;
    private final int controls;
    private final int pinholes;

    public Reachable(PacketSpace space, RuleSet rules, Route route, Policies policies) {
        this(space, new Walk(space, rules, route), policies);
    }

    public Reachable(PacketSpace space, Walk walk, Policies policies) {
        this.space = space;
        this.walk = walk;
        bdd = space.bdd();
        int passed = walk.accepted();
        opening = bdd.and(passed, space.state(CtState.NEW));
        int helped = connections(bdd.and(opening, walk.helped()));

        int flow = bdd.and(passed, space.state(CtState.ESTABLISHED));
        int there = bdd.and(flow, space.original());
        int back = bdd.and(flow, space.reply());
        // A dialogue needs both directions; then it can announce any port.
        controls =
                bdd.and(
                        bdd.and(helped, connections(there)),
                        space.mirrored(connections(back)));
        pinholes = pinholes(policies);
        int related = bdd.and(passed, space.state(CtState.RELATED));
        data = bdd.and(bdd.and(related, space.parent()), pinholes);

        int plain = connections(opening);
        int expected = connections(data);
        established =
                bdd.or(
                        belongs(bdd.minus(flow, space.parent()), plain),
                        belongs(bdd.and(flow, space.parent()), expected));
        errors =
                bdd.or(plain, expected) == Bdd.FALSE
                        ? Bdd.FALSE
                        : bdd.and(related, space.icmpError());
        loose =
                bdd.and(
                        passed,
                        bdd.or(
                                space.state(CtState.INVALID),
                                space.state(CtState.UNTRACKED)));
    }

    /** The five-tuples in the direction of the packets given. */
    private int connections(int packets) {
        return space.onlyBy(packets, IPV4, PROTOCOL, DESTINATION, SOURCE, DESTINATION_PORT, SOURCE_PORT);
    }

    /** Packets of either direction of these flows. */
    private int belongs(int packets, int flows) {
        return bdd.or(
                bdd.and(bdd.and(packets, space.original()), flows),
                bdd.and(bdd.and(packets, space.reply()), space.mirrored(flows)));
    }

    /** First packets of what a control connection can announce. */
    private int pinholes(Policies policies) {
        int pairs = space.onlyBy(controls, IPV4, SOURCE, DESTINATION);
        int ports = Bdd.TRUE;
        if (!policies.privilegedPorts()) {
            ports = space.in(DESTINATION_PORT, Range.between(1024, 65_535));
        } else {
            ports = space.in(DESTINATION_PORT, Range.between(1, 65_535));
        }
        for (Range denied : policies.deniedPorts()) {
            ports = bdd.minus(ports, space.in(DESTINATION_PORT, denied));
        }
        int passive = pairs;
        if (policies.anyPassiveAddress()) {
            passive = space.onlyBy(controls, IPV4, SOURCE);
        }
        int active = space.mirrored(pairs);
        if (policies.thirdParty()) {
            int fromServer = space.mirrored(space.onlyBy(controls, IPV4, DESTINATION));
            int to = Bdd.TRUE;
            if (!policies.peers().isEmpty()) {
                to = Bdd.FALSE;
                for (IpAddress peer : policies.peers()) {
                    to = bdd.or(to, space.address(DESTINATION, peer));
                }
            }
            active = bdd.or(active, bdd.and(fromServer, to));
        }
        if (policies.sourcePort20()) {
            active = bdd.and(active, space.is(SOURCE_PORT, 20));
        }
        return bdd.and(bdd.and(bdd.or(passive, active), ports), space.tcp());
    }

    /** First packets of connections that a rule lets in on its own. */
    public int opening() {
        return opening;
    }

    /** First packets of data connections that come through a pinhole. */
    public int data() {
        return data;
    }

    /** First packets for which a pinhole can be opened, whether the rules accept them or not. */
    public int pinholes() {
        return pinholes;
    }

    /** Later packets of connections that could begin. */
    public int established() {
        return established;
    }

    /** Packets that belong to no connection: invalid and untracked ones. */
    public int loose() {
        return loose;
    }

    /** ICMP errors about connections. */
    public int errors() {
        return errors;
    }

    /** Control connections, client to server, whose dialogue a helper reads. */
    public int controls() {
        return controls;
    }

    /** Everything that can pass. */
    public int all() {
        return bdd.any(opening, data, established, loose, errors);
    }

    public Walk walk() {
        return walk;
    }

    public PacketSpace space() {
        return space;
    }
}
