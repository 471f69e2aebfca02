package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.expect.Expectation;
import io.pinhole.flow.FlowTable;
import io.pinhole.flow.Fragments;
import io.pinhole.flow.TcpTracker;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.Walk;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One packet in, one verdict and its events out. Single-threaded: owns its tables.
 *
 * <p>The order is the kernel's: defragmentation (-400), the chains before connection tracking
 * (-200), tracking, the other chains of prerouting, those of forward or input, those of
 * postrouting, then the helper and the entry into the flow table, which only an accepted packet
 * reaches.
 */
public final class PacketPath implements AutoCloseable {
    private static final int FIRST = Integer.MIN_VALUE;
    private static final int LAST = Integer.MAX_VALUE;
    private static final int TRACK = RuleProgram.CONNTRACK_PRIORITY;
    private static final long SECOND = 1_000_000_000L;
    private static final int SWEEP = 2;

    /** Flows from which on a table no longer fits into a processor's own cache. */
    private static final int WORTH_FETCHING = 2048;

    /**
     * A datagram that is not complete after this many further packets is given up as after its
     * timeout, so that the verdicts waiting for it are bounded.
     */
    public static final int MAX_HELD_PACKETS = 1 << 20;

    /** The rule named where the helper itself drops a packet. */
    private static final RuleOrigin HELPER = new RuleOrigin("ftp helper", "");

    private static final RuleOrigin NOT_FILTERED = new RuleOrigin("not filtered", "");
    private static final RuleOrigin UNDECODABLE = new RuleOrigin("undecodable", "");
    private static final RuleOrigin ROUTING = new RuleOrigin("routing", "");
    private static final RuleOrigin TABLE = new RuleOrigin("flow table", "");
    private static final RuleOrigin REASSEMBLY = new RuleOrigin("fragment reassembly", "");

    private RuleProgram rules;
    private final VerdictSink verdicts;
    // Linux takes one off the TTL between prerouting and forward. We do not know whether whoever
    // recorded a packet stood before or behind that, or whether there was a router at all.
    private final boolean routes;
    private final IpAddress[] locals;
    private final InterfaceMap interfaces;
    private boolean mapInterfaces;
    private boolean chainsBeforeTracking;
    private boolean chainsBeforeOutput;
    final BitSet attachPorts = new BitSet();
    final FlowTable flows4;
    final FlowTable flows6;
    private final Fragments fragments;
    final Sessions sessions;
    private final Share share;
    private final Handshakes handshakes;
    private final Observer observer;
    private final FtpElsewhere elsewhere;
    final ConnectionTracker tracker;
    private final PacketView view = new PacketView();
    private final PacketView datagram = new PacketView();
    final PacketFacts facts = new PacketFacts();

    // A flow names its helper object by its place here, from 1. As long as rule sets have objects.
    private final List<String> helperNames = new ArrayList<>();

    private long now = Long.MIN_VALUE;
    private long count;
    private long held;
    private long heldSince;

    // The verdict of the packet being judged.
    private Hook hook = Hook.FORWARD;
    private RuleOrigin rule = RuleOrigin.NONE;
    private Anomaly why = Anomaly.NONE;

    /**
     * What part of a run this path is.
     *
     * @param shard from 0
     * @param shards of the run in all, a power of two
     */
    record Share(int shard, int shards, ShardNotes notes) {
        static final Share ALL = new Share(0, 1, ShardNotes.ALONE);
    }

    /** A path that is alone. */
    public PacketPath(
            PathOptions options, RuleProgram rules, VerdictSink verdicts, EventSink events) {
        this(options, rules, verdicts, events, Share.ALL);
    }

    /**
     * A path that runs beside others, each with its own packets.
     *
     * @param options with this shard's part of the limits
     * @param shard from 0
     * @param shards in all, a power of two; no two give a session the same number
     */
    public PacketPath(
            PathOptions options,
            RuleProgram rules,
            VerdictSink verdicts,
            EventSink events,
            int shard,
            int shards) {
        this(options, rules, verdicts, events, new Share(shard, shards, ShardNotes.ALONE));
    }

    /**
     * @param options with this shard's part of the limits
     */
    PacketPath(
            PathOptions options,
            RuleProgram rules,
            VerdictSink verdicts,
            EventSink events,
            Share share) {
        this.rules = rules;
        this.share = share;
        handshakes = new Handshakes(options.settings().limits().controls(), share.shards());
        this.verdicts = verdicts;
        routes = options.compatLinux();
        locals = options.localAddresses().toArray(IpAddress[]::new);
        facts.localAddresses = List.of(locals);
        interfaces = options.interfaces();
        for (int port : options.attachPorts()) {
            attachPorts.set(port);
        }
        takeIn(rules);
        var settings = options.settings();
        var limits = settings.limits();
        flows4 =
                new FlowTable(
                        false, limits.flows(), options.seed(), options.memory(), this::removed);
        flows6 =
                new FlowTable(
                        true, limits.flows(), options.seed(), options.memory(), this::removed);
        fragments =
                new Fragments(
                        limits.fragmentBytes(),
                        limits.fragmentDatagrams(),
                        settings.timeouts().fragment() * SECOND,
                        this::lost);
        if (options.compatLinux()) {
            fragments.forgetDead();
        }
        sessions = new Sessions(settings, options.compatLinux(), options.seed(), events, share);
        elsewhere = new FtpElsewhere(sessions, options.observedPorts());
        observer =
                new Observer(
                        sessions,
                        options.observedPorts(),
                        settings,
                        options.seed(),
                        share.shards());
        tracker =
                new ConnectionTracker(
                        flows4, flows6, sessions.expectations(), settings, options.compatLinux());
    }

    /**
     * Judges one packet.
     *
     * @param offset of the link-layer header in {@code data}
     * @param captured bytes present
     * @param wire bytes on the wire
     * @param timeNanos arrival in nanoseconds since the epoch; time never runs backwards: an
     *     earlier one counts as that of the packet before
     * @param position handed back with the verdict and in events; see {@link Positions}
     * @param input name of the interface it came in by, null if unknown; an interface map, where
     *     there is one, says otherwise
     * @param output name of the interface it leaves by, null if unknown
     */
    public void process(
            MemorySegment data,
            long offset,
            int captured,
            int wire,
            LinkType link,
            long timeNanos,
            long position,
            @Nullable String input,
            @Nullable String output) {
        Anomaly bad = view.wrap(data, offset, captured, wire, link);
        process(view, bad, wire, timeNanos, position, input, output);
    }

    /** Counts a packet whose link-layer type cannot be read. */
    public void unsupportedLink(long timeNanos, long position) {
        view.clear();
        process(view, Anomaly.LINK_UNSUPPORTED, 0, timeNanos, position, null, null);
    }

    /**
     * Judges one packet that has been decoded.
     *
     * @param bad what {@link PacketView#wrap} said
     */
    void process(
            PacketView p,
            Anomaly bad,
            int wire,
            long timeNanos,
            long position,
            @Nullable String input,
            @Nullable String output) {
        advance(timeNanos);
        facts.packet = p;
        if (bad != Anomaly.NONE) {
            verdicts.verdict(position, Verdict.UNDECODABLE, null, null, UNDECODABLE, bad);
            return;
        }
        if (p.ipVersion() == 0 || isLinkScope(p)) {
            Anomaly inside = isTunnelFrame(p.etherType()) ? Anomaly.ENCAPSULATED : Anomaly.NONE;
            verdicts.verdict(position, Verdict.UNFILTERED, null, null, NOT_FILTERED, inside);
            return;
        }
        facts.inputInterface = input;
        facts.outputInterface = output;
        if (p.isFragment() && !(routes && passesAlone(p))) {
            fragment(p, wire, position);
            return;
        }
        Verdict verdict = judge(p, position);
        verdicts.verdict(position, verdict, facts.ctState, hook, rule, why);
    }

    /**
     * Puts another rule set in force, from the next packet on. Flows, sessions and pinholes stay.
     */
    public void rules(RuleProgram next) {
        if (next.replaces(rules)) {
            flows4.forEach(flow -> flows4.cachedVerdict(flow, RuleProgram.NO_MEMO));
            flows6.forEach(flow -> flows6.cachedVerdict(flow, RuleProgram.NO_MEMO));
        }
        rules = next;
        takeIn(next);
    }

    private void takeIn(RuleProgram next) {
        mapInterfaces = next.readsInterfaces() && !interfaces.isEmpty();
        chainsBeforeTracking = next.hasChains(Hook.PREROUTING, FIRST, TRACK);
        chainsBeforeOutput = next.hasChains(Hook.OUTPUT, FIRST, TRACK);
    }

    /**
     * What a kernel knows of the next packet and its bytes do not tell; holds for one packet.
     *
     * @param checksumPending the sender left the transport checksum to its hardware: it is right
     * @param outOfWindow the kernel's own tracking found the packet invalid; only asked where the
     *     kernel has carried the flow in between
     */
    public void hint(boolean checksumPending, boolean outOfWindow) {
        sessions.checksumPending = checksumPending;
        tracker.kernelInvalid(outOfWindow);
    }

    /** Moves time on where no packet does: what has expired is settled. Changes no verdict. */
    public void tick(long timeNanos) {
        advance(timeNanos);
        count--;
    }

    /** Whether a strict helper rejected the packet judged last. */
    boolean wasCondemned() {
        return why == Anomaly.STRICT_VIOLATION;
    }

    /** What a live gateway does besides handing packets in. */
    public PathControl control() {
        return new PathControl(this);
    }

    /**
     * What {@link #touchIndex} and {@link #touchFlow} look for, 0 where it is not worth it: the
     * packet has no flow, or the table is small enough for the cache.
     */
    int fingerprint(PacketView p, Anomaly bad) {
        if (bad != Anomaly.NONE || !p.hasPorts() || table(p).size() < WORTH_FETCHING) {
            return 0;
        }
        return table(p).fingerprint(
                        p.protocol(),
                        p.sourceHigh(),
                        p.sourceLow(),
                        p.sourcePort(),
                        p.destinationHigh(),
                        p.destinationLow(),
                        p.destinationPort());
    }

    private FlowTable table(PacketView p) {
        return p.isV4() ? flows4 : flows6;
    }

    long touchIndex(PacketView p, int fingerprint) {
        return table(p).touchIndex(fingerprint);
    }

    long touchFlow(PacketView p, int fingerprint) {
        return table(p).touchFlow(fingerprint);
    }

    /**
     * Time and packets that went by in all shards.
     *
     * @param packets of the run so far
     */
    void tick(long timeNanos, long packets) {
        advance(timeNanos);
        count = Math.max(count, packets);
    }

    /**
     * The 5-tuple of the packet last judged, in its own direction; null if it is not IP. Allocates:
     * for reports that keep one packet of many.
     */
    public @Nullable FlowKey currentFlow() {
        PacketView p = facts.packet;
        return p.ipVersion() == 0 ? null : Sessions.key(p);
    }

    /** End of the input: what is still open is told as it stands. */
    public void finish() {
        fragments.finish();
        sessions.finish();
    }

    private void advance(long timeNanos) {
        if (timeNanos > now) {
            now = timeNanos;
        }
        count++;
        sessions.expire(now);
        flows4.sweep(now, SWEEP);
        flows6.sweep(now, SWEEP);
        observer.sweep(now, SWEEP);
        if (held > 0) {
            fragments.expire(now);
            if (count - heldSince > MAX_HELD_PACKETS) {
                fragments.finish();
            }
        }
    }

    private Verdict judge(PacketView p, long position) {
        Hook main = route(p);
        Verdict verdict = walk(p, main);
        if (facts.ctMarkChanged && tracker.isConfirmed()) {
            // It is the flow that a rule marks: it stays so even if a later rule drops the packet.
            tracker.table().mark(tracker.flow(), facts.ctMark);
        }
        if (verdict == Verdict.ACCEPT) {
            verdict = admit(p, position);
        } else {
            Pinhole pinhole = expectedPinhole();
            if (pinhole != null) {
                observer.blocked(pinhole, p, position, verdict, rule);
            }
        }
        if (p.protocol() == PacketView.TCP && p.transportAnomaly() == Anomaly.NONE) {
            observe(p, position, verdict);
        }
        if (tracker.endsFlow()) {
            // The kernel has killed it before any rule saw the packet.
            tracker.table().remove(tracker.flow());
        }
        return verdict;
    }

    private Hook route(PacketView p) {
        if (locals.length == 0) {
            return Hook.FORWARD;
        }
        for (IpAddress local : locals) {
            if (local.low() == p.destinationLow()
                    && local.high() == p.destinationHigh()
                    && local.version() == p.ipVersion()) {
                return Hook.INPUT;
            }
        }
        for (IpAddress local : locals) {
            if (local.low() == p.sourceLow()
                    && local.high() == p.sourceHigh()
                    && local.version() == p.ipVersion()) {
                return Hook.OUTPUT;
            }
        }
        return Hook.FORWARD;
    }

    /** Takes the packet through the hooks; {@link #hook} and {@link #rule} name what decided. */
    private Verdict walk(PacketView p, Hook main) {
        Hook first = main == Hook.OUTPUT ? Hook.OUTPUT : Hook.PREROUTING;
        beginFacts(p);
        why = Anomaly.NONE;
        if (first == Hook.OUTPUT ? chainsBeforeOutput : chainsBeforeTracking) {
            tracker.untracked();
            Verdict verdict = run(first, FIRST, TRACK);
            if (verdict != Verdict.ACCEPT) {
                return verdict;
            }
        }
        if (facts.notrack) {
            tracker.untracked();
        } else {
            tracker.track(p, now);
            why = tracker.anomaly();
        }
        if (why == Anomaly.NONE && isTunnel(p)) {
            why = Anomaly.ENCAPSULATED;
        }
        factsOfFlow();
        HelperObject template = facts.template;
        if (template != null
                && facts.hasFlow
                && facts.helper == null
                && (facts.ctStatus & (PacketFacts.STATUS_CONFIRMED | PacketFacts.STATUS_EXPECTED))
                        == 0) {
            facts.helper = template;
            facts.ctStatus |= PacketFacts.STATUS_HELPER;
        }
        if (routes || !tracker.isConfirmed() || tracker.isOfError()) {
            factsOfKey();
            return chains(p, first, main);
        }
        FlowTable t = tracker.table();
        long flow = tracker.flow();
        int memo = t.cachedVerdict(flow);
        Walk known = memo == RuleProgram.NO_MEMO ? null : rules.recall(memo, facts);
        if (known != null) {
            hook = known.hook();
            rule = known.decidedBy();
            return known.verdict();
        }
        factsOfKey();
        rules.watch(facts);
        Verdict verdict = chains(p, first, main);
        t.cachedVerdict(flow, rules.remember(memo, facts, verdict, hook, rule));
        return verdict;
    }

    /** The chains from connection tracking on. */
    private Verdict chains(PacketView p, Hook first, Hook main) {
        Verdict verdict = run(first, TRACK, LAST);
        if (verdict == Verdict.ACCEPT && routes && main == Hook.FORWARD) {
            if (p.hopLimit() <= 1) {
                why = Anomaly.TTL_EXCEEDED;
                rule = ROUTING;
                return Verdict.DROP;
            }
            facts.hopsTaken = 1;
        }
        if (verdict == Verdict.ACCEPT && main != Hook.OUTPUT) {
            verdict = run(main, FIRST, LAST);
        }
        if (verdict == Verdict.ACCEPT && main != Hook.INPUT) {
            RuleOrigin decided = rule;
            verdict = run(Hook.POSTROUTING, FIRST, LAST);
            if (verdict == Verdict.ACCEPT) {
                rule = decided;
                hook = main;
            }
        }
        return verdict;
    }

    private Verdict run(Hook at, int from, int to) {
        facts.hook = at;
        facts.decidedBy = RuleOrigin.NONE;
        Verdict verdict = rules.run(at, from, to, facts);
        hook = at;
        rule = facts.decidedBy;
        return verdict;
    }

    private void beginFacts(PacketView p) {
        facts.packet = p;
        facts.timeNanos = now;
        if (mapInterfaces) {
            int version = p.ipVersion();
            facts.inputInterface = interfaces.find(version, p.sourceHigh(), p.sourceLow());
            facts.outputInterface =
                    interfaces.find(version, p.destinationHigh(), p.destinationLow());
        }
        facts.ctState = CtState.INVALID;
        facts.hasFlow = false;
        facts.ctStatus = 0;
        facts.ctMark = 0;
        facts.ctMarkChanged = false;
        facts.parentHelper = null;
        facts.helper = null;
        facts.template = null;
        facts.timeout = null;
        facts.notrack = false;
        facts.mark = 0;
        facts.hopsTaken = 0;
    }

    /** What may differ between two packets of one flow. */
    private void factsOfFlow() {
        facts.ctState = tracker.state();
        long flow = tracker.flow();
        facts.hasFlow = flow != FlowTable.NONE;
        if (!facts.hasFlow) {
            return;
        }
        FlowTable t = tracker.table();
        int flags = t.flags(flow);
        facts.ctDirection = tracker.direction();
        facts.ctStatus = status(flags);
        facts.ctMark = t.mark(flow);
        if (tracker.expectation() instanceof Pinhole.Permission permission) {
            facts.ctMark = permission.pinhole.mark;
        } else if (tracker.expectation() instanceof LinuxPermission) {
            facts.ctMark = tracker.parentMark();
        }
    }

    /** The rest of what rules may ask: for those that must run. */
    private void factsOfKey() {
        if (!facts.hasFlow) {
            return;
        }
        FlowTable t = tracker.table();
        long flow = tracker.flow();
        facts.ctId = t.id(flow);
        // nf_ct_expires: nothing to read before the flow is in the table.
        facts.ctExpirationMillis =
                tracker.isConfirmed() ? Math.max(0, (t.deadline(flow) - now) / 1_000_000) : 0;
        facts.parentHelper = t.flag(flow, FlowTable.EXPECTED) ? "ftp" : null;
        facts.originalSourceHigh = t.sourceHigh(flow);
        facts.originalSourceLow = t.sourceLow(flow);
        facts.originalSourcePort = t.sourcePort(flow);
        facts.originalDestinationHigh = t.destinationHigh(flow);
        facts.originalDestinationLow = t.destinationLow(flow);
        facts.originalDestinationPort = t.destinationPort(flow);
    }

    static int status(int flags) {
        int status = 0;
        status |= (flags & FlowTable.EXPECTED) != 0 ? PacketFacts.STATUS_EXPECTED : 0;
        status |= (flags & FlowTable.SEEN_REPLY) != 0 ? PacketFacts.STATUS_SEEN_REPLY : 0;
        status |= (flags & FlowTable.ASSURED) != 0 ? PacketFacts.STATUS_ASSURED : 0;
        status |= (flags & FlowTable.CONFIRMED) != 0 ? PacketFacts.STATUS_CONFIRMED : 0;
        status |= (flags & FlowTable.HELPED) != 0 ? PacketFacts.STATUS_HELPER : 0;
        return status;
    }

    /** After the last hook: enters a new flow into the table, lets the helper read, counts. */
    private Verdict admit(PacketView p, long position) {
        long flow = tracker.flow();
        if (flow == FlowTable.NONE) {
            return Verdict.ACCEPT;
        }
        FlowTable t = tracker.table();
        if (tracker.isOfError()) {
            return Verdict.ACCEPT; // the flow is another packet's
        }
        if (!tracker.isConfirmed()) {
            if (!t.hasRoom() && !t.evictOne(now)) {
                why = Anomaly.FLOWS_FULL;
                rule = TABLE;
                return Verdict.DROP;
            }
            flow = t.insert();
            tracker.confirmedAs(flow);
            tracker.assign(0, facts.timeout, now);
            firstPacket(t, flow, p, position);
        }
        if (facts.ctMarkChanged || t.mark(flow) != facts.ctMark) {
            t.mark(flow, facts.ctMark);
        }
        t.count(flow, tracker.direction(), p.ipLength());
        if (tracker.restartsFlow()) {
            restart(t, flow, p, position);
        }
        int flags = t.flags(flow);
        if ((flags & FlowTable.CONDEMNED) != 0) {
            return condemn();
        }
        Verdict verdict = Verdict.ACCEPT;
        if ((flags & FlowTable.HELPED) != 0) {
            verdict = helped(t, flow, p, position);
        } else if ((flags & FlowTable.DATA) != 0) {
            DataConnection d = sessions.data(t.tag(flow));
            if (d != null) {
                sessions.packet(d, p, tracker.direction());
            }
        }
        return verdict;
    }

    /** Whose permission the first packet of a flow has. */
    private @Nullable Pinhole expectedPinhole() {
        return switch (tracker.expectation()) {
            case Pinhole.Permission permission -> permission.pinhole;
            case LinuxPermission linux -> linux.pinhole();
            case null, default -> null;
        };
    }

    /** What begins with a flow: the use of an expectation, or a helper. */
    private void firstPacket(FlowTable t, long flow, PacketView p, long position) {
        Pinhole pinhole = expectedPinhole();
        if (pinhole != null) {
            DataConnection earlier = pinhole.data;
            if (earlier == null || !earlier.key.equals(Sessions.key(p))) {
                DataConnection d =
                        sessions.arrived(pinhole, p, position, Verdict.ACCEPT, rule, false);
                if (d != null) {
                    t.tag(flow, d.index);
                    t.setFlag(flow, FlowTable.DATA);
                }
            } else {
                sessions.used(pinhole); // the same connection was dropped before and is followed
            }
            return;
        }
        if (p.protocol() != PacketView.TCP || tracker.expectation() != null) {
            return;
        }
        HelperObject helper = facts.helper;
        if (helper != null ? helper.type().equals("ftp") : attachPorts.get(p.destinationPort())) {
            t.setFlag(flow, FlowTable.HELPED);
            t.tag(flow, handshakes.begin(position, now, Verdict.ACCEPT, rule));
            tracker.assign(helper == null ? 0 : number(helper.name()), facts.timeout, now);
        }
    }

    int number(String helperName) {
        int i = helperNames.indexOf(helperName);
        if (i < 0) {
            i = helperNames.size();
            helperNames.add(helperName);
        }
        return i + 1;
    }

    private @Nullable String helperName(FlowTable t, long flow) {
        int number = ConnectionTracker.helperOf(t, flow);
        return number == 0 ? null : helperNames.get(number - 1);
    }

    /**
     * A new connection takes the place of an old one in its flow: the packet is the SYN-ACK to a
     * SYN that was let through but not followed.
     */
    private void restart(FlowTable t, long flow, PacketView p, long position) {
        int flags = t.flags(flow);
        int serial = t.tag(flow);
        boolean checksumUnknown = false;
        if ((flags & FlowTable.DATA) != 0) {
            sessions.dataGone(t.tag(flow));
            t.clearFlag(flow, FlowTable.DATA);
        } else if ((flags & FlowTable.CONTROL) != 0) {
            ControlSession old = sessions.session(t.tag(flow));
            checksumUnknown = old != null && old.clientChecksumUnknown();
            sessions.sessionGone(t.tag(flow));
            t.clearFlag(flow, FlowTable.CONTROL);
            serial = handshakes.begin(position, now, Verdict.ACCEPT, rule);
            t.tag(flow, serial);
        }
        if ((flags & FlowTable.HELPED) != 0) {
            handshakes.syn(serial, true, p.tcpAcknowledgement() - 1, checksumUnknown);
        }
    }

    /** The helper reads an accepted packet of a control connection. */
    private Verdict helped(FlowTable t, long flow, PacketView p, long position) {
        boolean fromClient = tracker.direction() == Direction.ORIGINAL;
        boolean syn = p.has(PacketView.SYN);
        boolean checksumBad = (syn || p.payloadLength() > 0) && sessions.checksumBad(p);
        if (!t.flag(flow, FlowTable.CONTROL)) {
            int serial = t.tag(flow);
            if (syn) {
                // One that the tracker does not follow is perhaps nobody's. What it carries is not
                // read before it comes again: a flood of SYNs must not become sessions.
                if (tracker.isFollowed() || !handshakes.sawSyn(serial, fromClient)) {
                    handshakes.syn(serial, fromClient, p.tcpSequence(), checksumBad);
                }
                return Verdict.ACCEPT;
            }
            boolean established = t.state(flow) == TcpTracker.ESTABLISHED;
            if (p.payloadLength() == 0 && !(established && t.flag(flow, FlowTable.ASSURED))) {
                return Verdict.ACCEPT;
            }
            ControlSession former = observer.handOver(p);
            if (!sessions.hasRoom()) {
                sessions.alert(
                        0,
                        position,
                        Anomaly.CONTROLS_FULL,
                        Sessions.key(p),
                        Anomaly.CONTROLS_FULL.text());
                t.clearFlag(flow, FlowTable.HELPED);
                return Verdict.ACCEPT;
            }
            ControlSession s =
                    sessions.begin(
                            t.key(flow),
                            handshakes,
                            serial,
                            position,
                            Verdict.ACCEPT,
                            rule,
                            true,
                            helperName(t, flow),
                            former);
            t.tag(flow, s.index);
            t.setFlag(flow, FlowTable.CONTROL);
        }
        ControlSession s = sessions.session(t.tag(flow));
        if (s == null || (syn && !tracker.isFollowed())) {
            return Verdict.ACCEPT;
        }
        s.mark(t.mark(flow));
        int state = t.state(flow);
        // RFC 5961 section 3: an RST that only fits the window is answered, not obeyed.
        boolean resets = p.has(PacketView.RST) && state == TcpTracker.CLOSE;
        boolean taken = s.packet(p, fromClient, checksumBad, resets, position, now);
        if (s.isViolated()) {
            s.packetAlert(
                    Anomaly.STRICT_VIOLATION,
                    position,
                    Sessions.key(p),
                    Anomaly.STRICT_VIOLATION.text());
            s.closed = Event.Closed.RST;
            sessions.end(s, Event.Closed.RST);
            t.setFlag(flow, FlowTable.CONDEMNED);
            return condemn();
        }
        boolean over = state == TcpTracker.TIME_WAIT || state == TcpTracker.CLOSE;
        if (s.linux == null && (s.closed == Event.Closed.RST || (over && s.isFinished()))) {
            sessions.end(s, Event.Closed.FIN);
        }
        if (s.linux != null) {
            // It reads on as long as the flow's entry lives.
            boolean reads = tracker.state() == CtState.ESTABLISHED;
            if (reads && !sessions.linuxReads(s, s.linux, p, fromClient, position)) {
                s.linuxDroppedAt = s.linuxDroppedAt == 0 ? position : s.linuxDroppedAt;
                rule = HELPER;
                return Verdict.DROP;
            }
            return Verdict.ACCEPT;
        }
        if (!taken) {
            // The receiver may read these bytes, and nobody has inspected them.
            why = s.objection();
            rule = HELPER;
            return Verdict.DROP;
        }
        return Verdict.ACCEPT;
    }

    private Verdict condemn() {
        why = Anomaly.STRICT_VIOLATION;
        rule = HELPER;
        return Verdict.REJECT;
    }

    /** What a report wants to know of packets that no helper reads. Changes no verdict. */
    private void observe(PacketView p, long position, Verdict verdict) {
        long flow = tracker.matched();
        if (flow == FlowTable.NONE && tracker.state() == CtState.UNTRACKED) {
            flow = tracker.wouldMatch(p, now); // dropped before tracking, forged perhaps
        }
        int serial = 0;
        if (flow != FlowTable.NONE) {
            FlowTable t = tracker.table();
            int flags = t.flags(flow);
            if ((flags & (FlowTable.CONTROL | FlowTable.DATA)) != 0) {
                if (verdict != Verdict.ACCEPT) {
                    droppedOf(t, flow, flags, p, position);
                }
                return;
            }
            if ((flags & FlowTable.HELPED) != 0) {
                if (verdict == Verdict.ACCEPT) {
                    return;
                }
                serial = t.tag(flow); // one direction only: no session will come of it
            }
        }
        elsewhere.packet(p, position);
        boolean explained =
                tracker.expectation() != null
                        || (observer.mayConcern(p)
                                && observer.packet(p, position, verdict, rule, handshakes, serial));
        if ((p.tcpFlags() & (PacketView.SYN | PacketView.ACK)) == PacketView.SYN) {
            boolean named = deniedPinhole(p, position, verdict);
            if (verdict != Verdict.ACCEPT && !named && !explained) {
                sessions.unannounced(p, position, rule);
            }
        }
    }

    private void droppedOf(FlowTable t, long flow, int flags, PacketView p, long position) {
        ControlSession s = null;
        if ((flags & FlowTable.CONTROL) != 0) {
            s = sessions.session(t.tag(flow));
            if (s != null) {
                s.dropped++;
            }
        } else if ((flags & FlowTable.DATA) != 0) {
            DataConnection d = sessions.data(t.tag(flow));
            s = d == null ? null : d.pinhole.session;
        }
        if (s != null && why != Anomaly.NONE && !rule.equals(HELPER)) {
            s.packetAlert(why, position, Sessions.key(p), why.text());
        }
    }

    /** Someone knocks at a pinhole that is not, or no longer, theirs. */
    private boolean deniedPinhole(PacketView p, long position, Verdict verdict) {
        if (tracker.expectation() != null) {
            return false;
        }
        Expectation e =
                sessions.expectations()
                        .findDenied(
                                p.ipVersion(),
                                p.destinationHigh(),
                                p.destinationLow(),
                                p.destinationPort(),
                                now);
        if (e instanceof Pinhole.Permission permission) {
            boolean admitted = e.admits(p.sourceHigh(), p.sourceLow(), p.sourcePort());
            if (admitted && e.status() == Expectation.Status.WAITING) {
                // Theirs, but a rule stopped it before it was tracked.
                if (verdict != Verdict.ACCEPT) {
                    observer.blocked(permission.pinhole, p, position, verdict, rule);
                }
                return true;
            }
            Anomaly kind = admitted ? Anomaly.PINHOLE_REUSED : Anomaly.PINHOLE_WRONG_HOST;
            permission.pinhole.session.packetAlert(
                    kind, position, Sessions.key(p), permission.pinhole.announcement.text());
            return true;
        }
        share.notes().knock(p == datagram ? Sessions.key(p) : null);
        return false;
    }

    // ---- fragments ----

    /**
     * IPv6 fragments that Linux does not hold but lets meet their rules, as invalid (kernel
     * nf_ct_frag6_gather): a first one that ends within the transport header (RFC 8200 section
     * 4.5), one that is not the last and no multiple of eight bytes, one beyond the largest packet.
     */
    private boolean passesAlone(PacketView p) {
        if (p.isV4()) {
            return false;
        }
        int length = p.transportLength();
        int offset = p.fragmentOffset();
        if (offset == 0) {
            int header =
                    switch (p.protocol()) {
                        case PacketView.TCP -> 20;
                        case PacketView.UDP, PacketView.ICMPV6 -> 8;
                        default -> 1;
                    };
            if (length < header) {
                return true;
            }
        }
        if (offset + length > 65_535) {
            return true;
        }
        if (p.moreFragments() && (length & 7) != 0) {
            fragments.abandon(p);
            return true;
        }
        return false;
    }

    private void fragment(PacketView p, int wire, long position) {
        switch (fragments.add(p, wire, now, position)) {
            case HELD -> {
                if (held++ == 0) {
                    heldSince = count;
                }
            }
            case DROPPED ->
                    verdicts.verdict(
                            position, Verdict.DROP, null, null, REASSEMBLY, fragments.anomaly());
            case COMPLETE -> complete();
        }
    }

    private void complete() {
        Anomaly bad =
                datagram.wrapIp(
                        fragments.datagram(),
                        0,
                        fragments.datagramCaptured(),
                        fragments.datagramLength());
        Verdict verdict = Verdict.UNDECODABLE;
        int n = fragments.fragmentCount();
        long last = fragments.fragmentPosition(n - 1);
        if (bad == Anomaly.NONE && !datagram.isFragment()) {
            verdict = judge(datagram, last);
        } else {
            why = bad;
            rule = UNDECODABLE;
        }
        boolean judged = verdict != Verdict.UNDECODABLE;
        if (verdict != Verdict.ACCEPT && datagram.ipVersion() != 0) {
            share.notes().datagram(Sessions.key(datagram));
        }
        held -= n - 1;
        for (int i = 0; i < n; i++) {
            verdicts.verdict(
                    fragments.fragmentPosition(i),
                    verdict,
                    judged ? facts.ctState : null,
                    judged ? hook : null,
                    rule,
                    why);
        }
    }

    private void lost(Anomaly reason, long position, int frameLength) {
        held--;
        verdicts.verdict(position, Verdict.DROP, null, null, REASSEMBLY, reason);
    }

    // ---- the rest ----

    private void removed(FlowTable t, long flow, boolean expired) {
        int flags = t.flags(flow);
        if ((flags & FlowTable.CONTROL) != 0) {
            sessions.sessionGone(t.tag(flow));
        } else if ((flags & FlowTable.DATA) != 0) {
            sessions.dataGone(t.tag(flow));
        }
    }

    /**
     * Packets that never leave their link: link-local and link-scope multicast addresses (RFC 4291
     * section 2.5.6 and 2.7, RFC 3927, RFC 5771 section 4), limited broadcast, an unspecified
     * source.
     */
    private static boolean isLinkScope(PacketView p) {
        if (p.isV4()) {
            int source = (int) p.sourceLow();
            int destination = (int) p.destinationLow();
            return destination == -1
                    || source == 0
                    || destination >>> 8 == 0xe00000
                    || source >>> 16 == 0xa9fe
                    || destination >>> 16 == 0xa9fe;
        }
        long source = p.sourceHigh();
        long destination = p.destinationHigh();
        return source >>> 54 == 0x3fa
                || destination >>> 54 == 0x3fa
                || (source == 0 && p.sourceLow() == 0)
                || (destination >>> 56 == 0xff && (destination >>> 48 & 0xf) <= 2);
    }

    /**
     * The pinholes that wait at this time, in order of deadline; what has expired by then is told.
     *
     * @param timeNanos as of a packet: never runs backwards
     */
    public List<OpenPinhole> pinholes(long timeNanos) {
        now = Math.max(now, timeNanos);
        sessions.expire(now);
        return sessions.waiting();
    }

    /** MPLS, PPPoE sessions and provider backbone bridges: IP may be in there. */
    private static boolean isTunnelFrame(int etherType) {
        return switch (etherType) {
            case 0x8847, 0x8848, 0x8864, 0x88e7 -> true;
            default -> false;
        };
    }

    /**
     * IP in IP, IPv6 in IP, GRE, EtherIP, IPIP, L2TP; VXLAN (RFC 7348), Geneve (RFC 8926), GTP-U.
     */
    private static boolean isTunnel(PacketView p) {
        return switch (p.protocol()) {
            case 4, 41, PacketView.GRE, 94, 97, 115 -> true;
            case PacketView.UDP ->
                    switch (p.destinationPort()) {
                        case 4789, 6081, 2152 -> true;
                        default -> false;
                    };
            default -> false;
        };
    }

    /** Flows tracked now, both IP versions. */
    public int flows() {
        return flows4.size() + flows6.size();
    }

    /** Bytes of off-heap memory the flow tables hold. */
    public long tableBytes() {
        return flows4.memoryBytes() + flows6.memoryBytes();
    }

    /** The tables below, for tests of their limits. */
    Sessions sessions() {
        return sessions;
    }

    @Override
    public void close() {
        flows4.close();
        flows6.close();
        observer.close();
    }
}
