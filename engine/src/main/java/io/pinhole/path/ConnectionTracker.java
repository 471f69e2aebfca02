package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Settings;
import io.pinhole.decode.PacketView;
import io.pinhole.expect.Expectation;
import io.pinhole.expect.ExpectationTable;
import io.pinhole.flow.FlowTable;
import io.pinhole.flow.TcpTracker;

import org.jspecify.annotations.Nullable;

/**
 * Finds or begins the flow of a packet and says what {@code ct state} the packet has: the kernel's
 * nf_conntrack_in. Owned by the path; the results stand until the next {@link #track}.
 */
final class ConnectionTracker {
    private static final long SECOND = 1_000_000_000L;
    // The kernel's UDP_CT_REPLIED applies to a conversation that lasts longer than this.
    private static final long UDP_STREAM_AFTER = 2 * SECOND;

    private final FlowTable flows4;
    private final FlowTable flows6;
    private final ExpectationTable expectations;
    private final TcpTracker tcp;
    private final boolean compatLinux;
    private final PacketView quoted = new PacketView();
    private final long udpTimeout;
    private final long udpStreamTimeout;
    private final long icmpTimeout;
    private final long genericTimeout;

    private FlowTable table;
    private long flow = FlowTable.NONE;
    private long matched = FlowTable.NONE;
    private boolean confirmed;
    private boolean ends;
    private boolean restarts;
    private Direction direction = Direction.ORIGINAL;
    private CtState state = CtState.INVALID;
    private Anomaly anomaly = Anomaly.NONE;
    private @Nullable Expectation expectation;

    ConnectionTracker(
            FlowTable flows4,
            FlowTable flows6,
            ExpectationTable expectations,
            Settings settings,
            boolean compatLinux) {
        this.compatLinux = compatLinux;
        this.flows4 = flows4;
        this.flows6 = flows6;
        this.expectations = expectations;
        table = flows4;
        tcp = new TcpTracker(settings.tcp(), settings.timeouts());
        udpTimeout = settings.timeouts().udp() * SECOND;
        udpStreamTimeout = settings.timeouts().udpStream() * SECOND;
        icmpTimeout = settings.timeouts().icmp() * SECOND;
        genericTimeout = settings.timeouts().generic() * SECOND;
    }

    /** The table that holds {@link #flow()}. */
    FlowTable table() {
        return table;
    }

    /** The packet's flow, or {@code FlowTable.NONE} if it is invalid or untracked. */
    long flow() {
        return flow;
    }

    /** The flow in the table whose 5-tuple the packet has, also where it is invalid. */
    long matched() {
        return matched;
    }

    /** False for the first packet of a flow: {@link #flow()} is the table's scratch entry then. */
    boolean isConfirmed() {
        return confirmed;
    }

    /** True if the flow must be removed once the packet has its verdict. */
    boolean endsFlow() {
        return ends;
    }

    /** True if a new connection begins in the flow, with the 4-tuple of the old. */
    boolean restartsFlow() {
        return restarts;
    }

    /** False for a TCP packet that was let through without moving its flow's state. */
    boolean isFollowed() {
        return tcp.followed();
    }

    void offload(FlowTable t, long handle, long now) {
        tcp.offload(t, handle, now);
    }

    /** Enters the table's scratch entry as an established connection; returns its handle. */
    long takeOver(FlowTable t, long now) {
        long handle = t.insert(now);
        tcp.takeOver(t, handle, now);
        return handle;
    }

    /** Whether a kernel that carried flows in between found the next packet invalid. */
    void kernelInvalid(boolean invalid) {
        tcp.kernelInvalid(invalid);
    }

    Direction direction() {
        return direction;
    }

    CtState state() {
        return state;
    }

    /** Why the packet is invalid, else {@code NONE}. */
    Anomaly anomaly() {
        return anomaly;
    }

    /** The expectation a first packet would use. */
    @Nullable Expectation expectation() {
        return expectation;
    }

    /** The flow's handle changed because it was entered into the table. */
    void confirmedAs(long handle) {
        flow = handle;
        matched = handle;
        confirmed = true;
    }

    void track(PacketView p, long now) {
        table = p.isV4() ? flows4 : flows6;
        flow = FlowTable.NONE;
        matched = FlowTable.NONE;
        confirmed = false;
        ends = false;
        restarts = false;
        expectation = null;
        direction = Direction.ORIGINAL;
        state = CtState.INVALID;
        anomaly = Anomaly.NONE;
        if (p.isIcmpError()) {
            trackError(p, now);
            return;
        }
        switch (p.protocol()) {
            case PacketView.TCP -> trackTcp(p, now);
            case PacketView.UDP, PacketView.UDPLITE -> trackUdp(p, now);
            case PacketView.ICMP -> trackIcmp(p, now);
            case PacketView.ICMPV6 -> trackIcmpv6(p, now);
            case PacketView.SCTP -> trackGeneric(p, now, p.hasPorts() && sctpInit(p));
            case PacketView.DCCP -> trackGeneric(p, now, p.hasPorts() && dccpRequest(p));
            case PacketView.NO_NEXT_HEADER -> trackGeneric(p, now, p.isV4());
            default -> trackGeneric(p, now, true);
        }
    }

    /** The flow with the 5-tuple of a TCP packet that is not tracked, or {@code FlowTable.NONE}. */
    long wouldMatch(PacketView p, long now) {
        table = p.isV4() ? flows4 : flows6;
        return table.find(
                PacketView.TCP,
                p.sourceHigh(),
                p.sourceLow(),
                p.sourcePort(),
                p.destinationHigh(),
                p.destinationLow(),
                p.destinationPort(),
                now);
    }

    /** What the rule set said of tracking: nothing is known of the packet. */
    void untracked() {
        flow = FlowTable.NONE;
        matched = FlowTable.NONE;
        confirmed = false;
        ends = false;
        restarts = false;
        expectation = null;
        direction = Direction.ORIGINAL;
        state = CtState.UNTRACKED;
        anomaly = Anomaly.NONE;
    }

    private void invalid(Anomaly why) {
        flow = FlowTable.NONE;
        confirmed = false;
        state = CtState.INVALID;
        anomaly = why;
    }

    private boolean find(PacketView p, int protocol, int sourcePort, int port, long now) {
        flow =
                table.find(
                        protocol,
                        p.sourceHigh(),
                        p.sourceLow(),
                        sourcePort,
                        p.destinationHigh(),
                        p.destinationLow(),
                        port,
                        now);
        direction = table.direction();
        confirmed = flow != FlowTable.NONE;
        matched = flow;
        return confirmed;
    }

    private void prepare(PacketView p, int protocol, int sourcePort, int destinationPort) {
        flow =
                table.prepare(
                        protocol,
                        p.sourceHigh(),
                        p.sourceLow(),
                        sourcePort,
                        p.destinationHigh(),
                        p.destinationLow(),
                        destinationPort);
        direction = Direction.ORIGINAL;
        state = CtState.NEW;
    }

    /** State of a packet of a known flow, and what its arrival means for the flow. */
    private void known() {
        if (direction == Direction.REPLY) {
            state = CtState.ESTABLISHED;
            table.setFlag(flow, FlowTable.SEEN_REPLY);
        } else if (table.flag(flow, FlowTable.SEEN_REPLY)) {
            state = CtState.ESTABLISHED;
        } else {
            state = table.flag(flow, FlowTable.EXPECTED) ? CtState.RELATED : CtState.NEW;
        }
    }

    private void trackTcp(PacketView p, long now) {
        Anomaly bad = TcpTracker.check(p);
        if (bad != Anomaly.NONE) {
            invalid(bad);
            return;
        }
        if (find(p, PacketView.TCP, p.sourcePort(), p.destinationPort(), now)) {
            switch (tcp.track(table, flow, p, direction.ordinal(), now)) {
                case ACCEPT -> known();
                case RESTARTED -> {
                    restarts = true;
                    known();
                }
                case ACCEPT_AND_REMOVE -> {
                    ends = true;
                    known();
                }
                case INVALID -> invalid(tcp.anomaly());
                case REOPEN -> {
                    table.remove(flow);
                    matched = FlowTable.NONE;
                    beginTcp(p, now);
                }
            }
            return;
        }
        beginTcp(p, now);
    }

    private void beginTcp(PacketView p, long now) {
        prepare(p, PacketView.TCP, p.sourcePort(), p.destinationPort());
        confirmed = false;
        if (!tcp.begin(table, flow, p, true)) {
            invalid(tcp.anomaly());
            return;
        }
        if (tcp.track(table, flow, p, 0, now) == TcpTracker.Result.INVALID) {
            invalid(tcp.anomaly());
            return;
        }
        expectation =
                expectations.find(
                        p.ipVersion(),
                        p.sourceHigh(),
                        p.sourceLow(),
                        p.sourcePort(),
                        p.destinationHigh(),
                        p.destinationLow(),
                        p.destinationPort(),
                        now);
        FlowKey parent =
                switch (expectation) {
                    case LinuxPermission linux -> linux.parent();
                    case Pinhole.Permission permission -> permission.pinhole.session.key;
                    case null, default -> null;
                };
        if (parent != null && !isLive(parent, now)) {
            expectation = null; // it died with the control flow, swept or not
        }
        if (expectation != null) {
            table.setFlag(flow, FlowTable.EXPECTED);
            state = CtState.RELATED;
            if (compatLinux) {
                expectations.remove(expectation); // used up whatever the rules say
            }
        }
    }

    private boolean isLive(FlowKey key, long now) {
        FlowTable t = key.source().isV4() ? flows4 : flows6;
        return t.find(
                        key.protocol(),
                        key.source().high(),
                        key.source().low(),
                        key.sourcePort(),
                        key.destination().high(),
                        key.destination().low(),
                        key.destinationPort(),
                        now)
                != FlowTable.NONE;
    }

    private void trackUdp(PacketView p, long now) {
        if (p.transportAnomaly() != Anomaly.NONE) {
            invalid(p.transportAnomaly());
            return;
        }
        if (!find(p, p.protocol(), p.sourcePort(), p.destinationPort(), now)) {
            prepare(p, p.protocol(), p.sourcePort(), p.destinationPort());
            table.since(flow, now);
            table.deadline(flow, now + udpTimeout);
            return;
        }
        long timeout = udpTimeout;
        if (table.flag(flow, FlowTable.SEEN_REPLY) && now - table.since(flow) > UDP_STREAM_AFTER) {
            timeout = udpStreamTimeout;
            table.setFlag(flow, FlowTable.ASSURED);
        }
        table.deadline(flow, now + timeout);
        known();
    }

    /**
     * Requests begin a flow, replies belong to one (RFC 792; kernel nf_conntrack_proto_icmp.c). The
     * identifier stands for both ports, the kind of request for the protocol, so that a reply finds
     * its request's flow and no other kind's.
     */
    private void trackIcmp(PacketView p, long now) {
        if (p.transportAnomaly() != Anomaly.NONE || !p.isV4()) {
            invalid(p.isV4() ? p.transportAnomaly() : Anomaly.ICMP_UNEXPECTED);
            return;
        }
        switch (p.icmpType()) {
            case 8 -> query(p, PacketView.ICMP, true, now);
            case 0 -> query(p, PacketView.ICMP, false, now);
            case 13 -> query(p, PacketView.ICMP + 256, true, now);
            case 14 -> query(p, PacketView.ICMP + 256, false, now);
            case 15 -> query(p, PacketView.ICMP + 512, true, now);
            case 16 -> query(p, PacketView.ICMP + 512, false, now);
            case 17 -> query(p, PacketView.ICMP + 768, true, now);
            case 18 -> query(p, PacketView.ICMP + 768, false, now);
            default -> invalid(Anomaly.ICMP_UNEXPECTED);
        }
    }

    private void trackIcmpv6(PacketView p, long now) {
        if (p.transportAnomaly() != Anomaly.NONE || p.isV4()) {
            invalid(p.isV4() ? Anomaly.ICMP_UNEXPECTED : p.transportAnomaly());
            return;
        }
        switch (p.icmpType()) {
            // Multicast listener and neighbour discovery are of the link, not of a flow.
            case 130, 131, 132, 133, 134, 135, 136, 143 -> untracked();
            case 128 -> query(p, PacketView.ICMPV6, true, now);
            case 129 -> query(p, PacketView.ICMPV6, false, now);
            case 139 -> query(p, PacketView.ICMPV6 + 256, true, now);
            case 140 -> query(p, PacketView.ICMPV6 + 256, false, now);
            default -> invalid(Anomaly.ICMP_UNEXPECTED);
        }
    }

    private void query(PacketView p, int kind, boolean request, long now) {
        int id = p.icmpId();
        boolean found = findQuery(p, kind & 0xff, kind >>> 8, id, request, now);
        if (!found) {
            if (!request) {
                invalid(Anomaly.ICMP_UNEXPECTED);
                return;
            }
            prepare(p, kind & 0xff, requester(id), responder(kind >>> 8, id));
            table.deadline(flow, now + icmpTimeout);
            return;
        }
        table.deadline(flow, now + icmpTimeout);
        known();
    }

    private boolean findQuery(
            PacketView p, int protocol, int kind, int id, boolean request, long now) {
        int requester = requester(id);
        int responder = responder(kind, id);
        return request
                ? find(p, protocol, requester, responder, now)
                : find(p, protocol, responder, requester, now);
    }

    // Identifier and kind in the place of two ports. The uppermost bit tells the side that asked:
    // two hosts may ask each other with one identifier, and these are two flows.
    private static int requester(int id) {
        return 0x8000 | id & 0xff;
    }

    private static int responder(int kind, int id) {
        return kind << 8 | id >>> 8;
    }

    /**
     * An error belongs to the flow of the packet it quotes (kernel nf_conntrack_inet_error), and
     * must be addressed to that packet's sender.
     */
    private void trackError(PacketView p, long now) {
        if (quoted.wrapQuoted(p) != Anomaly.NONE
                || quoted.transportAnomaly() != Anomaly.NONE
                || quoted.sourceLow() != p.destinationLow()
                || quoted.sourceHigh() != p.destinationHigh()) {
            invalid(Anomaly.ICMP_UNTRACKABLE);
            return;
        }
        int protocol = quoted.protocol();
        boolean found;
        if (protocol == PacketView.ICMP || protocol == PacketView.ICMPV6) {
            int type = quoted.icmpType();
            int kind =
                    protocol == PacketView.ICMPV6
                            ? (type >= 139 ? 1 : 0)
                            : (type >= 13 ? (type - 11) / 2 : 0);
            boolean request =
                    type == 8
                            || type == 13
                            || type == 15
                            || type == 17
                            || type == 128
                            || type == 139;
            found = findQuery(quoted, protocol, kind, quoted.icmpId(), request, now);
        } else {
            found = find(quoted, protocol, quoted.sourcePort(), quoted.destinationPort(), now);
        }
        if (!found) {
            invalid(Anomaly.ICMP_UNTRACKABLE);
            return;
        }
        direction = direction.opposite();
        state = CtState.RELATED;
    }

    /** Protocols without a tracker of their own: one flow for each pair of hosts (and ports). */
    private void trackGeneric(PacketView p, long now, boolean mayBegin) {
        if (p.transportAnomaly() != Anomaly.NONE) {
            invalid(p.transportAnomaly());
            return;
        }
        if (!find(p, p.protocol(), p.sourcePort(), p.destinationPort(), now)) {
            if (!mayBegin) {
                invalid(Anomaly.NOT_A_FLOW_START);
                return;
            }
            prepare(p, p.protocol(), p.sourcePort(), p.destinationPort());
            table.deadline(flow, now + genericTimeout);
            return;
        }
        table.deadline(flow, now + genericTimeout);
        known();
    }

    /** RFC 9260 section 3.1: INIT is chunk type 1 behind the 12-byte common header. */
    private static boolean sctpInit(PacketView p) {
        return p.transportCaptured() > 12 && p.u8(p.transportStart() + 12) == 1;
    }

    /** RFC 4340 section 5.1: Request is packet type 0, in the upper bits of byte 8. */
    private static boolean dccpRequest(PacketView p) {
        return p.transportCaptured() > 8 && (p.u8(p.transportStart() + 8) >> 1 & 0xf) == 0;
    }
}
