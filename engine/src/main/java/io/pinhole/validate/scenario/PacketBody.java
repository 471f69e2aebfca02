package io.pinhole.validate.scenario;

import org.jspecify.annotations.Nullable;

/** What a packet line sends behind the addresses. */
public sealed interface PacketBody {
    /**
     * A TCP segment.
     *
     * @param flags as in the header
     * @param sequence relative to the sender's initial sequence number; null for what the sender
     *     would send next
     * @param acknowledgement the same for the other side's; null for all that arrived
     * @param window as in the header; null for 64,240
     */
    record Tcp(
            int flags,
            Data data,
            @Nullable Long sequence,
            @Nullable Long acknowledgement,
            @Nullable Integer window)
            implements PacketBody {}

    record Udp(Data data) implements PacketBody {}

    /**
     * An ICMP or ICMPv6 message, as the addresses say.
     *
     * @param id identifier of a query
     * @param about the packet an error quotes: the last one sent from one end point to the other
     */
    record Icmp(int type, int code, int id, @Nullable About about) implements PacketBody {}

    /** {@code about A:PORT -> B:PORT}; both null for {@code about connection}. */
    record About(@Nullable Endpoint from, @Nullable Endpoint to, boolean udp) {}

    /** Any other IP protocol. */
    record Other(int protocol, Data data) implements PacketBody {}
}
