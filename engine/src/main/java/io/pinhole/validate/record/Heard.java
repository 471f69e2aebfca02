package io.pinhole.validate.record;

import io.pinhole.core.FlowKey;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.path.OpenPinhole;
import io.pinhole.validate.scenario.Bytes;
import io.pinhole.validate.scenario.Expected;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One packet of a capture and what became of it. The verdict of a fragment comes later than the
 * packet, so that is filled in afterwards.
 */
final class Heard {
    final long number;
    final long timeNanos;
    final LinkType link;
    final Bytes frame;
    final int wireLength;

    /** Null if it is no whole TCP segment with a good checksum: then only the frame tells it. */
    final @Nullable Segment segment;

    /** What the rules said; null where nothing is filtered. */
    @Nullable Expected expected;

    /** Pinholes that were not there before this packet. */
    List<OpenPinhole> opened = List.of();

    /** A TCP segment; numbers as on the wire. */
    record Segment(FlowKey flow, int flags, int sequence, int acknowledgement, Bytes payload) {
        boolean has(int bits) {
            return (flags & bits) == bits;
        }

        /** Sequence numbers it takes. */
        long length() {
            return (long) payload.length() + (has(1) ? 1 : 0) + (has(2) ? 1 : 0);
        }
    }

    Heard(
            long number,
            long timeNanos,
            LinkType link,
            Bytes frame,
            int wireLength,
            @Nullable Segment segment) {
        this.number = number;
        this.timeNanos = timeNanos;
        this.link = link;
        this.frame = frame;
        this.wireLength = wireLength;
        this.segment = segment;
    }

    boolean accepted() {
        Expected e = expected;
        return e != null && e.verdict() == Verdict.ACCEPT;
    }
}
