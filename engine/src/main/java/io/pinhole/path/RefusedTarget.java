package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.expect.Expectation;
import io.pinhole.rule.RuleOrigin;
import org.jspecify.annotations.Nullable;

/**
 * An end point that was announced and to which no pinhole leads. It permits nothing: whoever goes
 * there all the same is told of, because this is the connection that an attacker, or a client
 * behind a server with a wrong address, has been waiting for.
 */
final class RefusedTarget extends Expectation {
    final ControlSession session;
    final Anomaly why;
    private int toldPort = -1;

    /** Told by whoever merges the shards: the connection is not between the session's hosts. */
    boolean elsewhere;

    RefusedTarget(
            ControlSession session,
            Anomaly why,
            IpAddress source,
            IpAddress destination,
            int destinationPort,
            long deadlineNanos) {
        super(source, 0, destination, destinationPort, deadlineNanos);
        this.session = session;
        this.why = why;
    }

    /** True once for each connection; a repeated SYN is none of its own. */
    boolean isNew(int sourcePort) {
        boolean news = sourcePort != toldPort;
        toldPort = sourcePort;
        return news;
    }

    /**
     * What to say of the connection that came.
     *
     * @param rule null if it has no verdict yet
     */
    static String detail(boolean passed, @Nullable RuleOrigin rule) {
        return "connection to that end point"
                + (rule == null ? "" : (passed ? " accepted by " : " dropped by ") + rule.text());
    }
}
