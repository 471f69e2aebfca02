package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Writes a pcap file, version 2.4, little-endian, one link type. One thread.
 *
 * @see <a href="https://www.tcpdump.org/manpages/pcap-savefile.5.html">pcap-savefile(5)</a>
 */
public final class PcapWriter implements AutoCloseable {
    /** What a time stamp counts after the second. */
    public enum Precision {
        MICROS(PcapReader.MAGIC_MICROS, 1000),
        NANOS(PcapReader.MAGIC_NANOS, 1);

        private final int magic;
        private final int nanosPerUnit;

        Precision(int magic, int nanosPerUnit) {
            this.magic = magic;
            this.nanosPerUnit = nanosPerUnit;
        }
    }

    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final long MAX_SECONDS = 0xffff_ffffL;

    private final LittleEndianOutput out;
    private final LinkType linkType;
    private final Precision precision;

    /**
     * Writes the file header.
     *
     * @param out closed with this writer
     */
    public PcapWriter(OutputStream out, LinkType linkType, Precision precision) throws IOException {
        this.out = new LittleEndianOutput(out);
        this.linkType = linkType;
        this.precision = precision;
        this.out
                .i32(precision.magic)
                .i16(2)
                .i16(4)
                .i64(0)
                .i32(FormatReader.MAX_CAPTURED)
                .i32(linkType.number());
    }

    /**
     * Writes one packet: its bytes (at most 262,144 of them, as every reader allows), both lengths
     * and its time. A time before 1970 or after 2106 becomes the nearest that the format holds.
     *
     * @throws IllegalArgumentException if its link type is not this file's
     */
    public void write(CapturedPacket packet) throws IOException {
        if (packet.unsupportedLink || packet.linkType != linkType) {
            throw new IllegalArgumentException(
                    "a packet of link type %d cannot go into a pcap file of %s"
                            .formatted(packet.linkNumber, linkType));
        }
        int captured = Math.min(packet.capturedLength, FormatReader.MAX_CAPTURED);
        long nanos = Math.clamp(packet.timeNanos, 0, (MAX_SECONDS + 1) * NANOS_PER_SECOND - 1);
        out.i32((int) (nanos / NANOS_PER_SECOND))
                .i32((int) (nanos % NANOS_PER_SECOND / precision.nanosPerUnit))
                .i32(captured)
                .i32(packet.wireLength)
                .bytes(packet.data, packet.offset, captured);
    }

    /** Hands everything written so far to the stream. */
    public void flush() throws IOException {
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
