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
    private final Walk toward;
    private final Walk back;
    private final int opening;
    private final int data;
    private final int established;
    private final int loose;
    private final int errors;
    private final int controls;
    private final int pinholes;

    /**
     * @param toward the way of the packets that open connections: forward, or input where the host
     *     itself is the server
     * @param back the way of the answers: forward, or output
     */
    public Reachable(PacketSpace space, Walk toward, Walk back, Policies policies) {
        this.space = space;
        this.toward = toward;
        this.back = back;
        bdd = space.bdd();
        int there = bdd.and(toward.accepted(), space.state(CtState.ESTABLISHED));
        int answers = bdd.and(back.accepted(), space.state(CtState.ESTABLISHED));
        opening = bdd.and(toward.accepted(), space.state(CtState.NEW));
        // A dialogue needs both directions; then it can announce any port.
        controls =
                bdd.and(
                        bdd.and(
                                connections(bdd.and(opening, toward.helped())),
                                connections(bdd.and(there, space.original()))),
                        space.mirrored(connections(bdd.and(answers, space.reply()))));
        int first = bdd.and(space.state(CtState.RELATED), space.parent());
        int passive = bdd.and(passive(policies), ports(policies));
        int active = bdd.and(active(policies), ports(policies));
        pinholes = bdd.or(passive, active);
        int toServer = bdd.and(bdd.and(toward.accepted(), first), passive);
        int toClient = bdd.and(bdd.and(back.accepted(), first), active);
        data = bdd.or(toServer, toClient);

        int plain = connections(opening);
        established =
                bdd.any(
                        belongs(
                                bdd.minus(there, space.parent()),
                                bdd.minus(answers, space.parent()),
                                plain),
                        belongs(
                                bdd.and(there, space.parent()),
                                bdd.and(answers, space.parent()),
                                connections(toServer)),
                        belongs(
                                bdd.and(answers, space.parent()),
                                bdd.and(there, space.parent()),
                                connections(toClient)));
        int both = bdd.or(toward.accepted(), back.accepted());
        int related = bdd.and(space.state(CtState.RELATED), space.icmpError());
        errors = bdd.or(opening, data) == Bdd.FALSE ? Bdd.FALSE : bdd.and(both, related);
        int stateless = bdd.or(space.state(CtState.INVALID), space.state(CtState.UNTRACKED));
        loose = bdd.and(toward.accepted(), stateless);
    }

    /** The five-tuples in the direction of the packets given. */
    private int connections(int packets) {
        return space.onlyBy(
                packets, IPV4, PROTOCOL, DESTINATION, SOURCE, DESTINATION_PORT, SOURCE_PORT);
    }

    /** Packets of either direction of these flows. */
    private int belongs(int there, int answers, int flows) {
        return bdd.or(
                bdd.and(bdd.and(there, space.original()), flows),
                bdd.and(bdd.and(answers, space.reply()), space.mirrored(flows)));
    }

    private int ports(Policies policies) {
        int ports =
                space.in(
                        DESTINATION_PORT,
                        Range.between(policies.privilegedPorts() ? 1 : 1024, 65_535));
        for (Range denied : policies.deniedPorts()) {
            ports = bdd.minus(ports, space.in(DESTINATION_PORT, denied));
        }
        return bdd.and(ports, space.tcp());
    }

    /** From the client to the server, or to whom it names. */
    private int passive(Policies policies) {
        return policies.anyPassiveAddress()
                ? space.onlyBy(controls, IPV4, SOURCE)
                : space.onlyBy(controls, IPV4, SOURCE, DESTINATION);
    }

    /** From the server to the client, or to whom it names. */
    private int active(Policies policies) {
        int active = space.mirrored(space.onlyBy(controls, IPV4, SOURCE, DESTINATION));
        if (policies.thirdParty()) {
            int to = policies.peers().isEmpty() ? Bdd.TRUE : Bdd.FALSE;
            for (IpAddress peer : policies.peers()) {
                to = bdd.or(to, space.address(DESTINATION, peer));
            }
            int fromServer = space.mirrored(space.onlyBy(controls, IPV4, DESTINATION));
            active = bdd.or(active, bdd.and(fromServer, to));
        }
        return policies.sourcePort20() ? bdd.and(active, space.is(SOURCE_PORT, 20)) : active;
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

    /** The way of the packets that open connections. */
    public Walk walk() {
        return toward;
    }

    /** The way of the answers. */
    public Walk back() {
        return back;
    }

    public PacketSpace space() {
        return space;
    }
}
