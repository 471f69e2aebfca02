package io.pinhole.validate.run;

import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;

/** Sees every packet of a test once it has its verdict; for writing captures. */
public interface PacketTap {
    PacketTap NONE = (data, length, wire, link, timeNanos, comment) -> {};

    /**
     * @param data holds the frame from its first byte on; valid during the call
     * @param comment verdict and the scenario's line
     */
    void packet(
            MemorySegment data,
            int length,
            int wire,
            LinkType link,
            long timeNanos,
            String comment);
}
