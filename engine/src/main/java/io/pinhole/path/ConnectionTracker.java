package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Settings;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.PacketView;
import io.pinhole.expect.Expectation;
import io.pinhole.expect.ExpectationTable;
import io.pinhole.flow.FlowTable;
import io.pinhole.flow.TcpTracker;
import io.pinhole.rule.TimeoutObject;
import org.jspecify.annotations.Nullable;

/**
 * Finds or begins the flow of a packet and says what {@code ct state} the packet has: the kernel's
 * nf_conntrack_in. Owned by the path; the results stand until the next {@link #track}.
 */
final class ConnectionTracker {
    private static final long SECOND = 1_000_000_000L;
    // The kernel's UDP_CT_REPLIED applies to a conversation that lasts longer than this.
    private static final long UDP_STREAM_AFTER = 2 * SECOND;

    // nf_conntrack_gre_timeout and nf_conntrack_gre_timeout_stream
    private static final long GRE = 30 * SECOND;
    private static final long GRE_STREAM = 180 * SECOND;

    private static final int TIMEOUT_SHIFT = 16;

    private final FlowTable flows4;
    private final FlowTable flows6;
    private final ExpectationTable expectations;
    private final TcpTracker tcp;
    private final TimeoutPolicies policies;
    private final boolean compatLinux;
    // nf_conntrack_checksum: Linux finds a packet with a wrong checksum invalid.
    private final boolean checksums;
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
    private int parentMark;
    private boolean restarts;
    private boolean ofError;
    private int fingerprint;
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
        checksums = compatLinux && settings.tcp().checksum();
        this.flows4 = flows4;
        this.flows6 = flows6;
        this.expectations = expectations;
        table = flows4;
        tcp = new TcpTracker(settings.tcp(), settings.timeouts());
        policies = new TimeoutPolicies(settings.timeouts());
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

    /** See {@link io.pinhole.rule.LiveFlows#isOpen}. */
    boolean isOpen(
            long flow,
            int version,
            int protocol,
            long sourceHigh,
            long sourceLow,
            long destinationHigh,
            long destinationLow,
            int ports,
            long nowNanos) {
        FlowTable t = version == 4 ? flows4 : flows6;
        if (!t.holds(
                flow,
                protocol,
                sourceHigh,
                sourceLow,
                destinationHigh,
                destinationLow,
                ports,
                nowNanos)) {
            return false;
        }
        int state = t.state(flow);
        return protocol != PacketView.TCP
                || (state != TcpTracker.TIME_WAIT && state != TcpTracker.CLOSE);
    }

    /** True for an ICMP error: {@link #flow()} is that of the packet it quotes. */
    boolean isOfError() {
        return ofError;
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
        long handle = t.insert();
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

    /** The packet is an ordinary one of an established flow, and was tracked elsewhere. */
    void established(FlowTable t, long handle, Direction way) {
        table = t;
        flow = handle;
        matched = handle;
        confirmed = true;
        ends = false;
        restarts = false;
        ofError = false;
        expectation = null;
        direction = way;
        state = CtState.ESTABLISHED;
        anomaly = Anomaly.NONE;
    }

    /** True of a valid packet that would begin a flow nobody has announced. */
    boolean isStrange() {
        return state == CtState.NEW && !confirmed && expectation == null && !ofError;
    }

    /** The packet is one that {@link #isStrange}, of a flow that is not to come into the table. */
    void kept(FlowTable t) {
        untracked();
        table = t;
        state = CtState.NEW;
    }

    /** The flow's handle changed because it was entered into the table. */
    void confirmedAs(long handle) {
        flow = handle;
        matched = handle;
        confirmed = true;
    }

    /**
     * Finds or begins the packet's flow, and says what {@code ct state} it has.
     *
     * @param fingerprint what the table finds it by, 0 if that is not known yet
     */
    void track(PacketView p, int fingerprint, long now) {
        boolean known = p.protocol() == PacketView.TCP || p.protocol() == PacketView.UDP;
        this.fingerprint = known ? fingerprint : 0;
        table = p.isV4() ? flows4 : flows6;
        flow = FlowTable.NONE;
        matched = FlowTable.NONE;
        confirmed = false;
        ends = false;
        restarts = false;
        ofError = false;
        expectation = null;
        direction = Direction.ORIGINAL;
        state = CtState.INVALID;
        anomaly = Anomaly.NONE;
        if (p.isFragment()) {
            invalid(Anomaly.FRAGMENT_MALFORMED);
            return;
        }
        if (compatLinux && p.protocol() == PacketView.TCP) {
            useUpExpectation(p, now);
        }
        if (checksums && Checksums.transport(p) == Checksums.Result.BAD) {
            invalid(Anomaly.BAD_CHECKSUM);
            return;
        }
        if (p.isIcmpError()) {
            trackError(p, now);
            return;
        }
        switch (p.protocol()) {
            case PacketView.TCP -> trackTcp(p, now);
            case PacketView.UDP, PacketView.UDPLITE -> trackUdp(p, now);
            case PacketView.ICMP -> trackIcmp(p, now);
            case PacketView.ICMPV6 -> trackIcmpv6(p, now);
            case PacketView.GRE -> trackGre(p, now);
            case PacketView.SCTP -> trackGeneric(p, now, p.hasPorts() && sctpInit(p));
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
        ofError = false;
        expectation = null;
        direction = Direction.ORIGINAL;
        state = CtState.UNTRACKED;
        anomaly = Anomaly.NONE;
    }

    private void invalid(Anomaly why) {
        expectation = null;
        flow = FlowTable.NONE;
        confirmed = false;
        state = CtState.INVALID;
        anomaly = why;
    }

    private boolean find(PacketView p, int protocol, int sourcePort, int port, long now) {
        if (fingerprint == 0) {
            fingerprint =
                    table.fingerprint(
                            protocol,
                            p.sourceHigh(),
                            p.sourceLow(),
                            sourcePort,
                            p.destinationHigh(),
                            p.destinationLow(),
                            port);
        }
        flow =
                table.find(
                        fingerprint,
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
                        fingerprint,
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
            tcp.use(policies.nanos(timeoutOf(flow)));
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
                    if (compatLinux) {
                        useUpExpectation(p, now);
                    }
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
        tcp.use(null);
        if (!tcp.begin(table, flow, p, true)) {
            invalid(tcp.anomaly());
            return;
        }
        if (tcp.track(table, flow, p, 0, now) == TcpTracker.Result.INVALID) {
            invalid(tcp.anomaly());
            return;
        }
        if (!compatLinux) {
            expect(p, now);
        }
        if (expectation != null) {
            table.setFlag(flow, FlowTable.EXPECTED);
            state = CtState.RELATED;
        }
    }

    /** Linux makes the flow, and uses up its expectation, before it looks at the packet. */
    private void useUpExpectation(PacketView p, long now) {
        if (!p.hasPorts() || p.transportCaptured() < 8) {
            return;
        }
        if (find(p, PacketView.TCP, p.sourcePort(), p.destinationPort(), now)) {
            return;
        }
        expect(p, now);
        if (expectation != null) {
            expectations.remove(expectation);
        }
    }

    private void expect(PacketView p, long now) {
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
    }

    /**
     * Gives a flow that has just been entered what its rules assigned to it.
     *
     * @param helper number of its helper object, 0 for none
     */
    void assign(int helper, @Nullable TimeoutObject timeout, long now) {
        int number = timeout == null ? 0 : policies.number(timeout);
        table.helper(flow, helper | number << TIMEOUT_SHIFT);
        if (timeout != null) {
            table.setFlag(flow, FlowTable.TIMED);
            table.deadline(flow, now + policies.first(number));
        }
    }

    /** The number of a flow's helper object, 0 for none. */
    static int helperOf(FlowTable t, long flow) {
        return t.helper(flow) & (1 << TIMEOUT_SHIFT) - 1;
    }

    private int timeoutOf(long of) {
        return table.helper(of) >>> TIMEOUT_SHIFT;
    }

    private boolean isLive(FlowKey key, long now) {
        FlowTable t = key.source().isV4() ? flows4 : flows6;
        long parent =
                t.find(
                        key.protocol(),
                        key.source().high(),
                        key.source().low(),
                        key.sourcePort(),
                        key.destination().high(),
                        key.destination().low(),
                        key.destinationPort(),
                        now);
        parentMark = parent == FlowTable.NONE ? 0 : t.mark(parent);
        return parent != FlowTable.NONE;
    }

    /** The mark of the control flow whose expectation a first packet would use. */
    int parentMark() {
        return parentMark;
    }

    private void trackUdp(PacketView p, long now) {
        if (p.transportAnomaly() != Anomaly.NONE) {
            invalid(p.transportAnomaly());
            return;
        }
        if (p.protocol() == PacketView.UDPLITE && hasNoChecksum(p)) {
            invalid(Anomaly.BAD_CHECKSUM);
            return;
        }
        if (!find(p, p.protocol(), p.sourcePort(), p.destinationPort(), now)) {
            prepare(p, p.protocol(), p.sourcePort(), p.destinationPort());
            table.since(flow, now);
            table.deadline(flow, now + udpTimeout);
            return;
        }
        long[] policy = policies.nanos(timeoutOf(flow));
        long timeout = policy == null ? udpTimeout : policy[0];
        // A reply alone makes no stream of UDP, but it does of UDP-Lite.
        if (table.flag(flow, FlowTable.SEEN_REPLY)
                && (p.protocol() == PacketView.UDPLITE
                        || now - table.since(flow) > UDP_STREAM_AFTER)) {
            timeout = policy == null ? udpStreamTimeout : policy[1];
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
        int query = query(PacketView.ICMP, p.icmpType());
        if (query < 0) {
            invalid(Anomaly.ICMP_UNEXPECTED);
        } else {
            query(p, query >> 1, (query & 1) == 0, now);
        }
    }

    /** Twice the number of the kind of query that a message type is of, plus 1 if it answers. */
    private static int query(int protocol, int type) {
        if (protocol == PacketView.ICMPV6) {
            return switch (type) {
                case 128 -> 0; // echo
                case 129 -> 1;
                case 139 -> 2; // node information, RFC 4620
                case 140 -> 3;
                default -> -1;
            };
        }
        return switch (type) {
            case 8 -> 0; // echo
            case 0 -> 1;
            case 13 -> 2; // timestamp
            case 14 -> 3;
            case 15 -> 4; // information
            case 16 -> 5;
            case 17 -> 6; // address mask
            case 18 -> 7;
            default -> -1;
        };
    }

    private void trackIcmpv6(PacketView p, long now) {
        if (p.transportAnomaly() != Anomaly.NONE || p.isV4()) {
            invalid(p.isV4() ? Anomaly.ICMP_UNEXPECTED : p.transportAnomaly());
            return;
        }
        int query = query(PacketView.ICMPV6, p.icmpType());
        if (query >= 0) {
            query(p, query >> 1, (query & 1) == 0, now);
            return;
        }
        switch (p.icmpType()) {
            // Multicast listener and neighbour discovery are of the link, not of a flow.
            case 130, 131, 132, 133, 134, 135, 136, 143 -> untracked();
            default -> invalid(Anomaly.ICMP_UNEXPECTED);
        }
    }

    private void query(PacketView p, int kind, boolean request, long now) {
        boolean found = findQuery(p, p.protocol(), kind, request, now);
        if (!found) {
            if (!request) {
                invalid(Anomaly.ICMP_UNEXPECTED);
                return;
            }
            prepare(p, p.protocol(), requester(p), responder(kind, p));
            table.deadline(flow, now + icmpTimeout);
            return;
        }
        table.deadline(flow, now + icmpTimeout);
        known();
    }

    private boolean findQuery(PacketView p, int protocol, int kind, boolean request, long now) {
        int requester = requester(p);
        int responder = responder(kind, p);
        return request
                ? find(p, protocol, requester, responder, now)
                : find(p, protocol, responder, requester, now);
    }

    // Identifier, code and kind in the place of two ports: a reply has its request's code. The
    // uppermost bit tells the side that asked: two hosts may ask each other with one identifier,
    // and these are two flows.
    private static int requester(PacketView p) {
        return 0x8000 | (p.icmpCode() & 0x7f) << 8 | p.icmpId() & 0xff;
    }

    private static int responder(int kind, PacketView p) {
        return kind << 9 | p.icmpCode() >>> 7 << 8 | p.icmpId() >>> 8;
    }

    /**
     * An error belongs to the flow of the packet it quotes (kernel nf_conntrack_inet_error), and
     * must be addressed to that packet's sender.
     */
    private void trackError(PacketView p, long now) {
        if (quoted.wrapQuoted(p) != Anomaly.NONE
                || quoted.fragmentOffset() != 0
                || (quoted.protocol() == PacketView.GRE && greKey(quoted) < 0)
                || (quoted.transportAnomaly() != Anomaly.NONE
                        && quoted.protocol() != PacketView.DCCP)
                || quoted.sourceLow() != p.destinationLow()
                || quoted.sourceHigh() != p.destinationHigh()) {
            invalid(Anomaly.ICMP_UNTRACKABLE);
            return;
        }
        int protocol = quoted.protocol();
        boolean found;
        if (protocol == PacketView.ICMP || protocol == PacketView.ICMPV6) {
            int query = query(protocol, quoted.icmpType());
            found = query >= 0 && findQuery(quoted, protocol, query >> 1, (query & 1) == 0, now);
        } else {
            found = find(quoted, protocol, sourcePort(quoted), destinationPort(quoted), now);
        }
        if (!found) {
            invalid(Anomaly.ICMP_UNTRACKABLE);
            return;
        }
        direction = direction.opposite();
        state = CtState.RELATED;
        ofError = true;
    }

    /** As the kernel's gre_packet: a tunnel is answered, or soon forgotten. */
    private void trackGre(PacketView p, long now) {
        int key = greKey(p);
        if (key < 0) {
            invalid(Anomaly.NOT_A_FLOW_START);
            return;
        }
        boolean answered =
                find(p, PacketView.GRE, 0, key, now) && table.flag(flow, FlowTable.SEEN_REPLY);
        if (!confirmed) {
            prepare(p, PacketView.GRE, 0, key);
        }
        table.deadline(flow, now + (answered ? GRE_STREAM : GRE));
        if (confirmed) {
            if (answered) {
                table.setFlag(flow, FlowTable.ASSURED);
            }
            known();
        }
    }

    // Linux no longer knows DCCP: its ports are not read.
    private static int sourcePort(PacketView p) {
        return p.protocol() == PacketView.DCCP ? 0 : p.sourcePort();
    }

    private static int destinationPort(PacketView p) {
        return switch (p.protocol()) {
            case PacketView.DCCP -> 0;
            case PacketView.GRE -> Math.max(0, greKey(p));
            default -> p.destinationPort();
        };
    }

    /**
     * The call of an enhanced GRE packet (RFC 2637 section 4.1), in one direction: who knows the
     * other has read PPTP. 0 for any other GRE; -1 for what is neither.
     */
    private static int greKey(PacketView p) {
        long at = p.transportStart();
        if (p.transportCaptured() < 8 || (p.u8(at + 1) & 7) != 1) {
            return 0;
        }
        boolean ppp = p.u8(at + 2) == 0x88 && p.u8(at + 3) == 0x0b;
        return ppp ? p.u8(at + 6) << 8 | p.u8(at + 7) : -1;
    }

    /** Every UDP-Lite datagram must have a checksum, RFC 3828 section 3.1. */
    private static boolean hasNoChecksum(PacketView p) {
        long at = p.transportStart() + 6;
        return p.transportCaptured() >= 8 && p.u8(at) == 0 && p.u8(at + 1) == 0;
    }

    /** Protocols without a tracker of their own: one flow for each pair of hosts (and ports). */
    private void trackGeneric(PacketView p, long now, boolean mayBegin) {
        if (p.transportAnomaly() != Anomaly.NONE && p.protocol() != PacketView.DCCP) {
            invalid(p.transportAnomaly());
            return;
        }
        if (!find(p, p.protocol(), sourcePort(p), destinationPort(p), now)) {
            if (!mayBegin) {
                invalid(Anomaly.NOT_A_FLOW_START);
                return;
            }
            prepare(p, p.protocol(), sourcePort(p), destinationPort(p));
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
}
