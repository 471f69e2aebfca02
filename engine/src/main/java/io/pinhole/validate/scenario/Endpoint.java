package io.pinhole.validate.scenario;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * A host and perhaps a port, as a line names them.
 *
 * @param name as written: a host's name or an address
 * @param address null for {@code any}
 * @param port {@link #NO_PORT} where none is written
 */
public record Endpoint(String name, @Nullable IpAddress address, int port) {
    public static final int NO_PORT = -1;

    public boolean hasPort() {
        return port != NO_PORT;
    }

    /** As a person writes it. */
    @Override
    public String toString() {
        if (!hasPort()) {
            return name;
        }
        IpAddress literal = IpAddress.parse(name);
        return literal == null ? name + ":" + port : FlowKey.endpoint(literal, port);
    }
}
