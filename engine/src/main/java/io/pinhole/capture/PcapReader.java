package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads pcap files: microseconds and nanoseconds, either byte order, any version 2, and the
 * "modified" records of Kuznetzov's libpcap (24 bytes instead of 16).
 *
 * <p>Nothing is allocated for a packet.
 *
 * @see <a href="https://www.tcpdump.org/manpages/pcap-savefile.5.html">pcap-savefile(5)</a>
 * @see <a href="https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/">
 *     draft-ietf-opsawg-pcap</a>
 */
final class PcapReader extends FormatReader {
    static final int MAGIC_MICROS = 0xa1b2c3d4;
    static final int MAGIC_NANOS = 0xa1b23c4d;
    static final int MAGIC_MODIFIED = 0xa1b2cd34;

    // File header; between MINOR and SNAP_LENGTH lie two reserved fields of four bytes.
    private static final int MAJOR = 4;
    private static final int MINOR = MAJOR + 2;
    private static final int SNAP_LENGTH = MINOR + 2 + 8;
    private static final int NETWORK = SNAP_LENGTH + 4;
    static final int FILE_HEADER = NETWORK + 4;

    // Record header.
    private static final int SECONDS = 0;
    private static final int FRACTION = SECONDS + 4;
    private static final int CAPTURED = FRACTION + 4;
    private static final int ORIGINAL = CAPTURED + 4;
    private static final int RECORD_HEADER = ORIGINAL + 4;
    // Modified records go on with interface index, protocol, packet type and padding.
    private static final int PACKET_TYPE = RECORD_HEADER + 4 + 2;
    private static final int MODIFIED_RECORD_HEADER = PACKET_TYPE + 2;
    private static final byte PACKET_OUTGOING = 4; // linux/if_packet.h

    // What libpcap takes for the link type; above it stand the frame check sequence's fields.
    private static final int LINK_TYPE_MASK = 0x03ff_ffff;

    private final int nanosPerUnit;
    private final int timeDigits;
    private final boolean modified;
    private final int recordHeader;
    private final LengthOrder lengthOrder;
    private final int maxCaptured;
    private final LinkType linkType;
    private final int linkNumber;

    /** Which of a record's two lengths comes first: tools before version 2.4 disagreed. */
    private enum LengthOrder {
        CAPTURED_FIRST,
        ORIGINAL_FIRST,
        /** The smaller one is what was captured. */
        SMALLER_IS_CAPTURED
    }

    /**
     * Reads the file header.
     *
     * @param window stands at a magic number that {@link #isMagic} knows
     * @throws CaptureException {@code UNREADABLE} if the header is cut short, of an unknown version
     *     or of a link type that cannot be decoded
     */
    PcapReader(String name, Window window) throws CaptureException {
        super(name, window);
        if (!window.has(FILE_HEADER)) {
            throw unreadable(cutShort("pcap header", 0, FILE_HEADER, window.available()));
        }
        MemorySegment header = window.segment();
        long at = window.at();
        swapped = !isNativeMagic(header.get(Window.I32, at));
        int magic = i32(header, at);
        nanosPerUnit = magic == MAGIC_NANOS ? 1 : 1000;
        timeDigits = magic == MAGIC_NANOS ? 9 : 6;
        modified = magic == MAGIC_MODIFIED;
        recordHeader = modified ? MODIFIED_RECORD_HEADER : RECORD_HEADER;
        int major = u16(header, at + MAJOR);
        int minor = u16(header, at + MINOR);
        if (major != 2) {
            throw unreadable(
                    "pcap version %d.%d is not supported; supported: 2.x".formatted(major, minor));
        }
        lengthOrder =
                switch (minor) {
                    case 0, 1, 2 -> LengthOrder.ORIGINAL_FIRST;
                    case 3 -> LengthOrder.SMALLER_IS_CAPTURED;
                    default -> LengthOrder.CAPTURED_FIRST;
                };
        maxCaptured = maxCaptured(i32(header, at + SNAP_LENGTH));
        linkNumber = i32(header, at + NETWORK) & LINK_TYPE_MASK;
        LinkType known = LinkType.of(linkNumber);
        if (known == null) {
            throw unreadable(LinkNames.unsupported(linkNumber));
        }
        linkType = known;
        window.advance(FILE_HEADER);
    }

    /** Whether a file that starts with these four bytes, read in native order, is pcap. */
    static boolean isMagic(int first) {
        return isNativeMagic(first) || isNativeMagic(Integer.reverseBytes(first));
    }

    private static boolean isNativeMagic(int magic) {
        return magic == MAGIC_MICROS || magic == MAGIC_NANOS || magic == MAGIC_MODIFIED;
    }

    @Override
    boolean readPacket(CapturedPacket into) throws CaptureException {
        if (!window.has(recordHeader)) {
            return end(packet(), recordHeader);
        }
        MemorySegment segment = window.segment();
        long at = window.at();
        int captured = i32(segment, at + CAPTURED);
        int original = i32(segment, at + ORIGINAL);
        if (lengthOrder != LengthOrder.CAPTURED_FIRST && isOriginalFirst(captured, original)) {
            int second = original;
            original = captured;
            captured = second;
        }
        if (captured < 0 || captured > maxCaptured) {
            throw impossible(captured, maxCaptured);
        }
        long length = (long) recordHeader + captured;
        if (!window.has(length)) {
            throw cutShort(packet(), length);
        }
        segment = window.segment();
        at = window.at();
        into.data = segment;
        into.offset = at + recordHeader;
        into.capturedLength = captured;
        into.wireLength = wireLength(captured, original);
        into.timeNanos =
                u32(segment, at + SECONDS) * 1_000_000_000L
                        + u32(segment, at + FRACTION) * nanosPerUnit;
        into.timeDigits = timeDigits;
        into.number = ++packets;
        into.linkType = linkType;
        into.linkNumber = linkNumber;
        into.unsupportedLink = false;
        into.interfaceName = null;
        into.outputName = null;
        into.notes = null;
        into.outbound =
                modified && segment.get(ValueLayout.JAVA_BYTE, at + PACKET_TYPE) == PACKET_OUTGOING;
        window.advance(length);
        return true;
    }

    private boolean isOriginalFirst(int first, int second) {
        return lengthOrder == LengthOrder.ORIGINAL_FIRST
                || Integer.compareUnsigned(first, second) > 0;
    }
}
