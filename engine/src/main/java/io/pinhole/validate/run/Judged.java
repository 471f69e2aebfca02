package io.pinhole.validate.run;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import org.jspecify.annotations.Nullable;

/**
 * A packet and its verdict.
 *
 * @param number 1-based, within the test or the capture
 * @param what the packet in words: {@code tcp 198.51.100.7:50001 > 203.0.113.10:21 syn}
 * @param ct null where no hook saw it
 * @param hook null where no hook saw it
 */
public record Judged(
        long number,
        String what,
        Verdict verdict,
        @Nullable CtState ct,
        @Nullable Hook hook,
        RuleOrigin rule,
        Anomaly why) {

    Judged called(String name) {
        return new Judged(number, name, verdict, ct, hook, rule, why);
    }

    /** {@code drop (ct new) by policy ftp-gateway.nft:33}. */
    public String verdictText() {
        StringBuilder out = new StringBuilder(verdict.label());
        if (ct != null) {
            out.append(" (ct ").append(ct.label());
            if (why != Anomaly.NONE) {
                out.append(", ").append(why.label());
            }
            out.append(')');
        } else if (why != Anomaly.NONE) {
            out.append(" (").append(why.label()).append(')');
        }
        return out.append(" by ").append(rule.text()).toString();
    }
}
