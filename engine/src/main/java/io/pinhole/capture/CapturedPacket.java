package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One packet as a source hands it out. Re-used for each packet; its bytes are valid until the
 * source's next call, or longer where they {@linkplain #stays stay}.
 */
public final class CapturedPacket {
    /** The memory that holds the packet. */
    public MemorySegment data = MemorySegment.NULL;

    /**
     * True where the bytes stay where they are until the source gives up the file: they are mapped.
     */
    public boolean stays;

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

    /** Meaningless while {@link #unsupportedLink} is true. */
    public LinkType linkType = LinkType.ETHERNET;

    /** The LINKTYPE_ value that the source gave, whether it can be decoded or not. */
    public int linkNumber = LinkType.ETHERNET.number();

    /** True where {@link #linkNumber} cannot be decoded: the packet counts as undecodable. */
    public boolean unsupportedLink;

    /** Name of the interface, where the file names it (pcapng if_name), else null. */
    public @Nullable String interfaceName;

    /** Name of the interface it left by, where a recording of the gateway says so, else null. */
    public @Nullable String outputName;

    /** What a gateway noted in its recording since the packet before; null where nothing. */
    public @Nullable List<String> notes;

    /** True where the file says that the packet left the host on that interface. */
    public boolean outbound;

    /**
     * Decimal digits of the file's time stamps after the second: 6 or 9 (or what if_tsresol says).
     */
    public int timeDigits = 6;

    /** Becomes the same as another; the bytes themselves are shared. */
    public void set(CapturedPacket other) {
        data = other.data;
        stays = other.stays;
        offset = other.offset;
        capturedLength = other.capturedLength;
        wireLength = other.wireLength;
        timeNanos = other.timeNanos;
        number = other.number;
        file = other.file;
        linkType = other.linkType;
        linkNumber = other.linkNumber;
        unsupportedLink = other.unsupportedLink;
        interfaceName = other.interfaceName;
        outputName = other.outputName;
        notes = other.notes;
        outbound = other.outbound;
        timeDigits = other.timeDigits;
    }
}
