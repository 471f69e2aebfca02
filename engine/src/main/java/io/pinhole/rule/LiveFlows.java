package io.pinhole.rule;

/** Says of flows that rules have counted whether they are still open. */
public interface LiveFlows {
    /** Knows of none: each packet is the only one of its kind. */
    LiveFlows NONE = (flow, version, protocol, sh, sl, dh, dl, ports, now) -> false;

    /**
     * True if the flow is in the table and, where it is TCP, neither closed nor waiting to be
     * forgotten (already_closed of nf_conncount.c).
     *
     * @param flow as in {@link PacketFacts#flow}, when a packet of it was last seen
     * @param version 4 or 6
     * @param ports source port above 16 bits of destination port, of the original direction
     * @param nowNanos packet time
     */
    boolean isOpen(
            long flow,
            int version,
            int protocol,
            long sourceHigh,
            long sourceLow,
            long destinationHigh,
            long destinationLow,
            int ports,
            long nowNanos);
}
