package io.pinhole.validate.scenario;

import io.pinhole.rule.SourcePos;

/**
 * {@code never A -> B:PORT} or {@code always A -> B:PORT}: of all packets that open a connection,
 * whatever was said before.
 *
 * @param never false for {@code always}
 * @param from address null for any host
 * @param to address null for any host; without a port: any
 * @param protocol IP protocol number
 */
public record Claim(boolean never, Endpoint from, Endpoint to, int protocol, SourcePos at) {
    /** As a person writes it. */
    @Override
    public String toString() {
        return (never ? "never " : "always ")
                + from
                + " -> "
                + to
                + (protocol == 6 ? "" : protocol == 17 ? " udp" : " protocol " + protocol);
    }
}
