package io.pinhole.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pinhole.capture.PcapWriter.Precision;
import io.pinhole.decode.LinkType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaptureWritersTest {
    private static CapturedPacket packet(String hex, long timeNanos, int timeDigits) {
        CapturedPacket packet = new CapturedPacket();
        byte[] bytes = HexFormat.of().parseHex("ffff" + hex);
        packet.data = MemorySegment.ofArray(bytes);
        packet.offset = 2;
        packet.capturedLength = bytes.length - 2;
        packet.wireLength = packet.capturedLength + 40;
        packet.timeNanos = timeNanos;
        packet.timeDigits = timeDigits;
        return packet;
    }

    private static byte[] pcap(LinkType link, Precision precision, CapturedPacket... packets)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PcapWriter writer = new PcapWriter(bytes, link, precision)) {
            for (CapturedPacket packet : packets) {
                writer.write(packet);
            }
        }
        return bytes.toByteArray();
    }

    @Test
    void pcapIsWhatTheSpecificationSays() throws Exception {
        assertThat(pcap(LinkType.ETHERNET, Precision.MICROS, packet("0a0b0c", 5_000_007_999L, 9)))
                .isEqualTo(
                        CaptureBytes.little()
                                .pcapHeader(CaptureBytes.MICROS, 2, 4, 262_144, 1)
                                .record(5, 7, 3, 43, "0a0b0c")
                                .toArray());
        CapturedPacket raw = packet("45", 5_000_007_999L, 9);
        raw.linkType = LinkType.RAW;
        assertThat(pcap(LinkType.RAW, Precision.NANOS, raw))
                .isEqualTo(
                        CaptureBytes.little()
                                .pcapHeader(CaptureBytes.NANOS, 2, 4, 262_144, 101)
                                .record(5, 7999, 1, 41, "45")
                                .toArray());
    }

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource({
        "-1, 0.000000000",
        "9223372036854775807, 4294967295.999999999",
        "4294967295999999999, 4294967295.999999999",
    })
    void pcapTimesAreClampedToWhatFits(long timeNanos, String time) throws Exception {
        assertThat(
                        Transcript.of(
                                pcap(LinkType.ETHERNET, Precision.NANOS, packet("", timeNanos, 9))))
                .containsExactly("0/1 " + time + " 0/40 ETHERNET ", "end");
    }

    @Test
    void pcapRefusesOtherLinkTypes() {
        CapturedPacket raw = packet("45", 0, 6);
        raw.linkType = LinkType.RAW;
        assertThatThrownBy(() -> pcap(LinkType.ETHERNET, Precision.MICROS, raw))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private record Annotated(CapturedPacket packet, @Nullable String comment) {}

    private static byte[] pcapng(Annotated... packets) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PcapngWriter writer = new PcapngWriter(bytes, "pinhole")) {
            for (Annotated one : packets) {
                writer.write(one.packet, one.comment);
            }
        }
        return bytes.toByteArray();
    }

    @Test
    void pcapngIsWhatTheSpecificationSays() throws Exception {
        CapturedPacket first = packet("0a0b0c", 5_000_007_000L, 6);
        first.interfaceName = "eth0";
        first.outbound = true;
        CaptureBytes none = CaptureBytes.little();
        byte[] expected =
                CaptureBytes.little()
                        .block(
                                0x0a0d0d0a,
                                CaptureBytes.little()
                                        .u32(0x1a2b3c4d)
                                        .u16(1)
                                        .u16(0)
                                        .u64(-1)
                                        .option(4, "pinhole")
                                        .u32(0))
                        .device(
                                1,
                                262_144,
                                CaptureBytes.little().option(2, "eth0").option(9, (byte) 6).u32(0))
                        .enhanced(
                                0,
                                5_000_007,
                                3,
                                43,
                                "0a0b0c",
                                CaptureBytes.little().option(1, "dropped").option(2, 2).u32(0))
                        .device(1, 262_144, CaptureBytes.little().option(9, (byte) 9).u32(0))
                        .enhanced(1, 5_000_007_001L, 1, 41, "0d", none)
                        .toArray();
        assertThat(
                        pcapng(
                                new Annotated(first, "dropped"),
                                new Annotated(packet("0d", 5_000_007_001L, 9), null)))
                .isEqualTo(expected);
    }

    @Test
    void pcapngKeepsWhatTheReaderHandsOut() throws Exception {
        CapturedPacket named = packet("0a0b0c0d0e", 1_700_000_000_123_456_789L, 9);
        named.interfaceName = "größe";
        named.outbound = true;
        CapturedPacket wireless = packet("08", 3_000_000_000L, 0);
        wireless.linkNumber = 105;
        wireless.unsupportedLink = true;
        CapturedPacket cooked = packet("00", -5, 3);
        cooked.linkType = LinkType.LINUX_SLL2;
        cooked.linkNumber = 276;
        assertThat(
                        Transcript.of(
                                pcapng(
                                        new Annotated(named, "x".repeat(70_000)),
                                        new Annotated(wireless, null),
                                        new Annotated(cooked, ""),
                                        new Annotated(named, "é".repeat(40_000)))))
                .containsExactly(
                        "0/1 1700000000.123456789 5/45 ETHERNET 0a0b0c0d0e if=größe out",
                        "0/2 3 1/41 unsupported:105 08",
                        "0/3 0.000 1/41 LINUX_SLL2 00",
                        "0/4 1700000000.123456789 5/45 ETHERNET 0a0b0c0d0e if=größe out",
                        "end");
    }

    @Test
    void longCommentsAreCutBetweenCharacters() throws Exception {
        byte[] file = pcapng(new Annotated(packet("0a", 0, 6), "é".repeat(40_000)));
        String text = new String(file, StandardCharsets.UTF_8);
        assertThat(text.chars().filter(c -> c == 'é').count()).isEqualTo(65_535 / 2);
    }

    @Test
    void bothWritersCutPacketsThatNoReaderTakes() throws Exception {
        CapturedPacket large = packet("00".repeat(262_145), 0, 6);
        for (byte[] file :
                List.of(
                        pcap(LinkType.ETHERNET, Precision.MICROS, large),
                        pcapng(new Annotated(large, null)))) {
            assertThat(Transcript.mapped(file).getFirst())
                    .startsWith("0/1 0.000000 262144/262185 ETHERNET 00");
        }
    }

    @Test
    void moreInterfacesThanASectionHoldsStartANewOne() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PcapngWriter writer = new PcapngWriter(bytes, "pinhole")) {
            CapturedPacket packet = packet("", 0, 6);
            for (int i = 0; i <= 65_536; i++) {
                packet.interfaceName = "if" + i;
                writer.write(packet, null);
            }
        }
        assertThat(Transcript.mapped(bytes.toByteArray()))
                .hasSize(65_538)
                .endsWith("0/65537 0.000000 0/40 ETHERNET  if=if65536", "end");
    }

    @Test
    void notesComeBackWithThePacketThatFollows() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CapturedPacket first = packet("0a", 1, 9);
        first.interfaceName = "eth0";
        first.outputName = "eth1";
        try (PcapngWriter writer = new PcapngWriter(bytes, "test")) {
            writer.note("begin");
            writer.note("ein Vermerk: \u00fc\u20ac");
            writer.write(first, null);
            writer.write(first, null);
            writer.note("x".repeat(100_000));
            first.outputName = null;
            writer.write(first, null);
        }
        java.nio.file.Path file = java.nio.file.Files.createTempFile("notes", ".pcapng");
        try (CaptureFiles files =
                CaptureFiles.open(
                        List.of(java.nio.file.Files.write(file, bytes.toByteArray()).toString()),
                        System.in)) {
            CapturedPacket read = new CapturedPacket();
            assertThat(files.next(read)).isTrue();
            assertThat(read.notes).containsExactly("begin", "ein Vermerk: \u00fc\u20ac");
            assertThat(read.interfaceName).isEqualTo("eth0");
            assertThat(read.outputName).isEqualTo("eth1");
            assertThat(files.next(read)).isTrue();
            assertThat(read.notes).isNull();
            assertThat(files.next(read)).isTrue();
            assertThat(read.notes).containsExactly("x".repeat(100_000));
            assertThat(read.outputName).isNull();
        } finally {
            java.nio.file.Files.delete(file);
        }
    }
}
