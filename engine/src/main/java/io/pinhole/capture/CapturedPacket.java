package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One packet as a source hands it out. Re-used for each packet; its bytes are valid until the
 * source's next call.
 */
public final class CapturedPacket {
    /** The memory that holds the packet. */
    public MemorySegment data = MemorySegment.NULL;

    /** Offset of the link-layer header in {@link #data}, in bytes. */
    public long offset;

    /** Bytes present at {@link #offset}. */
    public int capturedLength;

    /** Bytes the packet had on the wire; at least {@link #capturedLength} after sanitising. */
    public int wireLength;

    /** Nanoseconds since 1970-01-01T00:00:00Z. */
    public long timeNanos;

    /** 1-based number within its file. */
    public long number;

    /** 0-based index of the file within the run. */
    public int file;

    public LinkType linkType = LinkType.ETHERNET;

    /** Name of the interface, where the file names it (pcapng if_name), else null. */
    public @Nullable String interfaceName;

    /** True where the file says that the packet left the host on that interface. */
    public boolean outbound;

    /** Decimal digits of the file's time stamps after the second: 6 or 9 (or what if_tsresol says). */
    public int timeDigits = 6;
}
