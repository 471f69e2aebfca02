package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.NaiveRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The whole way of a packet, written down the plain way: flows in a map, permissions in a list,
 * rules straight from their model. Made from design sections 3 to 5 and from what Linux does, with
 * the default settings, no {@code --local} and no {@code --compat}. {@link PacketPath} must agree
 * with it on every packet.
 */
final class NaivePath {
    private static final long SECOND = 1_000_000_000L;
    private static final int TRACKING = -200;

    /** A tracked connection; its key in the map is that of its first packet. */
    private static final class Flow {
        final FlowKey key;
        long deadline;
        boolean confirmed;
        boolean seenReply;
        boolean assured;
        boolean expected;
        int mark;
        long firstSeen;
        @Nullable NaiveTcp tcp;
        @Nullable NaiveFtp ftp;

        Flow(FlowKey key) {
            this.key = key;
        }
    }

    private record Fragment(long position, byte[] bytes, int offset, int length, boolean more) {}

    /** {@code position: verdict ct hook rule}, once it is known. */
    final TreeMap<Long, String> verdicts = new TreeMap<>();

    private final NaiveRules rules;
    private final Map<FlowKey, Flow> flows = new HashMap<>();
    private final Map<String, List<Fragment>> datagrams = new HashMap<>();
    private final List<NaiveFtp.Announced> announced = new ArrayList<>();
    private final PacketFacts facts = new PacketFacts();

    private long now = Long.MIN_VALUE;

    // What is known of the packet at hand.
    private @Nullable Flow flow;
    private Direction direction = Direction.ORIGINAL;
    private CtState state = CtState.INVALID;
    private NaiveFtp.@Nullable Announced expected;
    private boolean removeAfterwards;
    private NaiveTcp.@Nullable Result followed;
    private Hook hook = Hook.FORWARD;
    private RuleOrigin rule = RuleOrigin.NONE;

    NaivePath(RuleSet set) {
        rules = new NaiveRules(set);
    }

    void packet(byte[] frame, int wire, LinkType link, long timeNanos, long position) {
        now = Math.max(now, timeNanos);
        flows.values().removeIf(f -> now >= f.deadline);
        PacketView p = new PacketView();
        MemorySegment data = MemorySegment.ofArray(frame);
        if (p.wrap(data, 0, frame.length, wire, link) != Anomaly.NONE) {
            verdicts.put(position, "undecodable - - undecodable");
        } else if (p.ipVersion() == 0 || staysOnTheLink(p)) {
            verdicts.put(position, "unfiltered - - not filtered");
        } else if (p.isFragment()) {
            fragment(p, position);
        } else {
            verdicts.put(position, judge(p));
        }
    }

    void unsupported(long timeNanos, long position) {
        now = Math.max(now, timeNanos);
        verdicts.put(position, "undecodable - - undecodable");
    }

    /** What still waits for its rest is lost. */
    void finish() {
        datagrams.values().forEach(this::lose);
    }

    private static boolean staysOnTheLink(PacketView p) {
        String from = p.source().toString();
        String to = p.destination().toString();
        if (p.isV4()) {
            return to.equals("255.255.255.255")
                    || from.startsWith("0.") && from.equals("0.0.0.0")
                    || to.startsWith("224.0.0.")
                    || from.startsWith("169.254.")
                    || to.startsWith("169.254.");
        }
        return from.matches("fe[89ab].:.*")
                || to.matches("fe[89ab].:.*")
                || from.equals("::")
                || to.matches("ff.[012]:.*");
    }

    // ---- fragments ----

    private void fragment(PacketView p, long position) {
        String id = p.source() + " " + p.destination() + " " + p.protocol() + " " + p.fragmentId();
        List<Fragment> parts = datagrams.computeIfAbsent(id, k -> new ArrayList<>());
        byte[] bytes = new byte[p.transportCaptured()];
        MemorySegment.copy(
                p.data(),
                java.lang.foreign.ValueLayout.JAVA_BYTE,
                p.transportStart(),
                bytes,
                0,
                bytes.length);
        parts.add(
                new Fragment(
                        position,
                        bytes,
                        p.fragmentOffset(),
                        p.transportLength(),
                        p.moreFragments()));
        parts.sort((a, b) -> Integer.compare(a.offset, b.offset));
        int at = 0;
        for (Fragment part : parts) {
            if (part.offset < at) {
                datagrams.remove(id);
                lose(parts);
                return;
            }
            if (part.offset > at) {
                return;
            }
            at += part.length;
        }
        if (parts.getLast().more) {
            return;
        }
        datagrams.remove(id);
        byte[] whole = new byte[at];
        for (Fragment part : parts) {
            System.arraycopy(part.bytes, 0, whole, part.offset, part.bytes.length);
        }
        String verdict = judge(reassembled(p, whole));
        parts.forEach(part -> verdicts.put(part.position, verdict));
    }

    private static PacketView reassembled(PacketView p, byte[] payload) {
        String from = p.source().toString();
        String to = p.destination().toString();
        byte[] packet =
                p.isV4()
                        ? PacketBytes.ipv4(from, to, p.protocol(), 0, 0, payload)
                        : PacketBytes.ipv6(from, to, p.protocol(), payload);
        PacketView view = new PacketView();
        MemorySegment data = MemorySegment.ofArray(packet);
        view.wrap(data, 0, packet.length, packet.length, LinkType.RAW);
        return view;
    }

    private void lose(List<Fragment> parts) {
        parts.forEach(part -> verdicts.put(part.position, "drop - - fragment reassembly"));
    }

    // ---- one packet ----

    private String judge(PacketView p) {
        Verdict verdict = walk(p);
        if (verdict == Verdict.ACCEPT) {
            verdict = admit(p);
        }
        if (removeAfterwards && flow != null) {
            flows.remove(flow.key);
        }
        return verdict.label() + " " + state.label() + " " + hook.label() + " " + rule.text();
    }

    private Verdict walk(PacketView p) {
        facts.packet = p;
        facts.timeNanos = now;
        facts.ctState = CtState.INVALID;
        facts.hasFlow = false;
        facts.ctStatus = 0;
        facts.ctMark = 0;
        facts.parentHelper = null;
        facts.helper = null;
        facts.notrack = false;
        facts.mark = 0;
        flow = null;
        expected = null;
        removeAfterwards = false;
        followed = null;
        state = CtState.UNTRACKED;
        Verdict verdict = run(Hook.PREROUTING, Integer.MIN_VALUE, TRACKING);
        if (verdict != Verdict.ACCEPT) {
            state = CtState.INVALID;
            return verdict;
        }
        if (!facts.notrack) {
            track(p);
        }
        tellTheRules();
        verdict = run(Hook.PREROUTING, TRACKING, Integer.MAX_VALUE);
        if (verdict == Verdict.ACCEPT) {
            verdict = run(Hook.FORWARD, Integer.MIN_VALUE, Integer.MAX_VALUE);
        }
        if (verdict == Verdict.ACCEPT) {
            RuleOrigin decided = rule;
            verdict = run(Hook.POSTROUTING, Integer.MIN_VALUE, Integer.MAX_VALUE);
            if (verdict == Verdict.ACCEPT) {
                hook = Hook.FORWARD;
                rule = decided;
            }
        }
        return verdict;
    }

    private Verdict run(Hook at, int from, int to) {
        facts.decidedBy = RuleOrigin.NONE;
        Verdict verdict = rules.run(at, from, to, facts);
        hook = at;
        rule = facts.decidedBy;
        return verdict;
    }

    private void tellTheRules() {
        facts.ctState = state;
        Flow f = flow;
        facts.hasFlow = f != null;
        if (f == null) {
            return;
        }
        facts.ctDirection = direction;
        facts.ctStatus =
                (f.expected ? PacketFacts.STATUS_EXPECTED : 0)
                        | (f.seenReply ? PacketFacts.STATUS_SEEN_REPLY : 0)
                        | (f.assured ? PacketFacts.STATUS_ASSURED : 0)
                        | (f.confirmed ? PacketFacts.STATUS_CONFIRMED : 0)
                        | (f.ftp != null ? PacketFacts.STATUS_HELPER : 0);
        facts.ctMark = f.mark;
        facts.parentHelper = f.expected ? "ftp" : null;
        facts.originalSourceHigh = f.key.source().high();
        facts.originalSourceLow = f.key.source().low();
        facts.originalSourcePort = f.key.sourcePort();
        facts.originalDestinationHigh = f.key.destination().high();
        facts.originalDestinationLow = f.key.destination().low();
        facts.originalDestinationPort = f.key.destinationPort();
    }

    // ---- connection tracking ----

    private void track(PacketView p) {
        state = CtState.INVALID;
        if (p.isIcmpError()) {
            error(p);
            return;
        }
        switch (p.protocol()) {
            case PacketView.TCP -> tcp(p);
            case PacketView.UDP, PacketView.UDPLITE -> udp(p);
            case PacketView.ICMP, PacketView.ICMPV6 -> icmp(p);
            default -> known(find(key(p)), key(p), 600);
        }
    }

    private static FlowKey key(PacketView p) {
        return new FlowKey(
                p.protocol(),
                p.source(),
                p.hasPorts() ? p.sourcePort() : 0,
                p.destination(),
                p.hasPorts() ? p.destinationPort() : 0);
    }

    /** The flow that a packet with this 5-tuple belongs to, and its direction. */
    private @Nullable Flow find(FlowKey key) {
        Flow original = flows.get(key);
        direction = original != null ? Direction.ORIGINAL : Direction.REPLY;
        return original != null ? original : flows.get(key.reversed());
    }

    /** Enters the packet into its flow, or into a new one that is not in the table yet. */
    private void known(@Nullable Flow found, FlowKey key, int seconds) {
        if (found == null) {
            found = new Flow(key);
            found.firstSeen = now;
            direction = Direction.ORIGINAL;
        }
        found.deadline = now + seconds * SECOND;
        belongsTo(found);
    }

    private void belongsTo(Flow found) {
        flow = found;
        if (direction == Direction.REPLY) {
            found.seenReply = true;
        }
        state =
                found.seenReply
                        ? CtState.ESTABLISHED
                        : found.expected ? CtState.RELATED : CtState.NEW;
    }

    private void udp(PacketView p) {
        if (p.transportAnomaly() != Anomaly.NONE) {
            return;
        }
        Flow found = find(key(p));
        boolean stream = found != null && found.seenReply && now - found.firstSeen > 2 * SECOND;
        known(found, key(p), stream ? 120 : 30);
        if (stream) {
            found.assured = true;
        }
    }

    private void icmp(PacketView p) {
        boolean v6 = p.protocol() == PacketView.ICMPV6;
        if (p.transportAnomaly() != Anomaly.NONE || p.isV4() == v6) {
            return;
        }
        int type = p.icmpType();
        if (v6 && ((type >= 130 && type <= 136) || type == 143)) {
            state = CtState.UNTRACKED;
            return;
        }
        int request =
                switch (type) {
                    case 8, 0 -> v6 ? -1 : 8;
                    case 13, 14 -> v6 ? -1 : 13;
                    case 15, 16 -> v6 ? -1 : 15;
                    case 17, 18 -> v6 ? -1 : 17;
                    case 128, 129 -> v6 ? 128 : -1;
                    case 139, 140 -> v6 ? 139 : -1;
                    default -> -1;
                };
        if (request < 0) {
            return;
        }
        // The one that asks comes first, whoever sends this.
        if (type == request) {
            FlowKey asked = asked(p.protocol(), request, p.icmpId(), p.source(), p.destination());
            Flow found = flows.get(asked);
            direction = Direction.ORIGINAL;
            known(found, asked, 30);
        } else {
            FlowKey asked = asked(p.protocol(), request, p.icmpId(), p.destination(), p.source());
            Flow found = flows.get(asked);
            if (found != null) {
                direction = Direction.REPLY;
                known(found, asked, 30);
            }
        }
    }

    private static FlowKey asked(int protocol, int type, int id, IpAddress from, IpAddress to) {
        return new FlowKey(protocol + 1000 * type, from, id, to, 0);
    }

    private void error(PacketView p) {
        PacketView quoted = new PacketView();
        if (quoted.wrapQuoted(p) != Anomaly.NONE
                || quoted.transportAnomaly() != Anomaly.NONE
                || !quoted.source().equals(p.destination())) {
            return;
        }
        Flow found;
        if (quoted.protocol() == PacketView.ICMP || quoted.protocol() == PacketView.ICMPV6) {
            int type = quoted.icmpType();
            boolean reply = type == 0 || type == 129 || type == 140 || type == 14;
            int request =
                    type == 0 ? 8 : type == 129 || type == 140 || type == 14 ? type - 1 : type;
            found =
                    flows.get(
                            reply
                                    ? asked(
                                            quoted.protocol(),
                                            request,
                                            quoted.icmpId(),
                                            quoted.destination(),
                                            quoted.source())
                                    : asked(
                                            quoted.protocol(),
                                            request,
                                            quoted.icmpId(),
                                            quoted.source(),
                                            quoted.destination()));
            direction = reply ? Direction.ORIGINAL : Direction.REPLY;
        } else {
            found = find(key(quoted));
            // The error travels against the packet that it quotes.
            direction = direction == Direction.ORIGINAL ? Direction.REPLY : Direction.ORIGINAL;
        }
        if (found != null) {
            flow = found;
            state = CtState.RELATED;
        }
    }

    private void tcp(PacketView p) {
        if (p.transportAnomaly() != Anomaly.NONE || !NaiveTcp.isSensible(p)) {
            return;
        }
        Flow found = find(key(p));
        if (found != null && found.tcp != null) {
            int side = direction == Direction.ORIGINAL ? 0 : 1;
            followed = found.tcp.packet(p, side, found.seenReply, found.assured);
            switch (followed) {
                case INVALID -> {
                    if (found.tcp.closesSoon && found.deadline - now > 300 * SECOND) {
                        found.deadline = now + 300 * SECOND;
                    }
                    return;
                }
                case REOPEN -> flows.remove(found.key);
                case ACCEPT, PASS, RESTARTED, ACCEPT_AND_REMOVE -> {
                    if (followed == NaiveTcp.Result.RESTARTED) {
                        found.ftp = restarted(found);
                    }
                    if (followed != NaiveTcp.Result.PASS) {
                        if (found.tcp.timeoutSeconds >= 0) {
                            found.deadline = now + found.tcp.timeoutSeconds * SECOND;
                        }
                        found.assured |= found.tcp.becomesAssured;
                    }
                    removeAfterwards = followed == NaiveTcp.Result.ACCEPT_AND_REMOVE;
                    belongsTo(found);
                    return;
                }
            }
        }
        begin(p);
    }

    private @Nullable NaiveFtp restarted(Flow f) {
        if (f.ftp == null) {
            return null;
        }
        f.ftp.closeAll();
        return new NaiveFtp(f.key.source(), f.key.destination(), announced);
    }

    private void begin(PacketView p) {
        direction = Direction.ORIGINAL;
        Flow fresh = new Flow(key(p));
        NaiveTcp tcp = new NaiveTcp();
        fresh.tcp = tcp;
        if (!tcp.begin(p)) {
            return;
        }
        followed = tcp.packet(p, 0, false, false);
        if (followed == NaiveTcp.Result.INVALID) {
            return;
        }
        fresh.deadline = now + Math.max(0, tcp.timeoutSeconds) * SECOND;
        for (Flow parent : flows.values()) {
            if (parent.ftp == null) {
                continue;
            }
            for (NaiveFtp.Announced a : parent.ftp.announced()) {
                if (a.waits(now)
                        && a.from.equals(p.source())
                        && a.to.equals(p.destination())
                        && a.port == p.destinationPort()) {
                    expected = a;
                    fresh.expected = true;
                }
            }
        }
        belongsTo(fresh);
    }

    // ---- after the last hook ----

    private Verdict admit(PacketView p) {
        Flow f = flow;
        if (f == null || (state == CtState.RELATED && p.isIcmpError())) {
            return Verdict.ACCEPT;
        }
        if (!f.confirmed) {
            f.confirmed = true;
            flows.put(f.key, f);
            if (expected != null) {
                expected.used = true;
            } else if (f.tcp != null && facts.helper != null && facts.helper.type().equals("ftp")) {
                f.ftp = new NaiveFtp(f.key.source(), f.key.destination(), announced);
            }
        }
        f.mark = facts.ctMark;
        return f.ftp == null ? Verdict.ACCEPT : helped(f, f.ftp, p);
    }

    private Verdict helped(Flow f, NaiveFtp ftp, PacketView p) {
        boolean byClient = direction == Direction.ORIGINAL;
        boolean isFollowed = followed != NaiveTcp.Result.PASS;
        if (p.has(PacketView.SYN)) {
            ftp.syn(p, byClient, isFollowed);
            return Verdict.ACCEPT;
        }
        NaiveTcp tcp = f.tcp;
        boolean closed = tcp != null && tcp.state == NaiveTcp.State.CLOSE;
        boolean same = ftp.packet(p, byClient, p.has(PacketView.RST) && closed, now);
        boolean over = closed || (tcp != null && tcp.state == NaiveTcp.State.TIME_WAIT);
        if (over && ftp.isFinished()) {
            ftp.closeAll();
        }
        if (!same) {
            rule = new RuleOrigin("ftp helper", "");
            return Verdict.DROP;
        }
        return Verdict.ACCEPT;
    }
}
