package io.pinhole.control.api;

import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * Which flows; a null or false member does not filter.
 *
 * @param address of either end
 * @param port of either end, 0 for any
 * @param offloaded only those that the kernel carries
 */
public record FlowFilter(@Nullable IpAddress address, int port, boolean offloaded) {
    public static final FlowFilter ALL = new FlowFilter(null, 0, false);
}
