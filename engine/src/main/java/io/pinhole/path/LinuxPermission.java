package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.expect.Expectation;

/** An expectation as nf_conntrack_ftp makes it: it lives as long as its control flow's entry. */
final class LinuxPermission extends Expectation {
    private final FlowKey parent;

    LinuxPermission(
            FlowKey parent,
            IpAddress source,
            IpAddress destination,
            int destinationPort,
            long deadlineNanos) {
        super(source, 0, destination, destinationPort, deadlineNanos);
        this.parent = parent;
    }

    /** The control flow, from client to server. */
    FlowKey parent() {
        return parent;
    }
}
