package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import io.pinhole.expect.ExpectationTable;
import io.pinhole.flow.FlowTable;
import io.pinhole.flow.OrdinarySegments;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.Walk;
import org.jspecify.annotations.Nullable;

/**
 * The short way of the two kinds of packets there are most of: an ordinary segment of an
 * established flow that no helper reads, where the rules' verdict is remembered and asks for
 * nothing else of the packet; and a packet like one that the rules have just kept out. Found,
 * tracked, counted, and done; every other packet goes the whole way.
 */
final class ShortWay {
    private final HookWalk hooks;
    private final ConnectionTracker tracker;
    private final Sessions sessions;
    private final ExpectationTable expectations;
    private final Bystander bystander;
    private final Outcome outcome;
    private final OrdinarySegments segments;
    private final KnownDrops drops = new KnownDrops();

    ShortWay(
            Settings settings,
            HookWalk hooks,
            ConnectionTracker tracker,
            Sessions sessions,
            Bystander bystander,
            Outcome outcome) {
        this.hooks = hooks;
        this.tracker = tracker;
        this.sessions = sessions;
        expectations = sessions.expectations();
        this.bystander = bystander;
        this.outcome = outcome;
        segments = new OrdinarySegments(settings.tcp(), settings.timeouts());
    }

    /**
     * Judges the packet if it is of one of the two kinds; the rest of the verdict is in {@link
     * Outcome} and the facts.
     *
     * @param t the table for its IP version
     * @param fingerprint what the table finds it by
     * @param hint where the table thinks it is
     * @return null if it must go the whole way: nothing has changed then
     */
    @Nullable Verdict take(
            PlainPacket p,
            FlowTable t,
            int fingerprint,
            long hint,
            @Nullable String input,
            @Nullable String output,
            long now) {
        if (!hooks.mayBeShort()) {
            return null;
        }
        long flow = t.find(hint, fingerprint, p, now);
        return flow == FlowTable.NONE
                ? drop(p, t, fingerprint, input, output, now)
                : accept(p, t, flow, fingerprint, input, output, now);
    }

    private @Nullable Verdict accept(
            PlainPacket p,
            FlowTable t,
            long flow,
            int fingerprint,
            @Nullable String input,
            @Nullable String output,
            long now) {
        long word = t.word(flow);
        int memo = (int) (word >>> 32);
        if (!OrdinarySegments.areOf(word) || memo == RuleProgram.NO_MEMO) {
            return null;
        }
        boolean ofSession = (word & FlowTable.DATA << 16) != 0;
        if (!ofSession && bystander.wants(p, fingerprint)) {
            return null;
        }
        Direction direction = t.direction();
        RuleProgram rules = hooks.rules();
        Walk walk = rules.recallOrdinary(memo, direction, input, output, t.mark(flow));
        if (walk == null || !segments.track(t, flow, p, direction.ordinal(), now)) {
            return null;
        }
        rules.count(walk, p.ipLength());
        tracker.established(t, flow, direction);
        told(CtState.ESTABLISHED, walk);
        t.count(flow, direction, p.ipLength());
        if (ofSession) {
            DataConnection d = sessions.data(t.tag(flow));
            if (d != null) {
                sessions.packet(d, p.tcpFlags(), p.tcpSequence(), p.payloadLength(), direction);
            }
        }
        return Verdict.ACCEPT;
    }

    private @Nullable Verdict drop(
            PlainPacket p,
            FlowTable t,
            int fingerprint,
            @Nullable String input,
            @Nullable String output,
            long now) {
        int memo = drops.memo(p, fingerprint);
        if (memo == RuleProgram.NO_MEMO) {
            return null;
        }
        RuleProgram rules = hooks.rules();
        Walk walk = rules.recallDrop(memo, p.tcpFlags(), input, output);
        if (walk == null
                || (p.isTcp() && (mayBeExpected(p, now) || bystander.wants(p, fingerprint)))) {
            return null;
        }
        rules.count(walk, p.ipLength());
        tracker.kept(t);
        told(CtState.NEW, walk);
        return Verdict.DROP;
    }

    private boolean mayBeExpected(PlainPacket p, long now) {
        return expectations.find(
                        p.isV6() ? 6 : 4,
                        p.sourceHigh(),
                        p.sourceLow(),
                        p.sourcePort(),
                        p.destinationHigh(),
                        p.destinationLow(),
                        p.destinationPort(),
                        now)
                != null;
    }

    private void told(CtState state, Walk walk) {
        hooks.facts.ctState = state;
        outcome.hook = walk.hook();
        outcome.rule = walk.decidedBy();
        outcome.why = Anomaly.NONE;
    }

    /** A packet has gone the whole way: what rules have dropped may come again. */
    void judged(PacketView p, int fingerprint) {
        int memo = hooks.dropMemo();
        if (memo != RuleProgram.NO_MEMO && outcome.why == Anomaly.NONE) {
            drops.put(p, fingerprint, memo);
        }
    }
}
