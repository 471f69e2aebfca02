package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Settings;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.FlowTable;
import io.pinhole.flow.OrdinarySegments;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.Walk;
import org.jspecify.annotations.Nullable;

/**
 * The short way of a packet: an ordinary segment of an established flow that no helper reads, where
 * the rules' verdict is remembered and asks for nothing else of the packet. Found, tracked,
 * counted, and done; every other packet goes the whole way.
 */
final class ShortWay {
    private static final int UNWANTED = FlowTable.HELPED | FlowTable.CONTROL | FlowTable.CONDEMNED;

    private final HookWalk hooks;
    private final ConnectionTracker tracker;
    private final Sessions sessions;
    private final Bystander bystander;
    private final Outcome outcome;
    private final OrdinarySegments segments;

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
        this.bystander = bystander;
        this.outcome = outcome;
        segments = new OrdinarySegments(settings.tcp(), settings.timeouts());
    }

    /**
     * Judges the packet if it is an ordinary one: accepted then, in ct state established.
     *
     * @param t the table for its IP version
     * @param fingerprint what the table finds it by
     * @param hint where the table thinks it is
     * @return false if it must go the whole way: nothing has changed then
     */
    boolean take(
            PacketView p,
            FlowTable t,
            int fingerprint,
            long hint,
            @Nullable String input,
            @Nullable String output,
            long position,
            long now) {
        if (!OrdinarySegments.mayBe(p) || !hooks.mayBeShort()) {
            return false;
        }
        long flow = t.find(hint, fingerprint, p, now);
        if (flow == FlowTable.NONE || !OrdinarySegments.areOf(t, flow)) {
            return false;
        }
        int flags = t.flags(flow);
        int memo = t.cachedVerdict(flow);
        if ((flags & UNWANTED) != 0 || memo == RuleProgram.NO_MEMO) {
            return false;
        }
        boolean ofSession = (flags & FlowTable.DATA) != 0;
        if (!ofSession && bystander.wants(p, t, fingerprint)) {
            return false;
        }
        Direction direction = t.direction();
        RuleProgram rules = hooks.rules();
        Walk walk = rules.recallOrdinary(memo, direction, input, output, t.mark(flow));
        if (walk == null || !segments.track(t, flow, p, direction.ordinal(), now)) {
            return false;
        }
        rules.count(walk, p.ipLength());
        tracker.established(t, flow, direction);
        hooks.facts.packet = p;
        hooks.facts.ctState = CtState.ESTABLISHED;
        outcome.hook = walk.hook();
        outcome.rule = walk.decidedBy();
        outcome.why = Anomaly.NONE;
        t.count(flow, direction, p.ipLength());
        if (!ofSession) {
            bystander.passing(p, position);
        } else {
            DataConnection d = sessions.data(t.tag(flow));
            if (d != null) {
                sessions.packet(d, p, direction);
            }
        }
        return true;
    }
}
