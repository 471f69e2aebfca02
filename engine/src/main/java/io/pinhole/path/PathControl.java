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
import io.pinhole.flow.TcpTracker;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RejectWith;
import io.pinhole.rule.RuleProgram;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a live gateway does with a path besides handing packets in: offload flows, take over flows
 * from the kernel, look into the tables, remove entries, ask a rule set about the flows there are.
 * Called on the path's own thread, between packets.
 */
public final class PathControl {
    private static final int FIRST = Integer.MIN_VALUE;
    private static final int LAST = Integer.MAX_VALUE;
    private static final int TRACK = RuleProgram.CONNTRACK_PRIORITY;

    /** An entry of the flow table, for people. */
    public record FlowRow(
            FlowKey key,
            String state,
            boolean assured,
            boolean seenReply,
            long secondsLeft,
            long originalPackets,
            long originalBytes,
            long replyPackets,
            long replyBytes,
            int mark,
            boolean control,
            boolean data,
            boolean offloaded) {}

    /** A pinhole that waits for its connection. */
    public record PinholeRow(
            FlowKey control,
            String mode,
            IpAddress source,
            IpAddress destination,
            int destinationPort,
            long secondsLeft) {}

    private final PacketPath path;
    private final Probe probe = new Probe();
    private final PacketFacts facts = new PacketFacts();
    private final PacketView error = new PacketView();
    private final PacketView quoted = new PacketView();

    PathControl(PacketPath path) {
        this.path = path;
    }

    // ---- offload ----

    /**
     * True if the packet judged last belongs to a flow that the kernel could carry on by itself: a
     * TCP connection established in both directions whose dialogue nobody reads.
     *
     * @param dataOnly whether it must be an announced data connection
     */
    public boolean isOffloadable(boolean dataOnly) {
        long flow = path.tracker.flow();
        if (flow == FlowTable.NONE || path.tracker.state() != CtState.ESTABLISHED) {
            return false;
        }
        FlowTable t = path.tracker.table();
        int flags = t.flags(flow);
        int wanted = FlowTable.ASSURED | FlowTable.CONFIRMED | (dataOnly ? FlowTable.DATA : 0);
        int unwanted = FlowTable.HELPED | FlowTable.CONTROL | FlowTable.CONDEMNED;
        return (flags & wanted) == wanted
                && (flags & unwanted) == 0
                && t.protocol(flow) == PacketView.TCP
                && t.state(flow) == TcpTracker.ESTABLISHED;
    }

    /**
     * Whether no rule needs to see another packet of the flow of the packet judged last. Asked
     * once; a flow that is wanted is not asked about again under the same rules.
     *
     * @param trial a copy of the rules in force: its counters move
     * @param input by which interface packets of the original direction come in
     */
    public boolean mayOffload(
            RuleProgram trial, @Nullable String input, @Nullable String output, long now) {
        FlowTable t = path.tracker.table();
        long flow = path.tracker.flow();
        if (t.flag(flow, FlowTable.KEPT)) {
            return false;
        }
        FlowKey key = t.key(flow);
        int flags = t.flags(flow);
        int mark = t.mark(flow);
        int memo = RuleProgram.NO_MEMO;
        boolean passes = !trial.hasChains(Hook.PREROUTING, FIRST, TRACK);
        for (int way = 0; way < 2 && passes; way++) {
            PacketView p = probe.packet(way == 0 ? key : key.reversed(), PacketView.ACK);
            fill(
                    p,
                    key,
                    CtState.ESTABLISHED,
                    flags,
                    mark,
                    way == 0 ? input : output,
                    way == 0 ? output : input,
                    now);
            trial.watch(facts);
            Verdict verdict = walk(trial);
            passes = verdict == Verdict.ACCEPT;
            memo = trial.remember(memo, facts, verdict, facts.hook, facts.decidedBy);
        }
        if (passes && trial.mayOffload(memo)) {
            return true;
        }
        t.setFlag(flow, FlowTable.KEPT);
        return false;
    }

    /** Other rules are in force: what they want to see is to be asked again. */
    public void forgetKept() {
        for (FlowTable t : new FlowTable[] {path.flows4, path.flows6}) {
            t.forEach(flow -> t.clearFlag(flow, FlowTable.KEPT));
        }
    }

    /** Whether the flow of the packet judged last is carried by the kernel. */
    public boolean isOffloaded() {
        long flow = path.tracker.flow();
        return flow != FlowTable.NONE && path.tracker.table().flag(flow, FlowTable.OFFLOADED);
    }

    /** Whether the packet judged last travelled in its flow's original direction. */
    public boolean isOriginal() {
        return path.tracker.direction() == Direction.ORIGINAL;
    }

    /** The flow of the packet judged last, in its original direction. */
    public FlowKey flow() {
        return path.tracker.table().key(path.tracker.flow());
    }

    /**
     * The kernel carries a flow from now on.
     *
     * @return false if there is no such flow
     */
    public boolean offload(FlowKey key, long now) {
        FlowTable t = table(key);
        long flow = find(t, key, now);
        if (flow == FlowTable.NONE) {
            return false;
        }
        path.tracker.offload(t, flow, now);
        DataConnection d = t.flag(flow, FlowTable.DATA) ? path.sessions.data(t.tag(flow)) : null;
        if (d != null) {
            d.offloaded = true;
        }
        return true;
    }

    /** The kernel no longer carries a flow: every packet is seen again. */
    public boolean recall(FlowKey key, long now) {
        FlowTable t = table(key);
        long flow = find(t, key, now);
        if (flow == FlowTable.NONE) {
            return false;
        }
        t.clearFlag(flow, FlowTable.OFFLOADED);
        return true;
    }

    // ---- the packet judged last ----

    /** Its view; valid while its bytes are. */
    public PacketView packet() {
        return path.facts.packet;
    }

    /** How its sender is to be told that it was rejected. */
    public RejectWith rejectWith() {
        RejectWith how = path.facts.rejectWith;
        return how == null ? RejectWith.DEFAULT : how;
    }

    /** Whether a strict helper rejected it: both ends are to be reset. */
    public boolean isReset() {
        return path.wasCondemned();
    }

    /** Whether a packet is an ICMP error about a TCP or UDP flow that this path does not know. */
    public boolean isStrangersError(
            MemorySegment data, long offset, int captured, int wire, LinkType link) {
        if (error.wrap(data, offset, captured, wire, link) != Anomaly.NONE
                || error.ipVersion() == 0
                || error.isFragment()
                || !error.isIcmpError()
                || quoted.wrapQuoted(error) != Anomaly.NONE
                || quoted.transportAnomaly() != Anomaly.NONE
                || (quoted.protocol() != PacketView.TCP && quoted.protocol() != PacketView.UDP)) {
            return false;
        }
        FlowTable t = quoted.isV4() ? path.flows4 : path.flows6;
        return t.find(
                        quoted.protocol(),
                        quoted.sourceHigh(),
                        quoted.sourceLow(),
                        quoted.sourcePort(),
                        quoted.destinationHigh(),
                        quoted.destinationLow(),
                        quoted.destinationPort(),
                        Long.MIN_VALUE)
                == FlowTable.NONE;
    }

    /**
     * Does again what a gateway noted in its recording. What is no work for a path (a reload, a
     * gap) is left to the caller.
     *
     * @param rules the set in force
     */
    public void replay(JournalEntry entry, RuleProgram rules, long now) {
        switch (entry) {
            case JournalEntry.TakeOver(FlowKey key, boolean offloaded, String in, String out) ->
                    takeOver(key, offloaded, rules, name(in), name(out), now);
            case JournalEntry.Offload(FlowKey key) -> offload(key, now);
            case JournalEntry.Recall(FlowKey key) -> recall(key, now);
            case JournalEntry.Remove(FlowKey key) -> remove(key, now);
            case JournalEntry.ClosePinhole(IpAddress source, IpAddress destination, int port) ->
                    closePinholes(source, destination, port);
            case JournalEntry.OutOfWindow() -> path.hint(false, true);
            case JournalEntry.Begin _, JournalEntry.Reload _, JournalEntry.Gap _ -> {}
        }
    }

    private static @Nullable String name(String text) {
        return text.isEmpty() ? null : text;
    }

    // ---- entries in and out ----

    /**
     * Enters a connection that was established before this path saw its first packet. Rules are
     * asked, as for its first packet, whether a helper reads it.
     *
     * @param offloaded whether the kernel carries it
     * @return false if it is known already or there is no room
     */
    public boolean takeOver(
            FlowKey key,
            boolean offloaded,
            RuleProgram rules,
            @Nullable String input,
            @Nullable String output,
            long now) {
        FlowTable t = table(key);
        if (key.protocol() != FlowKey.TCP || find(t, key, now) != FlowTable.NONE || !t.hasRoom()) {
            return false;
        }
        t.prepare(
                key.protocol(),
                key.source().high(),
                key.source().low(),
                key.sourcePort(),
                key.destination().high(),
                key.destination().low(),
                key.destinationPort());
        long flow = path.tracker.takeOver(t, now);
        if (offloaded) {
            t.setFlag(flow, FlowTable.EXPECTED); // only announced connections are offloaded
            path.tracker.offload(t, flow, now);
            return true;
        }
        run(rules, probe.packet(key, PacketView.SYN), key, CtState.NEW, 0, 0, input, output, now);
        HelperObject helper = facts.helper;
        if (helper != null
                ? helper.type().equals("ftp")
                : path.helper.attachPorts.get(key.destinationPort())) {
            t.setFlag(flow, FlowTable.HELPED);
            t.helper(flow, helper == null ? 0 : path.helper.number(helper.name()));
        }
        return true;
    }

    /**
     * Removes a flow, as {@code conntrack -D} does; its session or data connection ends with it.
     *
     * @param key seen either way
     * @return false if there is no such flow
     */
    public boolean remove(FlowKey key, long now) {
        FlowTable t = table(key);
        long flow = find(t, key, now);
        if (flow == FlowTable.NONE) {
            return false;
        }
        t.remove(flow);
        return true;
    }

    /** Removes a flow that the kernel carried, or that was taken over from it; leaves others. */
    public boolean removeCarried(FlowKey key, long now) {
        FlowTable t = table(key);
        long flow = find(t, key, now);
        if (flow == FlowTable.NONE
                || (t.flags(flow) & (FlowTable.OFFLOADED | FlowTable.MIDSTREAM)) == 0) {
            return false;
        }
        t.remove(flow);
        return true;
    }

    /** Closes the pinholes that wait for a connection to that end point from that host. */
    public int closePinholes(IpAddress source, IpAddress destination, int port) {
        List<Pinhole> found = new ArrayList<>();
        forEachWaiting(
                p -> {
                    Expectation e = p.permission;
                    if (e != null
                            && e.source().equals(source)
                            && e.destination().equals(destination)
                            && e.destinationPort() == port) {
                        found.add(p);
                    }
                });
        found.forEach(path.sessions::close);
        return found.size();
    }

    // ---- asking a rule set about flows ----

    /**
     * What a rule set would say to the next packets of an established flow, in both directions.
     *
     * @param rules not the set in force: counters and limits move
     * @return ACCEPT if both directions would pass, else the first other verdict
     */
    public Verdict ask(
            RuleProgram rules,
            FlowKey key,
            @Nullable String input,
            @Nullable String output,
            long now) {
        FlowTable t = table(key);
        long flow = find(t, key, now);
        int flags = flow == FlowTable.NONE ? 0 : t.flags(flow);
        int mark = flow == FlowTable.NONE ? 0 : t.mark(flow);
        PacketView forth = probe.packet(key, PacketView.ACK);
        Verdict verdict =
                run(rules, forth, key, CtState.ESTABLISHED, flags, mark, input, output, now);
        if (verdict != Verdict.ACCEPT) {
            return verdict;
        }
        PacketView back = probe.packet(key.reversed(), PacketView.ACK);
        facts.ctDirection = Direction.REPLY;
        return run(rules, back, key, CtState.ESTABLISHED, flags, mark, output, input, now);
    }

    private Verdict run(
            RuleProgram rules,
            PacketView p,
            FlowKey key,
            CtState state,
            int flags,
            int mark,
            @Nullable String input,
            @Nullable String output,
            long now) {
        fill(p, key, state, flags, mark, input, output, now);
        return walk(rules);
    }

    private void fill(
            PacketView p,
            FlowKey key,
            CtState state,
            int flags,
            int mark,
            @Nullable String input,
            @Nullable String output,
            long now) {
        facts.packet = p;
        facts.timeNanos = now;
        facts.inputInterface = input;
        facts.outputInterface = output;
        facts.ctState = state;
        facts.hasFlow = true;
        facts.ctDirection =
                p.sourcePort() == key.sourcePort() && p.source().equals(key.source())
                        ? Direction.ORIGINAL
                        : Direction.REPLY;
        facts.ctStatus = HookWalk.status(flags);
        facts.ctMark = mark;
        facts.ctMarkChanged = false;
        facts.ctId = 0;
        facts.ctExpirationMillis = 0;
        facts.parentHelper = (flags & FlowTable.EXPECTED) != 0 ? "ftp" : null;
        facts.originalSourceHigh = key.source().high();
        facts.originalSourceLow = key.source().low();
        facts.originalSourcePort = key.sourcePort();
        facts.originalDestinationHigh = key.destination().high();
        facts.originalDestinationLow = key.destination().low();
        facts.originalDestinationPort = key.destinationPort();
        facts.helper = null;
        facts.timeout = null;
        facts.notrack = false;
        facts.mark = 0;
    }

    private Verdict walk(RuleProgram rules) {
        Verdict verdict = rules.run(Hook.PREROUTING, TRACK, LAST, facts);
        if (verdict == Verdict.ACCEPT) {
            verdict = rules.run(Hook.FORWARD, FIRST, LAST, facts);
        }
        if (verdict == Verdict.ACCEPT) {
            verdict = rules.run(Hook.POSTROUTING, FIRST, LAST, facts);
        }
        return verdict;
    }

    // ---- looking ----

    /**
     * A piece of the flow tables, in no particular order.
     *
     * @param from 0 to begin, then what the last call returned
     * @param slots places of a table to look at, at most
     * @return where to go on, or -1 at the end
     */
    public long flows(long from, int slots, long now, Consumer<FlowRow> each) {
        boolean six = from < 0 || from >= SIX;
        FlowTable t = six ? path.flows6 : path.flows4;
        long next =
                t.forEach(
                        six ? from - SIX : from,
                        slots,
                        flow -> {
                            if (t.deadline(flow) - now > 0) {
                                each.accept(row(t, flow, now));
                            }
                        });
        if (next >= 0) {
            return six ? next + SIX : next;
        }
        return six ? -1 : SIX;
    }

    private static final long SIX = 1L << 40;

    private static FlowRow row(FlowTable t, long flow, long now) {
        int flags = t.flags(flow);
        return new FlowRow(
                t.key(flow),
                t.protocol(flow) == PacketView.TCP ? TcpTracker.stateName(t.state(flow)) : "",
                (flags & FlowTable.ASSURED) != 0,
                (flags & FlowTable.SEEN_REPLY) != 0,
                (t.deadline(flow) - now) / 1_000_000_000,
                t.packets(flow, Direction.ORIGINAL),
                t.bytes(flow, Direction.ORIGINAL),
                t.packets(flow, Direction.REPLY),
                t.bytes(flow, Direction.REPLY),
                t.mark(flow),
                (flags & FlowTable.HELPED) != 0,
                (flags & FlowTable.DATA) != 0,
                (flags & FlowTable.OFFLOADED) != 0);
    }

    /** Every flow with its key; for a reload, not for pages. */
    public void forEachFlow(long now, Consumer<FlowRow> each) {
        long at = 0;
        while (at >= 0) {
            at = flows(at, Integer.MAX_VALUE, now, each);
        }
    }

    /** The pinholes that wait, those of one session together. */
    public void pinholes(long now, Consumer<PinholeRow> each) {
        forEachWaiting(
                p -> {
                    Expectation e = p.permission;
                    if (e != null) {
                        each.accept(
                                new PinholeRow(
                                        p.session.key,
                                        p.announcement.mode().label(),
                                        e.source(),
                                        e.destination(),
                                        e.destinationPort(),
                                        (e.deadlineNanos() - now) / 1_000_000_000));
                    }
                });
    }

    private void forEachWaiting(Consumer<Pinhole> each) {
        path.sessions.forEach(
                s -> {
                    for (Pinhole p : List.copyOf(s.pinholes())) {
                        if (p.helper && p.isWaiting()) {
                            each.accept(p);
                        }
                    }
                });
    }

    /** Control sessions that are open. */
    public int sessions() {
        return path.sessions.live();
    }

    /** Pinholes that wait. */
    public int waiting() {
        return path.sessions.expectations().waiting();
    }

    private FlowTable table(FlowKey key) {
        return key.source().isV4() ? path.flows4 : path.flows6;
    }

    private static long find(FlowTable t, FlowKey key, long now) {
        return t.find(
                key.protocol(),
                key.source().high(),
                key.source().low(),
                key.sourcePort(),
                key.destination().high(),
                key.destination().low(),
                key.destinationPort(),
                now);
    }
}
