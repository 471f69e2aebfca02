package io.pinhole.benchmarks;

import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;

/**
 * Accepts every packet and assigns the FTP helper on port 21: what is left is the path itself,
 * without the cost of a rule set.
 */
public final class AcceptAll implements RuleProgram {
    private static final HelperObject FTP = new HelperObject("inet filter", "ftp", "ftp", 6, 0);
    private static final RuleOrigin ACCEPT = new RuleOrigin("accept-all", "accept");

    @Override
    public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
        if (!hasChains(hook, from, to)) {
            return Verdict.ACCEPT;
        }
        facts.decidedBy = ACCEPT;
        if (facts.ctState == CtState.NEW
                && facts.packet.protocol() == PacketView.TCP
                && facts.packet.destinationPort() == 21) {
            facts.helper = FTP;
        }
        return Verdict.ACCEPT;
    }

    @Override
    public boolean hasChains(Hook hook, int from, int to) {
        return hook == Hook.FORWARD && from <= 0 && to > 0;
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
        return true;
    }

    @Override
    public String name() {
        return "accept-all";
    }
}
