package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.core.Settings.PassiveAddress;
import java.util.EnumSet;
import java.util.Set;

/** Counts a connection's anomalies, passes on the first of each kind, knows what strict forbids. */
final class Alerts {
    /**
     * What a strict helper resets the control connection for; what a capture lost is not among it.
     */
    private static final Set<Anomaly> VIOLATIONS =
            EnumSet.of(
                    Anomaly.OVERLONG_LINE,
                    Anomaly.BARE_LF,
                    Anomaly.NUL_IN_LINE,
                    Anomaly.NOT_FTP,
                    Anomaly.PIPELINE_FULL,
                    Anomaly.BOUNCE,
                    Anomaly.PRIVILEGED_PORT,
                    Anomaly.DENIED_PORT,
                    Anomaly.UNSOLICITED_REPLY,
                    Anomaly.MALFORMED_ANNOUNCEMENT,
                    Anomaly.ODD_ANNOUNCEMENT,
                    Anomaly.FAMILY_MISMATCH,
                    Anomaly.EPSV_ALL_VIOLATION,
                    Anomaly.NOT_LOGGED_IN,
                    Anomaly.WRONG_DIRECTION,
                    Anomaly.AUTH_REFUSED,
                    Anomaly.STARTTLS_VIOLATION);

    private final DialogueListener listener;
    private final HelperPolicy policy;
    private final int[] counts = new int[Anomaly.values().length];
    private boolean violated;

    Alerts(DialogueListener listener, HelperPolicy policy) {
        this.listener = listener;
        this.policy = policy;
    }

    void raise(Anomaly kind, long position, String detail) {
        violated |= policy.strict() && forbids(kind);
        int count = counts[kind.ordinal()];
        if (count < Integer.MAX_VALUE) {
            counts[kind.ordinal()] = count + 1;
        }
        if (count < ControlDialogue.ALERTS_PER_KIND) {
            listener.anomaly(kind, position, detail);
        }
    }

    /** Another address in a passive reply is what NAT does; it is a violation if policy says so. */
    private boolean forbids(Anomaly kind) {
        return kind == Anomaly.ADDRESS_MISMATCH
                ? policy.passiveAddress() == PassiveAddress.REFUSE
                : VIOLATIONS.contains(kind);
    }

    int count(Anomaly kind) {
        return counts[kind.ordinal()];
    }

    boolean violated() {
        return violated;
    }
}
