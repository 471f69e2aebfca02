package io.pinhole.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteOrder;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class PcapReaderTest {
    static Stream<Arguments> timeFormats() {
        return Stream.of(LITTLE_ENDIAN, BIG_ENDIAN)
                .flatMap(
                        order ->
                                Stream.of(
                                        Arguments.of(order, CaptureBytes.MICROS, "5.000007"),
                                        Arguments.of(order, CaptureBytes.NANOS, "5.000000007")));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("timeFormats")
    void readsEitherOrderAndPrecision(ByteOrder order, int magic, String time) {
        byte[] file =
                CaptureBytes.in(order)
                        .pcapHeader(magic, 2, 4, 65_535, 1)
                        .record(5, 7, 3, 60, "0a0b0c")
                        .record(6, 0, 0, 0, "")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 " + time + " 3/60 ETHERNET 0a0b0c",
                        "0/2 6." + time.substring(2).replace('7', '0') + " 0/0 ETHERNET ",
                        "end");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("orders")
    void readsKuznetzovsModifiedRecords(ByteOrder order) {
        CaptureBytes incoming = CaptureBytes.in(order).u32(3).u16(0x800).hex("0000");
        CaptureBytes outgoing = CaptureBytes.in(order).u32(3).u16(0x800).hex("0400");
        byte[] file =
                CaptureBytes.in(order)
                        .pcapHeader(CaptureBytes.MODIFIED, 2, 4, 65_535, 1)
                        .record(5, 7, 2, 2, "")
                        .append(incoming)
                        .hex("0a0b")
                        .record(5, 8, 1, 1, "")
                        .append(outgoing)
                        .hex("0c")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 5.000007 2/2 ETHERNET 0a0b",
                        "0/2 5.000008 1/1 ETHERNET 0c out",
                        "end");
    }

    static Stream<ByteOrder> orders() {
        return Stream.of(LITTLE_ENDIAN, BIG_ENDIAN);
    }

    @ParameterizedTest(name = "2.{0}: {1}, {2} -> {3}")
    @CsvSource({
        "0, 60, 2, 2/60", // length on the wire first
        "2, 60, 2, 2/60",
        "3, 60, 2, 2/60", // either order was written
        "3, 2, 60, 2/60",
        "4, 2, 60, 2/60",
        "5, 2, 60, 2/60",
        "4, 2, 1, 2/2", // captured more than there was, as tcpdump reads it
        "4, 2, -1, 2/2147483647",
    })
    void knowsWhichLengthComesFirst(int minor, int first, int second, String lengths) {
        byte[] file =
                CaptureBytes.little()
                        .pcapHeader(CaptureBytes.MICROS, 2, minor, 65_535, 1)
                        .record(5, 7, first, second, "0a0b")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly("0/1 5.000007 " + lengths + " ETHERNET 0a0b", "end");
    }

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource({
        "0, NULL",
        "1, ETHERNET",
        "12, RAW",
        "14, RAW",
        "101, RAW",
        "108, LOOP",
        "113, LINUX_SLL",
        "228, IPV4",
        "229, IPV6",
        "276, LINUX_SLL2",
        "0x44000001, ETHERNET", // 4-byte frame check sequence
        "0xf4000071, LINUX_SLL",
    })
    void readsLinkTypes(String network, String name) {
        byte[] file =
                CaptureBytes.pcap(CaptureBytes.MICROS, Long.decode(network).intValue())
                        .record(5, 7, 1, 1, "0a")
                        .toArray();
        assertThat(Transcript.of(file)).containsExactly("0/1 5.000007 1/1 " + name + " 0a", "end");
    }

    @Test
    void unsupportedLinkTypeIsUnreadable() {
        byte[] file = CaptureBytes.pcap(CaptureBytes.MICROS, 105).toArray();
        assertThat(Transcript.of(file))
                .singleElement()
                .asString()
                .startsWith(
                        "UNREADABLE: link type 105 (IEEE 802.11) is not supported; supported: 0"
                                + " null, 1 ethernet, ");
    }

    @ParameterizedTest(name = "snap length {0}, {1} bytes: {2}")
    @CsvSource({
        "0, 262144, read",
        "0, 262145, 262144",
        "96, 97, read", // more than announced, but it is there
        "-1, 262144, read",
        "-1, 262145, 262144",
        "2147483647, 262145, 262144",
        "300000, 300000, read",
        "300000, 300001, 300000",
        "134217728, 262145, read",
        "134217729, 262145, 262144",
        "65535, -1, 262144",
        "65535, 2147483647, 262144",
    })
    void believesLengthsAsLibpcapDoes(int snapLength, int captured, String outcome) {
        byte[] file =
                CaptureBytes.little()
                        .pcapHeader(CaptureBytes.MICROS, 2, 4, snapLength, 1)
                        .record(5, 7, captured, captured, "")
                        .zeros(captured < 0 || captured > 1_000_000 ? 100 : captured)
                        .toArray();
        String first = Transcript.of(file).getFirst();
        if (outcome.equals("read")) {
            assertThat(first).startsWith("0/1 5.000007 %d/%d ".formatted(captured, captured));
        } else {
            assertThat(first)
                    .isEqualTo(
                            ("DAMAGED: impossible length: packet 1 at byte 24 claims %d bytes,"
                                            + " at most %s are possible")
                                    .formatted(Integer.toUnsignedLong(captured), outcome));
        }
    }

    @Test
    void cutInAPacketNamesThePlace() {
        byte[] file =
                CaptureBytes.pcap(CaptureBytes.MICROS, 1)
                        .record(5, 7, 2, 2, "0a0b")
                        .record(5, 8, 58, 58, "0a0b")
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "0/1 5.000007 2/2 ETHERNET 0a0b",
                        "DAMAGED: file is cut short: packet 2 at byte 42 needs 74 bytes, 18 are"
                                + " left",
                        "end");
    }

    @ParameterizedTest(name = "{0}.{1}")
    @CsvSource({"1, 4", "3, 0", "543, 0"})
    void otherVersionsAreUnreadable(int major, int minor) {
        byte[] file =
                CaptureBytes.little()
                        .pcapHeader(CaptureBytes.MICROS, major, minor, 65_535, 1)
                        .toArray();
        assertThat(Transcript.of(file))
                .containsExactly(
                        "UNREADABLE: pcap version %d.%d is not supported; supported: 2.x"
                                .formatted(major, minor));
    }

    @Test
    void headerAloneIsAFileWithoutPackets() {
        assertThat(Transcript.of(CaptureBytes.pcap(CaptureBytes.NANOS, 1).toArray()))
                .containsExactly("end");
    }

    @Test
    void timesBeyond2038AreUnsigned() {
        byte[] file =
                CaptureBytes.pcap(CaptureBytes.MICROS, 1).record(-1, 999_999, 0, 0, "").toArray();
        assertThat(Transcript.of(file)).contains("0/1 4294967295.999999 0/0 ETHERNET ");
    }
}
