package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads pcap files: microseconds and nanoseconds, either byte order, version 2.0 to 2.4 and later
 * 2.x, and the "modified" records of Kuznetzov's libpcap (24 bytes instead of 16).
 *
 * <p>Nothing is allocated for a packet.
 *
 * @see <a href="https://www.tcpdump.org/manpages/pcap-savefile.5.html">pcap-savefile(5)</a>
 * @see <a
 *     href="https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/">draft-ietf-opsawg-pcap</a>
 */
final class PcapReader implements FormatReader {
    static final int MAGIC_MICROS = 0xa1b2c3d4;
    static final int MAGIC_NANOS = 0xa1b23c4d;
    static final int MAGIC_MODIFIED = 0xa1b2cd34;
    static final int FILE_HEADER = 24;

    // File header.
    private static final int VERSION_MAJOR = 4;
    private static final int VERSION_MINOR = VERSION_MAJOR + 2;
    private static final int SNAP_LENGTH = VERSION_MINOR + 2 + 8;
    private static final int NETWORK = SNAP_LENGTH + 4;

    // Record header.
    private static final int FRACTION = 4;
    private static final int CAPTURED = FRACTION + 4;
    private static final int ORIGINAL = CAPTURED + 4;
    private static final int RECORD_HEADER = ORIGINAL + 4;
    private static final int MODIFIED_PACKET_TYPE = RECORD_HEADER + 4 + 2;
    private static final int MODIFIED_RECORD_HEADER = RECORD_HEADER + 8;
    private static final byte PACKET_OUTGOING = 4; // if_packet.h

    // What libpcap takes for the link type; above it stand the frame check sequence's fields.
    private static final int LINK_TYPE_MASK = 0x03ff_ffff;

    private final String name;
    private final Window window;
    private final boolean swapped;
    private final int nanosPerUnit;
    private final int timeDigits;
    private final boolean modified;
    private final int recordHeader;
    private final LengthOrder lengthOrder;
    private final int maxCaptured;
    private final LinkType linkType;
    private final int linkNumber;
    private long packets;
    private boolean done;

    /** Which of a record's two lengths comes first: tools before version 2.4 disagreed. */
    private enum LengthOrder {
        CAPTURED_FIRST,
        ORIGINAL_FIRST,
        /** The smaller one is what was captured. */
        SMALLER_IS_CAPTURED
    }

    private PcapReader(String name, Window window, int magic, boolean swapped)
            throws CaptureException {
        this.name = name;
        this.window = window;
        this.swapped = swapped;
        nanosPerUnit = magic == MAGIC_NANOS ? 1 : 1000;
        timeDigits = magic == MAGIC_NANOS ? 9 : 6;
        modified = magic == MAGIC_MODIFIED;
        recordHeader = modified ? MODIFIED_RECORD_HEADER : RECORD_HEADER;
        MemorySegment header = window.segment();
        long at = window.at();
        int major = u16(header, at + VERSION_MAJOR);
        int minor = u16(header, at + VERSION_MINOR);
        if (major != 2) {
            throw FormatReader.unreadable(
                    name,
                    window,
                    "pcap version %d.%d is not supported; supported: 2.x".formatted(major, minor));
        }
        lengthOrder =
                minor < 3
                        ? LengthOrder.ORIGINAL_FIRST
                        : minor == 3 ? LengthOrder.SMALLER_IS_CAPTURED : LengthOrder.CAPTURED_FIRST;
        maxCaptured =
                FormatReader.maxCaptured(Integer.toUnsignedLong(i32(header, at + SNAP_LENGTH)));
        linkNumber = i32(header, at + NETWORK) & LINK_TYPE_MASK;
        LinkType known = LinkType.of(linkNumber);
        if (known == null) {
            throw FormatReader.unreadable(name, window, LinkNames.unsupported(linkNumber));
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

    /**
     * Reads the file header.
     *
     * @param window stands at a magic number that {@link #isMagic} knows
     * @throws CaptureException {@code UNREADABLE} if the header is cut short, of an unknown version
     *     or of a link type that cannot be read
     */
    static PcapReader open(String name, Window window) throws CaptureException {
        if (!window.has(FILE_HEADER)) {
            throw FormatReader.unreadable(
                    name, window, Text.cutShort("pcap header", 0, FILE_HEADER, window.available()));
        }
        int first = window.segment().get(Window.I32, window.at());
        boolean swapped = !isNativeMagic(first);
        return new PcapReader(name, window, swapped ? Integer.reverseBytes(first) : first, swapped);
    }

    @Override
    public boolean next(CapturedPacket into) throws CaptureException {
        if (done) {
            return false;
        }
        Window bytes = window;
        if (!bytes.has(recordHeader)) {
            return end();
        }
        MemorySegment segment = bytes.segment();
        long at = bytes.at();
        int captured = i32(segment, at + CAPTURED);
        int original = i32(segment, at + ORIGINAL);
        if (lengthOrder != LengthOrder.CAPTURED_FIRST && isOldOrder(captured, original)) {
            int first = captured;
            captured = original;
            original = first;
        }
        if (captured < 0 || captured > maxCaptured) {
            throw impossible(captured);
        }
        if (!bytes.has((long) recordHeader + captured)) {
            throw cutShort((long) recordHeader + captured);
        }
        segment = bytes.segment();
        at = bytes.at();
        into.data = segment;
        into.offset = at + recordHeader;
        into.capturedLength = captured;
        into.wireLength = FormatReader.wireLength(captured, original);
        into.timeNanos =
                Integer.toUnsignedLong(i32(segment, at)) * 1_000_000_000L
                        + Integer.toUnsignedLong(i32(segment, at + FRACTION)) * nanosPerUnit;
        into.number = ++packets;
        into.linkType = linkType;
        into.linkNumber = linkNumber;
        into.unsupportedLink = false;
        into.interfaceName = null;
        into.outbound =
                modified
                        && segment.get(ValueLayout.JAVA_BYTE, at + MODIFIED_PACKET_TYPE)
                                == PACKET_OUTGOING;
        into.timeDigits = timeDigits;
        bytes.advance((long) recordHeader + captured);
        return true;
    }

    private boolean isOldOrder(int first, int second) {
        return lengthOrder == LengthOrder.ORIGINAL_FIRST
                || Integer.compareUnsigned(first, second) > 0;
    }

    private boolean end() throws CaptureException {
        done = true;
        if (window.available() > 0) {
            throw cutShort(recordHeader);
        }
        if (window.failure() != null) {
            throw FormatReader.damaged(
                    name,
                    window,
                    "input ends after packet %d, byte %d".formatted(packets, window.offset()));
        }
        return false;
    }

    private CaptureException cutShort(long needed) {
        done = true;
        return FormatReader.damaged(
                name,
                window,
                Text.cutShort(
                        "packet " + (packets + 1), window.offset(), needed, window.available()));
    }

    private CaptureException impossible(int captured) {
        done = true;
        return FormatReader.damaged(
                name,
                window,
                "impossible length: packet %d at byte %d claims %d bytes, at most %d are possible"
                        .formatted(
                                packets + 1,
                                window.offset(),
                                Integer.toUnsignedLong(captured),
                                maxCaptured));
    }

    private int i32(MemorySegment segment, long at) {
        int value = segment.get(Window.I32, at);
        return swapped ? Integer.reverseBytes(value) : value;
    }

    private int u16(MemorySegment segment, long at) {
        short value = segment.get(Window.I16, at);
        return Short.toUnsignedInt(swapped ? Short.reverseBytes(value) : value);
    }

    @Override
    public Window window() {
        return window;
    }
}
