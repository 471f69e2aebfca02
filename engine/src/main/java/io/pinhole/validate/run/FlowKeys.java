package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;

/** Protocol numbers and flow keys for simulated packets. */
final class FlowKeys {
    static final int ICMP = 1;
    static final int UDP = 17;
    static final int ICMPV6 = 58;

    private FlowKeys() {}

    static FlowKey portless(int protocol, IpAddress source, IpAddress destination) {
        return new FlowKey(protocol, source, 0, destination, 0);
    }
}
