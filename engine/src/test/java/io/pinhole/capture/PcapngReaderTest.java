package io.pinhole.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PcapngReaderTest {
    private static final int FLAGS = 2;

    private static CaptureBytes file() {
        return CaptureBytes.little().section().ethernet();
    }

    private static CaptureBytes options() {
        return CaptureBytes.little();
    }

    static Stream<ByteOrder> orders() {
        return Stream.of(LITTLE_ENDIAN, BIG_ENDIAN);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("orders")
    void readsAllThreeKindsOfPacket(ByteOrder order) {
        CaptureBytes name = CaptureBytes.in(order).option(2, "eth0").u32(0);
        CaptureBytes flags = CaptureBytes.in(order).option(1, "hello").option(FLAGS, 2).u32(0);
        byte[] file =
                CaptureBytes.in(order)
                        .section()
                        .device(1, 3, name)
                        .device(276, 0, CaptureBytes.in(order))
                        .enhanced(0, 5_000_007, 3, 60, "0a0b0c")
                        .enhanced(1, 6_000_000, 4, 4, "01020304", flags)
                        .simple(60, "0a0b0c")
                        .simple(2, "0a0b")
                        .obsolete(1, 7_000_000, 1, 1, "0d", 2)
                        .obsolete(0, 8_000_000, 1, 1, "0e", 1)
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 5.000007 3/60 ETHERNET 0a0b0c if=eth0",
                        "0/2 6.000000 4/4 LINUX_SLL2 01020304 out",
                        "0/3 6.000000 3/60 ETHERNET 0a0b0c if=eth0",
                        "0/4 6.000000 2/2 ETHERNET 0a0b if=eth0",
                        "0/5 7.000000 1/1 LINUX_SLL2 0d out",
                        "0/6 8.000000 1/1 ETHERNET 0e if=eth0",
                        "end");
    }

    @Test
    void sectionsHaveTheirOwnOrderAndInterfaces() {
        byte[] file =
                CaptureBytes.little()
                        .section()
                        .device(1, 0, options().option(2, "eth0"))
                        .enhanced(0, 1_000_000, 1, 1, "0a")
                        .append(
                                CaptureBytes.in(BIG_ENDIAN)
                                        .section()
                                        .device(
                                                101,
                                                0,
                                                CaptureBytes.in(BIG_ENDIAN)
                                                        .option(9, (byte) 9)
                                                        .option(14, 10L))
                                        .enhanced(0, 5, 1, 1, "0b"))
                        .section()
                        .enhanced(0, 0, 0, 0, "")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 1.000000 1/1 ETHERNET 0a if=eth0",
                        "0/2 10.000000005 1/1 RAW 0b",
                        "DAMAGED: packet 3 at byte 224 is of interface 0, but only 0 are described"
                                + " before it",
                        "end");
    }

    @ParameterizedTest(name = "resolution {0}, offset {1}, {2} units -> {3}")
    @CsvSource({
        "0, 0, 5, 5, 0",
        "3, 0, 5007, 5.007, 3",
        "6, 0, 5000007, 5.000007, 6",
        "9, 0, 5000000007, 5.000000007, 9",
        "12, 0, 5000000007999, 5.000000007, 9",
        "6, -3600, 0, -3600.000000, 6", // before 1970
        "6, 1700000000, 7, 1700000000.000007, 6",
        "0x80, 0, 5, 5, 0", // 2^0
        "0x81, 0, 11, 5.5, 1",
        "0x8a, 0, 1025, 1.0009, 4",
        "0xa0, 0, 0x580000000, 5.500000000, 9", // 2^-32, as NTP counts
        "0xbf, 0, 0x4000000000000000, 0.500000000, 9",
        "0xc0, 0, 0x4000000000000000, 0.250000000, 9", // 2^-64
        "0xff, 0, -1, 0.000000000, 9",
        "28, 0, -1, 0.000000001, 9",
        "29, 0, -1, 0.000000000, 9",
        "127, 0, -1, 0.000000000, 9",
        "9, 0, -1, 9223372036.854775807, 9", // beyond what 64 signed bits of nanoseconds hold
        "0, 0, 0x7fffffffffffffff, 9223372036.854775807, 0",
        "0x80, 0, -1, 9223372036.854775807, 0",
        "6, 0x7fffffffffffffff, 1, 9223372036.854775807, 6",
        "6, -9223372036854775808, 1, -9223372037.145225192, 6",
    })
    void convertsTimes(String resolution, String offset, String units, String time, int digits) {
        PcapngInterface source =
                new PcapngInterface(
                        1, null, null, 0, Integer.decode(resolution), Long.decode(offset));
        long nanos = source.nanos(Long.decode(units));
        String exact =
                Math.floorDiv(nanos, 1_000_000_000L)
                        + ".%09d".formatted(Math.floorMod(nanos, 1_000_000_000L));
        assertThat(exact).startsWith(time);
        assertThat(source.timeDigits).isEqualTo(digits);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"0, ''", "1, ''", "2, ' out'", "3, ''", "0x102, ' out'"})
    void readsTheDirection(String flags, String shown) {
        byte[] file =
                file().enhanced(0, 0, 1, 1, "0a", options().option(FLAGS, Integer.decode(flags)))
                        .toArray();
        assertThat(Transcript.of(file)).contains("0/1 0.000000 1/1 ETHERNET 0a" + shown);
    }

    @Test
    void directionIsNotCarriedOverToTheNextPacket() {
        byte[] file =
                file().enhanced(0, 0, 1, 1, "0a", options().option(FLAGS, 2))
                        .simple(1, "0b")
                        .enhanced(0, 0, 1, 1, "0c")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 0.000000 1/1 ETHERNET 0a out",
                        "0/2 0.000000 1/1 ETHERNET 0b",
                        "0/3 0.000000 1/1 ETHERNET 0c",
                        "end");
    }

    @Test
    void stepsOverBlocksItDoesNotKnow() {
        byte[] file =
                file().block(5, options().zeros(40))
                        .block(0xbad, options().zeros(700_000)) // more than the buffer
                        .block(0x40000bad, options())
                        .enhanced(0, 0, 1, 1, "0a")
                        .toArray();
        assertThat(Transcript.of(file)).containsExactly("0/1 0.000000 1/1 ETHERNET 0a", "end");
    }

    @Test
    void packetsOfUnsupportedLinkTypesAreHandedOutAsSuch() {
        byte[] file =
                CaptureBytes.little()
                        .section()
                        .device(105, 0, options())
                        .ethernet()
                        .enhanced(0, 0, 1, 1, "0a")
                        .enhanced(1, 0, 1, 1, "0b")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 0.000000 1/1 unsupported:105 0a",
                        "0/2 0.000000 1/1 ETHERNET 0b",
                        "end");
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("names")
    void readsInterfaceNames(String written, String shown) {
        byte[] file =
                CaptureBytes.little()
                        .section()
                        .device(1, 0, options().option(2, written))
                        .enhanced(0, 0, 0, 0, "")
                        .toArray();
        assertThat(Transcript.of(file)).contains("0/1 0.000000 0/0 ETHERNET " + shown);
    }

    static Stream<Arguments> names() {
        return Stream.of(
                Arguments.of("br-lan.7", " if=br-lan.7"),
                Arguments.of("größe", " if=größe"),
                Arguments.of("eth0\0", " if=eth0"), // some writers count the NUL
                Arguments.of("", ""),
                Arguments.of("x".repeat(300), " if=" + "x".repeat(255)));
    }

    /** Files that go wrong after one good packet, and what is said. */
    private enum Damage {
        LENGTH_NOT_OF_4(
                f -> f.u32(6).u32(45).zeros(100),
                "impossible length: block of type 0x6 at byte 84 claims 45 bytes, it takes a"
                        + " multiple of 4 and at least 12"),
        LENGTH_UNDER_12(
                f -> f.u32(99).u32(8).zeros(100),
                "impossible length: block of type 0x63 at byte 84 claims 8 bytes, it takes a"
                        + " multiple of 4 and at least 12"),
        LENGTH_ZERO(
                f -> f.zeros(100),
                "impossible length: block of type 0x0 at byte 84 claims 0 bytes, it takes a"
                        + " multiple of 4 and at least 12"),
        LENGTHS_DIFFER(
                f -> f.u32(99).u32(16).u32(0).u32(20),
                "block at byte 84 begins with length 16 and ends with length 20"),
        PACKET_LENGTHS_DIFFER(
                f -> f.u32(6).u32(32).zeros(20).u32(36),
                "block at byte 84 begins with length 32 and ends with length 36"),
        PACKET_TOO_SHORT(
                f -> f.u32(6).u32(28).zeros(16).u32(28),
                "impossible length: block of type 0x6 at byte 84 claims 28 bytes, it takes a"
                        + " multiple of 4 and at least 32"),
        BLOCK_HUGE(
                f -> f.u32(6).u32(0x7ffffffc).zeros(100),
                "impossible length: block of type 0x6 at byte 84 claims 2147483644 bytes, at most"
                        + " 16777216 are possible"),
        UNKNOWN_BLOCK_HUGE(
                f -> f.u32(99).u32(0xfffffffc).zeros(100),
                "file is cut short: block of type 0x63 at byte 84 needs 4294967292 bytes, 108 are"
                        + " left"),
        CAPTURED_OVER_BLOCK(
                f -> f.enhanced(0, 0, 5, 5, "0a0b0c0d"),
                "impossible length: packet 2 at byte 84 claims 5 bytes, its block holds 4"),
        CAPTURED_HUGE(
                f -> f.enhanced(0, 0, 0x7fffffff, 5, "0a0b0c0d"),
                "impossible length: packet 2 at byte 84 claims 2147483647 bytes, at most 262144"
                        + " are possible"),
        CAPTURED_NEGATIVE(
                f -> f.enhanced(0, 0, -1, 5, "0a0b0c0d"),
                "impossible length: packet 2 at byte 84 claims 4294967295 bytes, at most 262144"
                        + " are possible"),
        SIMPLE_OVER_BLOCK(
                f -> f.simple(5, "0a0b0c0d"),
                "impossible length: packet 2 at byte 84 claims 5 bytes, its block holds 4"),
        OTHER_INTERFACE(
                f -> f.enhanced(1, 0, 0, 0, ""),
                "packet 2 at byte 84 is of interface 1, but only 1 are described before it"),
        INTERFACE_NEGATIVE(
                f -> f.enhanced(-1, 0, 0, 0, ""),
                "packet 2 at byte 84 is of interface 4294967295, but only 1 are described before"
                        + " it"),
        OPTION_PAST_END(
                f -> f.enhanced(0, 0, 0, 0, "", options().u16(1).u16(5).u32(0)),
                "option 1 at byte 112 has an impossible length of 5"),
        FLAGS_OF_WRONG_LENGTH(
                f -> f.enhanced(0, 0, 0, 0, "", options().option(FLAGS, (byte) 2)),
                "option 2 at byte 112 has an impossible length of 1"),
        RESOLUTION_OF_WRONG_LENGTH(
                f -> f.device(1, 0, options().option(9, 6)),
                "option 9 at byte 100 has an impossible length of 4"),
        SECTION_WITHOUT_MAGIC(
                f -> f.u32(0x0a0d0d0a).u32(28).zeros(20),
                "section header at byte 84 has no byte-order magic"),
        SECTION_OF_OTHER_VERSION(
                f -> f.u32(0x0a0d0d0a).u32(28).u32(0x1a2b3c4d).u16(2).u16(1).zeros(12),
                "pcapng version 2.1 at byte 84 is not supported; supported: 1.x"),
        PACKET_CUT(
                f -> f.u32(6).u32(32).zeros(5),
                "file is cut short: packet 2 at byte 84 needs 32 bytes, 13 are left"),
        PACKET_CUT_IN_DATA(
                f -> f.u32(6).u32(36).zeros(20).zeros(3),
                "file is cut short: packet 2 at byte 84 needs 36 bytes, 31 are left"),
        BLOCK_CUT(
                f -> f.u32(99).u32(64).zeros(5),
                "file is cut short: block of type 0x63 at byte 84 needs 64 bytes, 13 are left"),
        BLOCK_CUT_IN_TRAILER(
                f -> f.u32(99).u32(16).zeros(6),
                "file is cut short: block of type 0x63 at byte 84 needs 16 bytes, 14 are left"),
        HEADER_CUT(
                f -> f.zeros(7), "file is cut short: block at byte 84 needs 8 bytes, 7 are left"),
        INTERFACE_CUT(
                f -> f.u32(1).u32(20).u32(1),
                "file is cut short: interface description at byte 84 needs 20 bytes, 12 are left");

        private final UnaryOperator<CaptureBytes> spoil;
        private final String message;

        Damage(UnaryOperator<CaptureBytes> spoil, String message) {
            this.spoil = spoil;
            this.message = message;
        }
    }

    @ParameterizedTest
    @EnumSource
    void saysWhatIsDamagedAndWhere(Damage damage) {
        byte[] good = file().enhanced(0, 0, 2, 2, "0a0b").toArray();
        assertThat(good).hasSize(84);
        byte[] bad = damage.spoil.apply(file().enhanced(0, 0, 2, 2, "0a0b")).toArray();
        assertThat(Transcript.of(bad))
                .containsExactly(
                        "0/1 0.000000 2/2 ETHERNET 0a0b", "DAMAGED: " + damage.message, "end");
    }

    @Test
    void interfacesOfOneSectionAreLimited() {
        CaptureBytes file = CaptureBytes.little().section();
        for (int i = 0; i <= 65_536; i++) {
            file.ethernet();
        }
        assertThat(Transcript.mapped(file.toArray()))
                .containsExactly(
                        "DAMAGED: more than 65536 interfaces in one section, at byte 1310748",
                        "end");
    }

    @Test
    void damageInTheFirstSectionHeaderIsUnreadable() {
        byte[] whole = CaptureBytes.little().section().toArray();
        byte[] spoiled = whole.clone();
        spoiled[24] = 99;
        assertThat(List.of(Transcript.of(spoiled), Transcript.of(Arrays.copyOf(whole, 27))))
                .containsExactly(
                        List.of(
                                "UNREADABLE: block at byte 0 begins with length 28 and ends with"
                                        + " length 99"),
                        List.of(
                                "UNREADABLE: file is cut short: block of type 0xa0d0d0a at byte 0"
                                        + " needs 28 bytes, 27 are left"));
        assertThat(Transcript.of(whole)).containsExactly("end");
    }
}
