package io.pinhole.control.api;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;

/**
 * A pinhole that waits for its connection.
 *
 * @param control from client to server
 * @param mode as in the events: {@code active}, {@code passive}, {@code eprt}, …
 * @param source who may connect, from any port
 */
public record Pinhole(
        FlowKey control,
        String mode,
        IpAddress source,
        IpAddress destination,
        int destinationPort,
        long secondsLeft) {
    /** {@code tcp,198.51.100.7,0,203.0.113.10,50123}: as of a flow whose source port is open. */
    public String id() {
        return Flow.id(FlowKey.tcp(source, 0, destination, destinationPort));
    }
}
