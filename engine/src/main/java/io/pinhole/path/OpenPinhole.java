package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * A pinhole that waits for its data connection, as the operator sees it.
 *
 * @param control from client to server
 * @param announcement the line that announced it, printable; null where Linux's helper made it
 * @param source who may connect
 * @param sourcePort from which port; 0 for any
 * @param destination where the connection may lead
 * @param destinationPort 1..65535
 * @param deadlineNanos packet time; closed at or after it
 */
public record OpenPinhole(
        FlowKey control,
        @Nullable String announcement,
        IpAddress source,
        int sourcePort,
        IpAddress destination,
        int destinationPort,
        long deadlineNanos) {
    /** {@code 203.0.113.10 > 198.51.100.7:40001}, with the source port if it matters. */
    @Override
    public String toString() {
        String from = sourcePort == 0 ? source.toString() : FlowKey.endpoint(source, sourcePort);
        return from + " > " + FlowKey.endpoint(destination, destinationPort);
    }
}
