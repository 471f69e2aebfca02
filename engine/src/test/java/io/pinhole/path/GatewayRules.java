package io.pinhole.path;

import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What the bundled gateway set says, written by hand: helper on the control ports, established,
 * related by the helper, new control connections, ICMP errors, nothing else.
 */
final class GatewayRules implements RuleProgram {
    private static final RuleOrigin BLOCKED = new RuleOrigin("blocked", "");
    private static final RuleOrigin ESTABLISHED = new RuleOrigin("established", "");
    private static final RuleOrigin PINHOLE = new RuleOrigin("pinhole", "");
    private static final RuleOrigin ICMP_ERROR = new RuleOrigin("icmp-error", "");
    private static final RuleOrigin CONTROL = new RuleOrigin("control", "");
    private static final RuleOrigin OPEN = new RuleOrigin("open", "");
    private static final RuleOrigin POLICY = new RuleOrigin("policy", "");

    private final HelperObject helper = new HelperObject("t", "ftp-std", "ftp", 6, 0);
    private final Set<Integer> controlPorts;
    private boolean assigns = true;
    private Predicate<PacketFacts> blocked = f -> false;
    private Predicate<PacketFacts> notracked = f -> false;
    private Predicate<PacketFacts> open = f -> false;

    GatewayRules(Integer... controlPorts) {
        this.controlPorts = Set.of(controlPorts);
    }

    /** Control connections pass, but no helper is assigned to them. */
    GatewayRules withoutHelper() {
        assigns = false;
        return this;
    }

    /** Dropped before anything else. */
    GatewayRules block(Predicate<PacketFacts> what) {
        blocked = what;
        return this;
    }

    /** New packets that pass although the gateway set would not let them. */
    GatewayRules open(Predicate<PacketFacts> what) {
        open = what;
        return this;
    }

    GatewayRules notrack(Predicate<PacketFacts> what) {
        notracked = what;
        return this;
    }

    static boolean to(PacketFacts f, int port) {
        return f.packet.hasPorts() && f.packet.destinationPort() == port;
    }

    @Override
    public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
        if (hook == Hook.PREROUTING && from < CONNTRACK_PRIORITY) {
            facts.notrack = notracked.test(facts);
            return Verdict.ACCEPT;
        }
        if (hook == Hook.PREROUTING) {
            boolean unconfirmed =
                    facts.hasFlow && (facts.ctStatus & PacketFacts.STATUS_CONFIRMED) == 0;
            if (assigns && unconfirmed && isControl(facts)) {
                facts.helper = helper;
            }
            return Verdict.ACCEPT;
        }
        if (hook == Hook.POSTROUTING || from > 0 || to <= 0) {
            return Verdict.ACCEPT;
        }
        facts.decidedBy = decide(facts);
        return facts.decidedBy == POLICY || facts.decidedBy == BLOCKED
                ? Verdict.DROP
                : Verdict.ACCEPT;
    }

    private RuleOrigin decide(PacketFacts f) {
        if (blocked.test(f)) {
            return BLOCKED;
        }
        if (f.ctState == CtState.ESTABLISHED) {
            return ESTABLISHED;
        }
        if (f.ctState == CtState.RELATED && f.packet.isIcmpError()) {
            return ICMP_ERROR;
        }
        if (f.ctState == CtState.RELATED && "ftp".equals(f.parentHelper)) {
            return PINHOLE;
        }
        if (f.ctState == CtState.NEW && isControl(f)) {
            return CONTROL;
        }
        return open.test(f) ? OPEN : POLICY;
    }

    private boolean isControl(PacketFacts f) {
        return f.packet.protocol() == PacketView.TCP
                && f.packet.hasPorts()
                && controlPorts.contains(f.packet.destinationPort());
    }

    @Override
    public boolean hasChains(Hook hook, int from, int to) {
        return true;
    }

    @Override
    public boolean readsInterfaces() {
        return false;
    }

    @Override
    public boolean hasGlobalState() {
        return false;
    }

    @Override
    public boolean assignsHelper() {
        return assigns;
    }

    @Override
    public String name() {
        return "gateway";
    }
}
