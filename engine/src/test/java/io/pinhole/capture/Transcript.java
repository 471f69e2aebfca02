package io.pinhole.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** What a source hands out, as text: one line a packet, then how it ended. */
final class Transcript {
    private Transcript() {}

    /**
     * Reads a file mapped, through a pipe, through a pipe that gives single bytes, and packed with
     * gzip; the outcome must be the same.
     */
    static List<String> of(byte[] file) {
        List<String> mapped = mapped(file);
        assertThat(piped(new ByteArrayInputStream(file))).as("piped").isEqualTo(mapped);
        assertThat(piped(new Trickle(file))).as("byte by byte").isEqualTo(mapped);
        List<String> packed = mapped(CaptureBytes.gzip(file));
        packed.replaceAll(
                line ->
                        line.replace(
                                "is gzip, but what is inside is no pcap or pcapng",
                                "is no capture file; supported: pcap, pcapng, and either packed"
                                        + " with gzip"));
        assertThat(packed).as("packed").isEqualTo(mapped);
        return mapped;
    }

    static List<String> mapped(byte[] file) {
        try {
            Path path = Files.createTempFile("capture", ".bin");
            try {
                Files.write(path, file);
                return read(List.of(path.toString()), InputStream.nullInputStream());
            } finally {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<String> piped(InputStream stdin) {
        return read(List.of("-"), stdin);
    }

    static List<String> read(List<String> names, InputStream stdin) {
        List<String> lines = new ArrayList<>();
        try (CaptureFiles files = CaptureFiles.open(names, stdin)) {
            CapturedPacket packet = new CapturedPacket();
            for (boolean more = true; more; ) {
                try {
                    more = files.next(packet);
                    lines.add(more ? show(packet) : "end");
                } catch (CaptureException e) {
                    lines.add(show(e));
                }
            }
        } catch (CaptureException e) {
            lines.add(show(e));
        }
        return lines;
    }

    /** {@code file/number time captured/wire link hex}, and {@code if=}, {@code out} if known. */
    static String show(CapturedPacket packet) {
        byte[] bytes =
                packet.data
                        .asSlice(packet.offset, packet.capturedLength)
                        .toArray(ValueLayout.JAVA_BYTE);
        String link =
                packet.unsupportedLink
                        ? "unsupported:" + packet.linkNumber
                        : packet.linkType.name();
        return "%d/%d %s %d/%d %s %s%s%s"
                .formatted(
                        packet.file,
                        packet.number,
                        time(packet),
                        packet.capturedLength,
                        packet.wireLength,
                        link,
                        HexFormat.of().formatHex(bytes),
                        packet.interfaceName == null ? "" : " if=" + packet.interfaceName,
                        packet.outbound ? " out" : "");
    }

    private static String time(CapturedPacket packet) {
        long seconds = Math.floorDiv(packet.timeNanos, 1_000_000_000L);
        long nanos = Math.floorMod(packet.timeNanos, 1_000_000_000L);
        String fraction = "%09d".formatted(nanos);
        if (packet.timeNanos != Long.MAX_VALUE && packet.timeNanos != Long.MIN_VALUE) {
            assertThat(fraction.substring(packet.timeDigits)).as("beyond digits").matches("0*");
        }
        return packet.timeDigits == 0
                ? Long.toString(seconds)
                : seconds + "." + fraction.substring(0, packet.timeDigits);
    }

    /** The kind and the message without the input's name. */
    static String show(CaptureException e) {
        assertThat(e.getMessage()).doesNotContain("\n");
        return e.kind() + e.getMessage().replaceFirst("^.*?(?=: )", "");
    }

    /** Gives one byte a call, as a slow pipe may. */
    static final class Trickle extends ByteArrayInputStream {
        Trickle(byte[] bytes) {
            super(bytes);
        }

        @Override
        public synchronized int read(byte[] into, int from, int length) {
            return super.read(into, from, Math.min(1, length));
        }

        @Override
        public synchronized int available() {
            return 0;
        }
    }
}
