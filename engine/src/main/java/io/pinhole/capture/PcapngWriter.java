package io.pinhole.capture;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a pcapng file, little-endian: a section header, an interface description for each
 * interface as its first packet comes, and enhanced packet blocks. Packets keep their link type,
 * interface name, direction and precision. One thread.
 *
 * @see <a href="https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/">
 *     draft-ietf-opsawg-pcapng</a>
 */
public final class PcapngWriter implements AutoCloseable {
    private static final int OPTION_APPLICATION = 4; // shb_userappl
    private static final int MAX_OPTION = 65_535;

    /** Largest note written, in bytes: as large as a rule set may well be. */
    private static final int MAX_NOTE = 8 << 20;

    /** As many as the reader takes in one section; then a new section starts. */
    private static final int MAX_INTERFACES = 65_536;

    private record Interface(
            int linkNumber, @Nullable String name, @Nullable String output, int timeDigits) {}

    private final LittleEndianOutput out;
    private final byte[] application = new byte[MAX_OPTION];
    private final int applicationLength;
    private final CharsetEncoder utf8 =
            StandardCharsets.UTF_8
                    .newEncoder()
                    .onMalformedInput(CodingErrorAction.REPLACE)
                    .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private final byte[] text = new byte[MAX_OPTION];
    private final Map<Interface, Integer> interfaces = new HashMap<>();

    /**
     * Writes the section header.
     *
     * @param out closed with this writer
     * @param application name and version of the program, for the file's shb_userappl
     */
    public PcapngWriter(OutputStream out, String application) throws IOException {
        this.out = new LittleEndianOutput(out);
        applicationLength = encode(application, this.application);
        startSection();
    }

    /**
     * Writes one packet: its bytes (at most 262,144 of them, as every reader allows), both lengths,
     * its time and direction. A time before 1970 becomes 1970.
     *
     * @param comment shown with the packet (opt_comment); what exceeds 65,535 bytes of UTF-8 is cut
     */
    public void write(CapturedPacket packet, @Nullable String comment) throws IOException {
        int id = interfaceOf(packet);
        int captured = Math.min(packet.capturedLength, FormatReader.MAX_CAPTURED);
        int commentLength = comment == null ? 0 : encode(comment, text);
        int options = (packet.outbound ? 8 : 0) + (comment == null ? 0 : option(commentLength));
        if (options > 0) {
            options += 4;
        }
        int length = 32 + padded(captured) + options;
        long time = Math.max(0, packet.timeNanos) / nanosPerUnit(packet.timeDigits);
        out.i32(PcapngReader.ENHANCED_PACKET)
                .i32(length)
                .i32(id)
                .i32((int) (time >>> 32))
                .i32((int) time)
                .i32(captured)
                .i32(packet.wireLength)
                .bytes(packet.data, packet.offset, captured)
                .pad(captured);
        if (comment != null) {
            writeOption(PcapngReader.OPTION_COMMENT, text, commentLength);
        }
        if (packet.outbound) {
            out.i16(PcapngReader.OPTION_FLAGS).i16(4).i32(PcapngReader.OUTBOUND);
        }
        if (options > 0) {
            out.i32(PcapngReader.OPTION_END);
        }
        out.i32(length);
    }

    private int interfaceOf(CapturedPacket packet) throws IOException {
        Interface wanted =
                new Interface(
                        packet.linkNumber,
                        packet.interfaceName,
                        packet.outputName,
                        packet.timeDigits);
        Integer known = interfaces.get(wanted);
        if (known != null) {
            return known;
        }
        if (interfaces.size() == MAX_INTERFACES) {
            interfaces.clear();
            startSection();
        }
        writeInterface(wanted);
        int id = interfaces.size();
        interfaces.put(wanted, id);
        return id;
    }

    private void startSection() throws IOException {
        int length = 28 + option(applicationLength) + 4;
        out.i32(PcapngReader.SECTION_HEADER)
                .i32(length)
                .i32(PcapngReader.BYTE_ORDER_MAGIC)
                .i16(1)
                .i16(0)
                .i64(-1);
        writeOption(OPTION_APPLICATION, application, applicationLength);
        out.i32(PcapngReader.OPTION_END).i32(length);
    }

    private void writeInterface(Interface described) throws IOException {
        String name = described.name;
        String output = described.output;
        byte[] custom = output == null ? new byte[0] : outputOption(output);
        int nameLength = name == null ? 0 : encode(name, text);
        int length =
                20
                        + (name == null ? 0 : option(nameLength))
                        + option(1)
                        + (output == null ? 0 : option(custom.length))
                        + 4;
        out.i32(PcapngReader.INTERFACE_DESCRIPTION)
                .i32(length)
                .i16(described.linkNumber)
                .i16(0)
                .i32(FormatReader.MAX_CAPTURED);
        if (name != null) {
            writeOption(PcapngReader.OPTION_IF_NAME, text, nameLength);
        }
        writeOption(PcapngReader.OPTION_IF_RESOLUTION, new byte[] {(byte) described.timeDigits}, 1);
        if (output != null) {
            writeOption(PcapngReader.OPTION_CUSTOM_TEXT, custom, custom.length);
        }
        out.i32(PcapngReader.OPTION_END).i32(length);
    }

    /** Which interface the packets leave by, in an option of our own. */
    private static byte[] outputOption(String output) {
        byte[] value = (PcapngReader.OUTPUT_KEY + output).getBytes(StandardCharsets.UTF_8);
        ByteBuffer option = ByteBuffer.allocate(4 + value.length).order(ByteOrder.LITTLE_ENDIAN);
        return option.putInt(PcapngReader.ENTERPRISE).put(value).array();
    }

    /**
     * Writes what is no packet, in a custom block that other programs step over; {@link
     * CapturedPacket#notes} brings it back with the packet that follows.
     *
     * @throws IllegalArgumentException if it is longer than 8 MiB
     */
    public void note(String note) throws IOException {
        byte[] bytes = note.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_NOTE) {
            throw new IllegalArgumentException("a note of " + bytes.length + " bytes");
        }
        int length = 24 + padded(bytes.length);
        out.i32(PcapngReader.CUSTOM)
                .i32(length)
                .i32(PcapngReader.ENTERPRISE)
                .i32(PcapngReader.NOTE_MAGIC)
                .i32(bytes.length)
                .bytes(bytes, bytes.length)
                .pad(bytes.length)
                .i32(length);
    }

    private void writeOption(int code, byte[] value, int length) throws IOException {
        out.i16(code).i16(length).bytes(value, length).pad(length);
    }

    private static int option(int valueLength) {
        return 4 + padded(valueLength);
    }

    private static int padded(int length) {
        return length + 3 & ~3;
    }

    /** Never splits a character. */
    private int encode(String value, byte[] into) {
        ByteBuffer bytes = ByteBuffer.wrap(into);
        utf8.reset().encode(CharBuffer.wrap(value), bytes, true);
        return bytes.position();
    }

    private static long nanosPerUnit(int timeDigits) {
        long nanos = 1;
        for (int i = timeDigits; i < 9; i++) {
            nanos *= 10;
        }
        return nanos;
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
