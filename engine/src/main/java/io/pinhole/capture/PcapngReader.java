package io.pinhole.capture;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads pcapng files: several sections, each in its own byte order, several interfaces, enhanced,
 * simple and obsolete packet blocks. Other blocks are stepped over by their length.
 *
 * <p>A packet of an interface whose link type cannot be decoded is handed out as such; an interface
 * may yet follow that can. Nothing is allocated for a packet.
 *
 * @see <a href="https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/">
 *     draft-ietf-opsawg-pcapng</a>
 */
final class PcapngReader extends FormatReader {
    static final int SECTION_HEADER = 0x0a0d0d0a; // the same in either byte order
    static final int BYTE_ORDER_MAGIC = 0x1a2b3c4d;
    static final int INTERFACE_DESCRIPTION = 1;
    static final int OBSOLETE_PACKET = 2;
    static final int SIMPLE_PACKET = 3;
    static final int ENHANCED_PACKET = 6;
    static final int CUSTOM = 0x0bad;

    static final int OPTION_END = 0;
    static final int OPTION_COMMENT = 1;
    static final int OPTION_IF_NAME = 2;
    static final int OPTION_IF_RESOLUTION = 9;
    static final int OPTION_IF_OFFSET = 14;
    static final int OPTION_FLAGS = 2; // of enhanced and of obsolete packet blocks
    static final int OUTBOUND = 2;
    static final int OPTION_CUSTOM_TEXT = 2988;

    /** Enterprise number for examples (RFC 5612): whoever writes custom blocks needs one. */
    static final int ENTERPRISE = 32_473;

    /** What a block or option of that number must begin with to be ours: "PINH". */
    static final int NOTE_MAGIC = 0x484e_4950;

    static final String OUTPUT_KEY = "pinhole-out=";
    private static final int DIRECTION_MASK = 3;

    // Every block: type, total length, body, total length again.
    private static final int TOTAL_LENGTH = 4;
    private static final int BODY = TOTAL_LENGTH + 4;
    private static final int TRAILER = 4;
    private static final int MIN_BLOCK = BODY + TRAILER;

    // Section header block.
    private static final int BYTE_ORDER = BODY;
    private static final int MAJOR = BYTE_ORDER + 4;
    private static final int MINOR = MAJOR + 2;
    private static final int SECTION_OPTIONS = MINOR + 2 + 8;

    // Interface description block.
    private static final int LINK_TYPE = BODY;
    private static final int SNAP_LENGTH = LINK_TYPE + 4;
    private static final int INTERFACE_OPTIONS = SNAP_LENGTH + 4;

    // Enhanced packet block; the obsolete one has 16 bits of interface and 16 of drops instead.
    private static final int INTERFACE = BODY;
    private static final int TIME_HIGH = INTERFACE + 4;
    private static final int TIME_LOW = TIME_HIGH + 4;
    private static final int CAPTURED = TIME_LOW + 4;
    private static final int ORIGINAL = CAPTURED + 4;
    private static final int DATA = ORIGINAL + 4;

    // Simple packet block.
    private static final int SIMPLE_ORIGINAL = BODY;
    private static final int SIMPLE_DATA = SIMPLE_ORIGINAL + 4;

    // Custom block with a note of a gateway.
    private static final int NOTE_ENTERPRISE = BODY;
    private static final int NOTE_KIND = NOTE_ENTERPRISE + 4;
    private static final int NOTE_LENGTH = NOTE_KIND + 4;
    private static final int NOTE = NOTE_LENGTH + 4;

    /** Notes between two packets; more come from no gateway. */
    private static final int MAX_NOTES = 65_536;

    /** INITIAL_MAX_BLOCKSIZE of libpcap; here for what stands beside the captured bytes. */
    private static final int MAX_EXTRA = 16 << 20;

    private static final int MAX_INTERFACES = 65_536;

    /** Linux allows 15 bytes, Windows names with a GUID need 50. */
    private static final int MAX_NAME = 255;

    private final List<PcapngInterface> interfaces = new ArrayList<>();
    private @Nullable List<String> notes;
    private long lastTimeNanos;

    /**
     * Reads the first section header.
     *
     * @param window stands at {@link #SECTION_HEADER}
     * @throws CaptureException {@code UNREADABLE} if that header is cut short, inconsistent or of
     *     an unknown version
     */
    PcapngReader(String name, Window window) throws CaptureException {
        super(name, window);
        try {
            readSection();
        } catch (CaptureException e) {
            throw new CaptureException(CaptureException.Kind.UNREADABLE, e.getMessage());
        }
    }

    @Override
    boolean readPacket(CapturedPacket into) throws CaptureException {
        while (window.has(BODY)) {
            int type = i32(window.segment(), window.at());
            if (type == SECTION_HEADER) {
                readSection();
                continue;
            }
            long length = u32(window.segment(), window.at() + TOTAL_LENGTH);
            checkLength(type, length, MIN_BLOCK);
            switch (type) {
                case INTERFACE_DESCRIPTION -> readInterface(length);
                case ENHANCED_PACKET, OBSOLETE_PACKET -> {
                    readStamped(type, length, into);
                    return true;
                }
                case SIMPLE_PACKET -> {
                    readSimple(length, into);
                    return true;
                }
                case CUSTOM -> readCustom(length);
                default -> stepOver(type, length);
            }
        }
        return end("block", BODY);
    }

    /** Enough of a file to see whether a gateway wrote it. */
    static final int HEAD_BYTES = 64 * 1024;

    /**
     * Whether a file of the writer's own byte order has a gateway's note right after its header.
     */
    static boolean beginsWithNote(byte[] head) {
        ByteBuffer bytes = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
        if (head.length < SECTION_OPTIONS || bytes.getInt(0) != SECTION_HEADER) {
            return false;
        }
        int at = bytes.getInt(TOTAL_LENGTH);
        return at >= SECTION_OPTIONS
                && at <= head.length - NOTE
                && bytes.getInt(at) == CUSTOM
                && bytes.getInt(at + NOTE_ENTERPRISE) == ENTERPRISE
                && bytes.getInt(at + NOTE_KIND) == NOTE_MAGIC;
    }

    private void readSection() throws CaptureException {
        if (!window.has(SECTION_OPTIONS)) {
            throw cutShort("section header", SECTION_OPTIONS);
        }
        MemorySegment segment = window.segment();
        long at = window.at();
        int order = segment.get(Window.I32, at + BYTE_ORDER);
        swapped = order != BYTE_ORDER_MAGIC;
        if (i32(segment, at + BYTE_ORDER) != BYTE_ORDER_MAGIC) {
            throw damaged(
                    "section header at byte %d has no byte-order magic".formatted(window.offset()));
        }
        long length = u32(segment, at + TOTAL_LENGTH);
        checkLength(SECTION_HEADER, length, SECTION_OPTIONS + TRAILER);
        int major = u16(segment, at + MAJOR);
        if (major != 1) {
            throw damaged(
                    "pcapng version %d.%d at byte %d is not supported; supported: 1.x"
                            .formatted(major, u16(segment, at + MINOR), window.offset()));
        }
        stepOver(SECTION_HEADER, length);
        interfaces.clear();
    }

    private void readInterface(long length) throws CaptureException {
        checkLength(INTERFACE_DESCRIPTION, length, INTERFACE_OPTIONS + TRAILER);
        requireWhole(INTERFACE_DESCRIPTION, length, MAX_EXTRA);
        if (interfaces.size() == MAX_INTERFACES) {
            throw damaged(
                    "more than %d interfaces in one section, at byte %d"
                            .formatted(MAX_INTERFACES, window.offset()));
        }
        MemorySegment segment = window.segment();
        long at = window.at();
        long from = at + INTERFACE_OPTIONS;
        long to = at + length - TRAILER;
        long resolution = option(from, to, OPTION_IF_RESOLUTION, 1);
        long offset = option(from, to, OPTION_IF_OFFSET, 8);
        interfaces.add(
                new PcapngInterface(
                        u16(segment, at + LINK_TYPE),
                        interfaceName(from, to),
                        outputName(from, to),
                        i32(segment, at + SNAP_LENGTH),
                        resolution < 0
                                ? PcapngInterface.DEFAULT_RESOLUTION
                                : Byte.toUnsignedInt(segment.get(Window.I8, resolution)),
                        offset < 0 ? 0 : i64(segment, offset)));
        window.advance(length);
    }

    /** A note of a gateway; anybody else's block is stepped over. */
    private void readCustom(long length) throws CaptureException {
        if (length < NOTE + TRAILER || length > MAX_EXTRA || !window.has(length)) {
            stepOver(CUSTOM, length);
            return;
        }
        MemorySegment segment = window.segment();
        long at = window.at();
        long bytes = u32(segment, at + NOTE_LENGTH);
        if (i32(segment, at + NOTE_ENTERPRISE) == ENTERPRISE
                && i32(segment, at + NOTE_KIND) == NOTE_MAGIC
                && bytes <= length - NOTE - TRAILER) {
            List<String> list = notes == null ? new ArrayList<>(1) : notes;
            notes = list;
            if (list.size() == MAX_NOTES) {
                throw damaged(
                        "more than %d notes before %s, at byte %d"
                                .formatted(MAX_NOTES, packet(), window.offset()));
            }
            byte[] text = segment.asSlice(at + NOTE, bytes).toArray(Window.I8);
            list.add(new String(text, StandardCharsets.UTF_8));
        }
        stepOver(CUSTOM, length);
    }

    private @Nullable String outputName(long from, long to) throws CaptureException {
        long value = option(from, to, OPTION_CUSTOM_TEXT, -1);
        if (value < 0) {
            return null;
        }
        int length = u16(window.segment(), value - 2);
        if (length < 4 || i32(window.segment(), value) != ENTERPRISE) {
            return null;
        }
        byte[] bytes =
                window.segment()
                        .asSlice(value + 4, Math.min(length - 4, MAX_NAME))
                        .toArray(Window.I8);
        String text = new String(bytes, StandardCharsets.UTF_8);
        return text.startsWith(OUTPUT_KEY) ? text.substring(OUTPUT_KEY.length()) : null;
    }

    private @Nullable String interfaceName(long from, long to) throws CaptureException {
        long value = option(from, to, OPTION_IF_NAME, -1);
        if (value < 0) {
            return null;
        }
        int length = Math.min(MAX_NAME, u16(window.segment(), value - 2));
        byte[] bytes = window.segment().asSlice(value, length).toArray(Window.I8);
        // Some writers count the NUL that ends a C string.
        String name = new String(bytes, StandardCharsets.UTF_8).replace("\0", "");
        return name.isEmpty() ? null : name;
    }

    private void readStamped(int type, long length, CapturedPacket into) throws CaptureException {
        checkLength(type, length, DATA + TRAILER);
        if (!window.has(DATA)) {
            throw cutShort(packet(), length);
        }
        int captured = i32(window.segment(), window.at() + CAPTURED);
        long number =
                type == ENHANCED_PACKET
                        ? u32(window.segment(), window.at() + INTERFACE)
                        : u16(window.segment(), window.at() + INTERFACE);
        PcapngInterface source = source(number);
        requireData(captured, source, length - DATA - TRAILER);
        requireWhole(type, length, MAX_EXTRA + (long) captured);
        MemorySegment segment = window.segment();
        long at = window.at();
        long options = at + DATA + padded(captured);
        long flags = option(options, at + length - TRAILER, OPTION_FLAGS, 4);
        lastTimeNanos =
                source.nanos(u32(segment, at + TIME_HIGH) << 32 | u32(segment, at + TIME_LOW));
        into.outbound = flags >= 0 && (i32(segment, flags) & DIRECTION_MASK) == OUTBOUND;
        hand(source, DATA, captured, i32(segment, at + ORIGINAL), length, into);
    }

    private void readSimple(long length, CapturedPacket into) throws CaptureException {
        checkLength(SIMPLE_PACKET, length, SIMPLE_DATA + TRAILER);
        if (!window.has(SIMPLE_DATA)) {
            throw cutShort(packet(), length);
        }
        PcapngInterface source = source(0);
        int original = i32(window.segment(), window.at() + SIMPLE_ORIGINAL);
        int captured =
                source.snapLength != 0 && Integer.compareUnsigned(source.snapLength, original) < 0
                        ? source.snapLength
                        : original;
        requireData(captured, source, length - SIMPLE_DATA - TRAILER);
        requireWhole(SIMPLE_PACKET, length, MAX_EXTRA + (long) captured);
        into.outbound = false;
        hand(source, SIMPLE_DATA, captured, original, length, into);
    }

    private void hand(
            PcapngInterface source,
            int dataStart,
            int captured,
            int original,
            long blockLength,
            CapturedPacket into) {
        into.data = window.segment();
        into.offset = window.at() + dataStart;
        into.capturedLength = captured;
        into.wireLength = wireLength(captured, original);
        into.timeNanos = lastTimeNanos;
        into.timeDigits = source.timeDigits;
        into.number = ++packets;
        into.linkType = source.linkType;
        into.linkNumber = source.linkNumber;
        into.unsupportedLink = source.unsupportedLink;
        into.interfaceName = source.name;
        into.outputName = source.outputName;
        into.notes = notes;
        notes = null;
        window.advance(blockLength);
    }

    private PcapngInterface source(long number) throws CaptureException {
        if (number >= interfaces.size()) {
            throw damaged(
                    "%s at byte %d is of interface %d, but only %d are described before it"
                            .formatted(packet(), window.offset(), number, interfaces.size()));
        }
        return interfaces.get((int) number);
    }

    private void requireData(int captured, PcapngInterface source, long room)
            throws CaptureException {
        if (captured < 0 || captured > source.maxCaptured) {
            throw impossible(captured, source.maxCaptured);
        }
        if (captured > room) {
            throw damaged(
                    "impossible length: %s at byte %d claims %d bytes, its block holds %d"
                            .formatted(packet(), window.offset(), captured, room));
        }
    }

    private void checkLength(int type, long length, int least) throws CaptureException {
        if (length < least || (length & 3) != 0) {
            throw damaged(
                    ("impossible length: block of type 0x%x at byte %d claims %d bytes,"
                                    + " it takes a multiple of 4 and at least %d")
                            .formatted(type, window.offset(), length, least));
        }
    }

    /** Has the whole block in the window, and its two lengths agree. */
    private void requireWhole(int type, long length, long most) throws CaptureException {
        if (length > most) {
            throw damaged(
                    ("impossible length: block of type 0x%x at byte %d claims %d bytes,"
                                    + " at most %d are possible")
                            .formatted(type, window.offset(), length, most));
        }
        if (!window.has(length)) {
            throw cutShort(
                    type == INTERFACE_DESCRIPTION ? "interface description" : packet(), length);
        }
        checkTrailer(window.at() + length - TRAILER, length, window.offset());
    }

    /** Skips a block whatever its length, without keeping it. */
    private void stepOver(int type, long length) throws CaptureException {
        long start = window.offset();
        if (!window.skip(length - TRAILER) || !window.has(TRAILER)) {
            long left = window.offset() + window.available() - start;
            throw damaged(cutShort("block of type 0x%x".formatted(type), start, length, left));
        }
        checkTrailer(window.at(), length, start);
        window.advance(TRAILER);
    }

    private void checkTrailer(long at, long length, long start) throws CaptureException {
        long repeated = u32(window.segment(), at);
        if (repeated != length) {
            throw damaged(
                    "block at byte %d begins with length %d and ends with length %d"
                            .formatted(start, length, repeated));
        }
    }

    /**
     * Looks for an option between two places in the window.
     *
     * @param valueLength what its value must have in bytes, -1 for any
     * @return where its value starts, -1 if it is not there
     */
    private long option(long from, long to, int code, int valueLength) throws CaptureException {
        MemorySegment segment = window.segment();
        long at = from;
        while (to - at >= 4) {
            int found = u16(segment, at);
            int length = u16(segment, at + 2);
            if (found == OPTION_END) {
                return -1;
            }
            boolean wanted = found == code;
            if (length > to - at - 4 || (wanted && valueLength >= 0 && length != valueLength)) {
                throw damaged(
                        "option %d at byte %d has an impossible length of %d"
                                .formatted(found, window.offset() + at - window.at(), length));
            }
            if (wanted) {
                return at + 4;
            }
            at += 4 + padded(length);
        }
        return -1;
    }

    private static long padded(int length) {
        return length + 3L & ~3L;
    }

    private long i64(MemorySegment segment, long at) {
        long first = u32(segment, at);
        long second = u32(segment, at + 4);
        boolean bigEndian = swapped != Window.NATIVE_BIG_ENDIAN;
        return bigEndian ? first << 32 | second : second << 32 | first;
    }
}
