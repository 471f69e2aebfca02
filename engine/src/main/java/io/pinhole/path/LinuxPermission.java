package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.expect.Expectation;
import org.jspecify.annotations.Nullable;

/** An expectation as nf_conntrack_ftp makes it: it lives as long as its control flow's entry. */
final class LinuxPermission extends Expectation {
    private final FlowKey parent;
    private final @Nullable Pinhole pinhole;

    LinuxPermission(
            FlowKey parent,
            @Nullable Pinhole pinhole,
            IpAddress source,
            IpAddress destination,
            int destinationPort,
            long deadlineNanos) {
        super(source, 0, destination, destinationPort, deadlineNanos);
        this.parent = parent;
        this.pinhole = pinhole;
    }

    /** What the dialogue knows of it; null where Linux read an announcement that was none. */
    @Nullable Pinhole pinhole() {
        return pinhole;
    }

    /** The control flow, from client to server. */
    FlowKey parent() {
        return parent;
    }
}
