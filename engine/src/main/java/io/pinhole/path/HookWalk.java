package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.FlowTable;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.Walk;
import java.util.List;

/**
 * Takes a packet through the hooks: the chains before connection tracking, tracking, the other
 * chains of prerouting, those of forward or input, those of postrouting. A known flow's verdict is
 * remembered where its rules read nothing that changes from packet to packet.
 */
final class HookWalk {
    private static final int FIRST = Integer.MIN_VALUE;
    private static final int LAST = Integer.MAX_VALUE;
    private static final int TRACK = RuleProgram.CONNTRACK_PRIORITY;
    private static final RuleOrigin ROUTING = new RuleOrigin("routing", "");

    final PacketFacts facts = new PacketFacts();

    private final ConnectionTracker tracker;
    private final Outcome outcome;
    // Linux takes one off the TTL between prerouting and forward. We do not know whether whoever
    // recorded a packet stood before or behind that, or whether there was a router at all.
    private final boolean routes;
    private final IpAddress[] locals;
    private final InterfaceMap interfaces;
    private RuleProgram rules;
    private boolean mapInterfaces;
    private boolean chainsBeforeTracking;
    private boolean chainsBeforeOutput;
    private boolean mayBeShort;
    private int dropMemo;

    HookWalk(PathOptions options, RuleProgram rules, ConnectionTracker tracker, Outcome outcome) {
        this.tracker = tracker;
        this.outcome = outcome;
        this.rules = rules;
        routes = options.compatLinux();
        locals = options.localAddresses().toArray(IpAddress[]::new);
        facts.localAddresses = List.of(locals);
        facts.flows = tracker::isOpen;
        interfaces = options.interfaces();
        takeIn(rules);
    }

    RuleProgram rules() {
        return rules;
    }

    void rules(RuleProgram next) {
        rules = next;
        takeIn(next);
    }

    /** Whether a remembered verdict is all there is to a packet's walk. */
    boolean mayBeShort() {
        return mayBeShort;
    }

    private void takeIn(RuleProgram next) {
        mapInterfaces = next.readsInterfaces() && !interfaces.isEmpty();
        chainsBeforeTracking = next.hasChains(Hook.PREROUTING, FIRST, TRACK);
        chainsBeforeOutput = next.hasChains(Hook.OUTPUT, FIRST, TRACK);
        mayBeShort = !routes && !mapInterfaces && !chainsBeforeTracking && !chainsBeforeOutput;
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

    /**
     * Takes the packet through the hooks; {@link Outcome} names what decided.
     *
     * @param fingerprint see {@link ConnectionTracker#track}
     */
    Verdict walk(PacketView p, int fingerprint, long now) {
        Hook main = route(p);
        Hook first = main == Hook.OUTPUT ? Hook.OUTPUT : Hook.PREROUTING;
        beginFacts(p, now);
        outcome.why = Anomaly.NONE;
        dropMemo = RuleProgram.NO_MEMO;
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
            tracker.track(p, fingerprint, now);
            outcome.why = tracker.anomaly();
        }
        if (outcome.why == Anomaly.NONE && Scope.isTunnel(p)) {
            outcome.why = Anomaly.ENCAPSULATED;
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
            factsOfKey(now);
            return mayBeShort && tracker.isStrange() && KnownDrops.mayBe(p)
                    ? strangerChains(p, first, main)
                    : chains(p, first, main);
        }
        FlowTable t = tracker.table();
        long flow = tracker.flow();
        int memo = t.cachedVerdict(flow);
        Walk known = memo == RuleProgram.NO_MEMO ? null : rules.recall(memo, facts);
        if (known != null) {
            outcome.hook = known.hook();
            outcome.rule = known.decidedBy();
            return known.verdict();
        }
        factsOfKey(now);
        rules.watch(facts);
        Verdict verdict = chains(p, first, main);
        t.cachedVerdict(flow, rules.remember(memo, facts, verdict, outcome.hook, outcome.rule));
        return verdict;
    }

    /** As {@link #chains}, and what they drop is remembered as {@link #dropMemo}. */
    private Verdict strangerChains(PacketView p, Hook first, Hook main) {
        rules.watch(facts);
        Verdict verdict = chains(p, first, main);
        if (verdict == Verdict.DROP) {
            dropMemo =
                    rules.remember(RuleProgram.NO_MEMO, facts, verdict, outcome.hook, outcome.rule);
        }
        return verdict;
    }

    /**
     * What the rules remember of a packet that they have just dropped as the first of a flow; else
     * {@code NO_MEMO}.
     */
    int dropMemo() {
        return dropMemo;
    }

    /** The chains from connection tracking on. */
    private Verdict chains(PacketView p, Hook first, Hook main) {
        Verdict verdict = run(first, TRACK, LAST);
        if (verdict == Verdict.ACCEPT && routes && main == Hook.FORWARD) {
            if (p.hopLimit() <= 1) {
                outcome.why = Anomaly.TTL_EXCEEDED;
                outcome.rule = ROUTING;
                return Verdict.DROP;
            }
            facts.hopsTaken = 1;
        }
        if (verdict == Verdict.ACCEPT && main != Hook.OUTPUT) {
            verdict = run(main, FIRST, LAST);
        }
        if (verdict == Verdict.ACCEPT && main != Hook.INPUT) {
            RuleOrigin decided = outcome.rule;
            verdict = run(Hook.POSTROUTING, FIRST, LAST);
            if (verdict == Verdict.ACCEPT) {
                outcome.rule = decided;
                outcome.hook = main;
            }
        }
        return verdict;
    }

    private Verdict run(Hook at, int from, int to) {
        facts.hook = at;
        facts.decidedBy = RuleOrigin.NONE;
        Verdict verdict = rules.run(at, from, to, facts);
        outcome.hook = at;
        outcome.rule = facts.decidedBy;
        return verdict;
    }

    private void beginFacts(PacketView p, long now) {
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
    private void factsOfKey(long now) {
        if (!facts.hasFlow) {
            return;
        }
        FlowTable t = tracker.table();
        long flow = tracker.flow();
        facts.ctId = t.id(flow);
        facts.flow = flow;
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
}
