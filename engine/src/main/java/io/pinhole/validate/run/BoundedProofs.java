package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.scenario.Claim;
import io.pinhole.validate.scenario.Endpoint;
import io.pinhole.validate.scenario.Setup;
import io.pinhole.validate.scenario.Step.Tweaks;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Tries some packets instead of all: says "not refuted", never "proved". Opens a connection from
 * every host and from strangers, at the ports where rules change their mind, after nothing and
 * after dialogues that announce the very port.
 */
public final class BoundedProofs implements Proofs {
    private static final int[] SOURCE_PORTS = {1, 20, 21, 1023, 1024, 1025, 40_001, 65_535};
    private static final int[] ANY_PORTS = {1, 20, 21, 22, 1023, 1024, 1025, 40_001, 65_535};
    private static final byte[] NOTHING = {};
    private static final List<IpAddress> STRANGERS =
            List.of(
                    IpAddress.v4(0x01020304),
                    IpAddress.v4(0xc0a80101),
                    IpAddress.v6(0x2001_0db8_00ff_0000L, 1));

    /** What was said before the packet came. */
    enum Before {
        NOTHING,
        PASSIVE,
        ACTIVE,
        BOUNCE
    }

    @Override
    public Answer answer(Claim claim, RuleSet rules, Setup setup, PathOptions options) {
        RuleProgram program = rules.compile();
        int tried = 0;
        for (IpAddress to : hosts(claim.to(), setup)) {
            for (IpAddress from : hosts(claim.from(), setup)) {
                if (from.version() != to.version() || from.equals(to)) {
                    continue;
                }
                for (int port : ports(claim.to(), ANY_PORTS)) {
                    for (int sourcePort : ports(claim.from(), SOURCE_PORTS)) {
                        for (Before before : Before.values()) {
                            FlowKey flow =
                                    new FlowKey(claim.protocol(), from, sourcePort, to, port);
                            Judged j = judge(options, program, flow, before);
                            tried++;
                            boolean passed = j.verdict() == Verdict.ACCEPT;
                            if (passed == claim.never()) {
                                return new Answer.Refuted(
                                        j, after(before, flow), List.of(), List.of());
                            }
                        }
                    }
                }
            }
        }
        return new Answer.NotRefuted(
                "not refuted by " + tried + " simulated packets, which is no proof");
    }

    /** What becomes of a connection's first packet, after a dialogue. */
    static Judged judge(PathOptions options, RuleProgram program, FlowKey flow, Before before) {
        try (Lab lab = new Lab(options, program, PacketTap.NONE)) {
            return probe(lab, flow, before);
        } catch (StepFailure e) {
            throw new IllegalStateException(e);
        }
    }

    static String after(Before before, FlowKey flow) {
        return switch (before) {
            case NOTHING -> "as the first packet of all";
            case PASSIVE ->
                    "after a session to "
                            + flow.destination()
                            + ":21 in which 227 announced port "
                            + flow.destinationPort();
            case ACTIVE ->
                    "after a session from "
                            + flow.destination()
                            + " in which PORT announced port "
                            + flow.destinationPort();
            case BOUNCE ->
                    "after a session to "
                            + flow.source()
                            + ":21 in which PORT named "
                            + flow.destination();
        };
    }

    private static Set<IpAddress> hosts(Endpoint endpoint, Setup setup) {
        Set<IpAddress> out = new LinkedHashSet<>();
        IpAddress address = endpoint.address();
        if (address != null) {
            out.add(address);
        } else {
            out.addAll(setup.hosts().values());
            out.addAll(STRANGERS);
        }
        return out;
    }

    private static List<Integer> ports(Endpoint endpoint, int[] others) {
        List<Integer> out = new ArrayList<>();
        if (endpoint.hasPort()) {
            out.add(endpoint.port());
        } else {
            for (int port : others) {
                out.add(port);
            }
        }
        return out;
    }

    private static Judged probe(Lab lab, FlowKey flow, Before before) throws StepFailure {
        int port = flow.destinationPort();
        String split = "," + (port >>> 8) + "," + (port & 0xff);
        String target = flow.destination().toString().replace('.', ',') + split;
        boolean v4 = flow.destination().isV4();
        switch (before) {
            case NOTHING -> {}
            case PASSIVE ->
                    dialogue(
                            lab,
                            FlowKey.tcp(flow.source(), 50_001, flow.destination(), 21),
                            v4 ? "PASV" : "EPSV",
                            v4
                                    ? "227 Entering Passive Mode (" + target + ")"
                                    : "229 Extended Passive Mode (|||" + port + "|)");
            case ACTIVE ->
                    dialogue(
                            lab,
                            FlowKey.tcp(flow.destination(), 50_001, flow.source(), 21),
                            v4
                                    ? "PORT " + target
                                    : "EPRT |2|" + flow.destination() + "|" + port + "|",
                            "200 fine");
            case BOUNCE -> {
                IpAddress third = v4 ? STRANGERS.get(0) : STRANGERS.get(2);
                dialogue(
                        lab,
                        FlowKey.tcp(third, 50_001, flow.source(), 21),
                        v4 ? "PORT " + target : "EPRT |2|" + flow.destination() + "|" + port + "|",
                        "200 fine");
            }
        }
        return flow.protocol() == FlowKey.TCP
                ? lab.tcp(lab.end(flow), TcpEnd.SYN, NOTHING, Tweaks.NONE)
                : lab.udp(flow, NOTHING, 0, Tweaks.NONE);
    }

    private static void dialogue(Lab lab, FlowKey control, String command, String reply)
            throws StepFailure {
        TcpEnd client = lab.end(control);
        Conversation talk = new Conversation(lab);
        if (talk.handshake(client)) {
            talk.lines(client, "USER alice", "331 password", "PASS x", "230 in", command, reply);
        }
    }
}
