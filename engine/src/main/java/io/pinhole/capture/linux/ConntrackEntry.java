package io.pinhole.capture.linux;

import io.pinhole.core.FlowKey;

/**
 * One entry of the kernel's connection tracking table.
 *
 * @param original the 5-tuple of the first packet as the kernel met it
 * @param reply the 5-tuple of the answer; under address translation not the reverse of {@code
 *     original}
 * @param status bits of enum ip_conntrack_status
 * @param tcpState as in nf_conntrack_tcp.h, 0 if it is not TCP
 * @param mark the connection mark
 * @param originalBytes IP bytes in that direction, -1 where the kernel does not account
 */
public record ConntrackEntry(
        FlowKey original,
        FlowKey reply,
        int status,
        int tcpState,
        int mark,
        long originalPackets,
        long originalBytes,
        long replyPackets,
        long replyBytes) {
    public static final int SEEN_REPLY = 1 << 1;
    public static final int ASSURED = 1 << 2;
    public static final int DYING = 1 << 9;

    /** TCP_CONNTRACK_ESTABLISHED. */
    public static final int TCP_ESTABLISHED = 3;

    /**
     * The flow as packets show it in the forward hook, which lies behind DNAT and before SNAT: from
     * the sender of the original direction to the sender of the reply.
     */
    public FlowKey forwarded() {
        return new FlowKey(
                original.protocol(),
                original.source(),
                original.sourcePort(),
                reply.source(),
                reply.sourcePort());
    }

    public boolean isEstablishedTcp() {
        return original.protocol() == FlowKey.TCP
                && tcpState == TCP_ESTABLISHED
                && (status & ASSURED) != 0
                && (status & DYING) == 0;
    }
}
