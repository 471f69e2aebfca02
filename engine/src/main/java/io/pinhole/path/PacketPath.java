package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import io.pinhole.flow.FlowTable;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One packet in, one verdict and its events out. Single-threaded: owns its tables.
 *
 * <p>The order is the kernel's: defragmentation (-400), the hooks with connection tracking between
 * their chains ({@link HookWalk}), then the helper and the entry into the flow table, which only an
 * accepted packet reaches.
 */
public final class PacketPath implements AutoCloseable {
    /** Packets between two looks at what has expired, and slots looked at for each of them. */
    private static final int SWEEP_AFTER = 64;

    private static final int SWEEP_SLOTS = 2 * SWEEP_AFTER;

    /** The same where time moves without packets. */
    private static final int TICK_SLOTS = 4096;

    private static final long TICK_NANOS = 100_000_000;

    /** Flows from which on they no longer fit into a processor's own cache. */
    private static final int WORTH_FETCHING = 2048;

    /**
     * A datagram that is not complete after this many further packets is given up as after its
     * timeout, so that the verdicts waiting for it are bounded.
     */
    public static final int MAX_HELD_PACKETS = 1 << 20;

    private static final RuleOrigin NOT_FILTERED = new RuleOrigin("not filtered", "");
    private static final RuleOrigin UNDECODABLE = new RuleOrigin("undecodable", "");
    private static final RuleOrigin TABLE = new RuleOrigin("flow table", "");

    final FlowTable flows4;
    final FlowTable flows6;
    final Sessions sessions;
    final ConnectionTracker tracker;
    final HookWalk hooks;
    final PacketFacts facts;
    final HelperReading helper;
    private final Outcome outcome = new Outcome();
    private final FragmentPath fragments;
    private final Observer observer;
    private final Bystander bystander;
    private final ShortWay shortWay;
    private final VerdictSink verdicts;
    // Linux reassembles where it forwards; other captures show what no router would hold.
    private final boolean compatLinux;
    private final long seed;
    private final PacketView view = new PacketView();
    private final PlainPacket plain = new PlainPacket();

    private long now = Long.MIN_VALUE;
    private long count;
    private int untilSweep = SWEEP_AFTER;
    private long swept;

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
        this.verdicts = verdicts;
        compatLinux = options.compatLinux();
        seed = options.seed();
        var settings = options.settings();
        var limits = settings.limits();
        var handshakes = new Handshakes(limits.controls(), share.shards());
        flows4 =
                new FlowTable(
                        false, limits.flows(), options.seed(), options.memory(), this::removed);
        flows6 =
                new FlowTable(
                        true, limits.flows(), options.seed(), options.memory(), this::removed);
        sessions = new Sessions(settings, options.compatLinux(), options.seed(), events, share);
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
        hooks = new HookWalk(options, rules, tracker, outcome);
        facts = hooks.facts;
        helper =
                new HelperReading(
                        options.attachPorts(), sessions, tracker, observer, handshakes, outcome);
        fragments =
                new FragmentPath(
                        options, verdicts, share.notes(), facts, outcome, this::judgeDatagram);
        bystander =
                new Bystander(
                        sessions,
                        tracker,
                        observer,
                        handshakes,
                        new FtpElsewhere(sessions, options.observedPorts()),
                        share.notes(),
                        fragments.datagram,
                        outcome);
        shortWay = new ShortWay(settings, hooks, tracker, sessions, bystander, outcome);
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
        int fingerprint = fingerprint(seed, view, bad);
        facts.packet = view;
        advance(timeNanos);
        if (!plain.read(data, offset, captured, wire, link)
                || !takeShortWay(plain, fingerprint, FlowTable.NONE, position, input, output)) {
            takeWholeWay(view, bad, fingerprint, wire, position, input, output);
        }
    }

    /** Counts a packet whose link-layer type cannot be read. */
    public void unsupportedLink(long timeNanos, long position) {
        view.clear();
        advance(timeNanos);
        takeWholeWay(view, Anomaly.LINK_UNSUPPORTED, 0, 0, position, null, null);
    }

    /**
     * Judges one packet, for which {@link #advance} was called, if it is of the kinds that there
     * are most of; see {@link ShortWay}.
     *
     * @param fingerprint what {@link FlowTable#fingerprint} said
     * @param hint what {@link FlowTable#locate} said, if it was asked
     * @return false if it must go the whole way
     */
    boolean takeShortWay(
            PlainPacket p,
            int fingerprint,
            long hint,
            long position,
            @Nullable String input,
            @Nullable String output) {
        Verdict known = shortWay.take(p, table(p.isV6()), fingerprint, hint, input, output, now);
        if (known == null) {
            return false;
        }
        verdicts.verdict(position, known, facts.ctState, outcome.hook, outcome.rule, outcome.why);
        return true;
    }

    /**
     * Judges one packet, for which {@link #advance} was called, whatever it is.
     *
     * @param bad what {@link PacketView#wrap} said
     * @param fingerprint what {@link #fingerprint} said
     */
    void takeWholeWay(
            PacketView p,
            Anomaly bad,
            int fingerprint,
            int wire,
            long position,
            @Nullable String input,
            @Nullable String output) {
        facts.packet = p;
        if (bad != Anomaly.NONE) {
            verdicts.verdict(position, Verdict.UNDECODABLE, null, null, UNDECODABLE, bad);
            return;
        }
        if (p.ipVersion() == 0 || Scope.isLinkScope(p)) {
            Anomaly inside =
                    Scope.isTunnelFrame(p.etherType()) ? Anomaly.ENCAPSULATED : Anomaly.NONE;
            verdicts.verdict(position, Verdict.UNFILTERED, null, null, NOT_FILTERED, inside);
            return;
        }
        facts.inputInterface = input;
        facts.outputInterface = output;
        if (p.isFragment() && !(compatLinux && fragments.passesAlone(p))) {
            fragments.add(p, wire, now, count, position);
            return;
        }
        Verdict verdict = judge(p, fingerprint, position);
        if (fingerprint != 0) {
            shortWay.judged(p, fingerprint);
        }
        verdicts.verdict(position, verdict, facts.ctState, outcome.hook, outcome.rule, outcome.why);
    }

    /**
     * Puts another rule set in force, from the next packet on. Flows, sessions and pinholes stay.
     */
    public void rules(RuleProgram next) {
        if (next.replaces(hooks.rules())) {
            flows4.forEach(flow -> flows4.cachedVerdict(flow, RuleProgram.NO_MEMO));
            flows6.forEach(flow -> flows6.cachedVerdict(flow, RuleProgram.NO_MEMO));
        }
        hooks.rules(next);
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
        if (now - swept >= TICK_NANOS) { // a gateway ticks whenever its queue is empty
            swept = now;
            sweep(TICK_SLOTS);
        }
        count--;
    }

    /** Whether a strict helper rejected the packet judged last. */
    boolean wasCondemned() {
        return outcome.why == Anomaly.STRICT_VIOLATION;
    }

    /** What a live gateway does besides handing packets in. */
    public PathControl control() {
        return new PathControl(this);
    }

    /** What the flow tables of this seed find a packet's flow by, 0 if it has no ports. */
    static int fingerprint(long seed, PacketView p, Anomaly bad) {
        return bad != Anomaly.NONE || !p.hasPorts() ? 0 : FlowTable.fingerprint(seed, p);
    }

    /** Whether the flow tables are larger than a processor's own cache. */
    boolean isWorthFetching() {
        return flows4.size() + flows6.size() >= WORTH_FETCHING;
    }

    /** Brings what a search for the packet's flow begins with into the cache. */
    void touchIndex(BatchSlot slot) {
        if (slot.fingerprint != 0) {
            table(slot.v6).touchIndex(slot.fingerprint);
        }
    }

    /** Finds out where the packet's flow may be. */
    void locate(BatchSlot slot) {
        slot.hint =
                slot.fingerprint == 0 ? FlowTable.NONE : table(slot.v6).locate(slot.fingerprint);
    }

    /** Brings the flow that was located into the cache. */
    void touchFlow(BatchSlot slot) {
        if (slot.hint != FlowTable.NONE) {
            table(slot.v6).touch(slot.hint);
        }
    }

    private FlowTable table(boolean v6) {
        return v6 ? flows6 : flows4;
    }

    /** As {@link #takeShortWay(PlainPacket, int, long, long, String, String)}. */
    boolean takeShortWay(BatchSlot s) {
        return takeShortWay(s.plain, s.fingerprint, s.hint, s.position, s.input, s.output);
    }

    /**
     * As {@link #takeWholeWay(PacketView, Anomaly, int, int, long, String, String)}.
     *
     * @param p is read from the packet
     */
    void takeWholeWay(BatchSlot s, PacketView p) {
        takeWholeWay(p, s.wrap(p), s.fingerprint, s.wire, s.position, s.input, s.output);
    }

    /**
     * Time and packets that went by in all shards.
     *
     * @param packets of the run so far
     */
    void tick(long timeNanos, long packets) {
        advance(timeNanos);
        sweep(TICK_SLOTS);
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

    /** A packet comes: what has expired by then is settled. */
    void advance(long timeNanos) {
        if (timeNanos > now) {
            now = timeNanos;
        }
        count++;
        sessions.expire(now);
        if (--untilSweep == 0) {
            sweep(SWEEP_SLOTS);
        }
        fragments.expire(now, count);
    }

    private void sweep(int most) {
        untilSweep = SWEEP_AFTER;
        flows4.sweepSome(now, most);
        flows6.sweepSome(now, most);
        observer.sweep(now, most);
    }

    private Verdict judge(PacketView p, int fingerprint, long position) {
        Verdict verdict = hooks.walk(p, fingerprint, now);
        if (facts.ctMarkChanged && tracker.isConfirmed()) {
            // It is the flow that a rule marks: it stays so even if a later rule drops the packet.
            tracker.table().mark(tracker.flow(), facts.ctMark);
        }
        if (verdict == Verdict.ACCEPT) {
            verdict = admit(p, position);
        } else {
            Pinhole pinhole = expectedPinhole();
            if (pinhole != null) {
                observer.blocked(pinhole, p, position, verdict, outcome.rule);
            }
        }
        if (p.protocol() == PacketView.TCP && p.transportAnomaly() == Anomaly.NONE) {
            bystander.observe(p, position, verdict);
        }
        if (tracker.endsFlow()) {
            // The kernel has killed it before any rule saw the packet.
            tracker.table().remove(tracker.flow());
        }
        return verdict;
    }

    private Verdict judgeDatagram(PacketView p, long position) {
        return judge(p, 0, position);
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
                outcome.why = Anomaly.FLOWS_FULL;
                outcome.rule = TABLE;
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
            helper.restart(t, flow, p, position);
        }
        int flags = t.flags(flow);
        if ((flags & FlowTable.CONDEMNED) != 0) {
            return helper.condemn();
        }
        Verdict verdict = Verdict.ACCEPT;
        if ((flags & FlowTable.HELPED) != 0) {
            verdict = helper.read(t, flow, p, position);
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
                        sessions.arrived(pinhole, p, position, Verdict.ACCEPT, outcome.rule, false);
                if (d != null) {
                    t.tag(flow, d.index);
                    t.setFlag(flow, FlowTable.DATA);
                }
            } else {
                sessions.used(pinhole); // the same connection was dropped before and is followed
            }
            return;
        }
        if (p.protocol() == PacketView.TCP && tracker.expectation() == null) {
            helper.assign(t, flow, p, facts, position);
        }
    }

    private void removed(FlowTable t, long flow, boolean expired) {
        int flags = t.flags(flow);
        if ((flags & FlowTable.CONTROL) != 0) {
            sessions.sessionGone(t.tag(flow));
        } else if ((flags & FlowTable.DATA) != 0) {
            sessions.dataGone(t.tag(flow));
        }
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

    /** Bytes of SYNs that are kept, and of incomplete datagrams. */
    long passingBytes() {
        return helper.earlyBytes() + fragments.bytes();
    }

    @Override
    public void close() {
        flows4.close();
        flows6.close();
        observer.close();
    }
}
