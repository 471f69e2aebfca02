package io.pinhole.validate.space;

import static io.pinhole.validate.space.PacketSpace.DESTINATION;
import static io.pinhole.validate.space.PacketSpace.DESTINATION_PORT;
import static io.pinhole.validate.space.PacketSpace.IPV4;
import static io.pinhole.validate.space.PacketSpace.SOURCE;
import static io.pinhole.validate.space.PacketSpace.SOURCE_PORT;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.Range;
import java.util.ArrayList;
import java.util.List;

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
                                space.connections(bdd.and(opening, helped(policies))),
                                space.connections(bdd.and(there, space.original()))),
                        space.mirrored(space.connections(bdd.and(answers, space.reply()))));
        int first = bdd.and(space.state(CtState.RELATED), space.parent());
        int passive = bdd.and(passive(policies), ports(policies));
        int active = bdd.and(active(policies), ports(policies));
        pinholes = bdd.or(passive, active);
        int toServer = bdd.and(bdd.and(toward.accepted(), first), passive);
        int toClient = bdd.and(bdd.and(back.accepted(), first), active);
        data = bdd.or(toServer, toClient);

        int plain = space.connections(opening);
        established =
                bdd.any(
                        belongs(
                                bdd.minus(there, space.parent()),
                                bdd.minus(answers, space.parent()),
                                plain),
                        belongs(
                                bdd.and(there, space.parent()),
                                bdd.and(answers, space.parent()),
                                space.connections(toServer)),
                        belongs(
                                bdd.and(answers, space.parent()),
                                bdd.and(there, space.parent()),
                                space.connections(toClient)));
        int both = bdd.or(toward.accepted(), back.accepted());
        int related = bdd.and(space.state(CtState.RELATED), space.icmpError());
        // Of whatever connection, be it one of the host itself that an error passes by.
        errors = bdd.and(both, related);
        int stateless = bdd.or(space.state(CtState.INVALID), space.state(CtState.UNTRACKED));
        loose = bdd.and(toward.accepted(), stateless);
    }

    private int helped(Policies policies) {
        int set = toward.helped();
        for (int port : policies.attached()) {
            set = bdd.or(set, bdd.and(space.tcp(), space.is(DESTINATION_PORT, port)));
        }
        return set;
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

    /**
     * What may have to come before a witness: control connections that can announce it, connections
     * that an ICMP error can be about.
     *
     * @param other another rule set under which it had better be possible, too; or this one
     */
    public List<Witness> before(Witness w, Reachable other) {
        List<Witness> out = new ArrayList<>();
        if (w.parent() && w.protocol() == PacketView.TCP) {
            IpAddress from = w.reply() ? w.destination() : w.source();
            IpAddress to = w.reply() ? w.source() : w.destination();
            for (int set : new int[] {bdd.and(controls, other.controls), controls}) {
                int client = bdd.and(set, space.address(SOURCE, from));
                int server = bdd.and(set, space.address(DESTINATION, from));
                add(out, bdd.and(client, space.address(DESTINATION, to)));
                add(out, bdd.and(server, space.address(SOURCE, to)));
                // Where a third host may be named.
                add(out, client);
                add(out, server);
            }
        } else if (w.state() == CtState.RELATED) {
            if (w.parent()) {
                return out; // about a data connection: told by none
            }
            int ports = bdd.or(space.tcp(), space.protocol(PacketView.UDP));
            for (int set : new int[] {bdd.and(opening, other.opening), opening}) {
                int opens = bdd.and(set, ports);
                int to = space.address(DESTINATION, w.destination());
                int from = space.address(SOURCE, w.destination());
                add(out, bdd.minus(bdd.and(opens, from), to));
                add(out, bdd.minus(bdd.and(opens, to), from));
            }
        }
        return out;
    }

    private void add(List<Witness> out, int set) {
        if (set != Bdd.FALSE) {
            out.add(Witness.of(space, set));
        }
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
