package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.expect.Expectation;
import io.pinhole.flow.FlowTable;

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

    /** The handle of the control flow, or {@code FlowTable.NONE}. */
    long parent(FlowTable flows4, FlowTable flows6, long now) {
        FlowTable t = parent.source().isV4() ? flows4 : flows6;
        return t.find(
                parent.protocol(),
                parent.source().high(),
                parent.source().low(),
                parent.sourcePort(),
                parent.destination().high(),
                parent.destination().low(),
                parent.destinationPort(),
                now);
    }
}
