package io.pinhole.decode;

import static io.pinhole.decode.PacketBytes.concat;
import static io.pinhole.decode.PacketBytes.hex;
import static io.pinhole.decode.PacketBytes.ipv4;
import static io.pinhole.decode.PacketBytes.ipv6;
import static io.pinhole.decode.PacketBytes.put16;
import static io.pinhole.decode.PacketBytes.tcp;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Anomaly;
import io.pinhole.flow.FlowTable;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read the short way is what {@link PacketView} reads, and neither more nor less. */
class PlainPacketTest {
    private static final int TIMESTAMPS = 0x0101_080a;
    private static final String MACS = "020000000001020000000002";

    private final PlainPacket plain = new PlainPacket();
    private final PacketView view = new PacketView();

    @ParameterizedTest
    @CsvSource({
        "16, '', true", // ACK
        "24, '', true", // PSH ACK
        "208, '', true", // ACK ECE CWR
        "16, 0101080a0000000100000002, true", // timestamps
        "17, '', false", // FIN
        "18, '', false", // SYN
        "20, '', false", // RST
        "48, '', false", // URG
        "8, '', false", // no ACK
        "16, 0101050a0000000100000002, false", // SACK
        "16, 080a000000010000000201010101, false", // timestamps elsewhere
        "16, 01010101, false",
    })
    void knowsTheForm(int flags, String options, boolean expected) {
        byte[] segment = segment(flags, options, 10);
        for (byte[] packet :
                List.of(
                        ipv4("198.51.100.10", "203.0.113.20", PacketView.TCP, 1, 0, segment),
                        ipv6("2001:db8:1::1", "2001:db8:2::2", PacketView.TCP, segment))) {
            assertThat(
                            plain.read(
                                    MemorySegment.ofArray(packet),
                                    0,
                                    packet.length,
                                    packet.length,
                                    LinkType.RAW))
                    .isEqualTo(expected);
        }
    }

    @Test
    void readsWhatThePacketViewReads() {
        Random random = new Random(Seeds.seed());
        List<PacketViewTest.Row> rows = rows();
        int taken = 0;
        for (int i = 0; i < 300_000; i++) {
            PacketViewTest.Row row = rows.get(random.nextInt(rows.size()));
            byte[] bytes = row.bytes().clone();
            for (int n = random.nextInt(3); n > 0 && bytes.length > 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            int captured = random.nextInt(4) == 0 ? random.nextInt(bytes.length + 1) : bytes.length;
            int wire = captured + (random.nextInt(4) == 0 ? random.nextInt(2000) : 0);
            if (agree(Arrays.copyOf(bytes, captured), wire, row.link(), i)) {
                taken++;
            }
        }
        assertThat(taken).isBetween(50_000, 200_000);
    }

    private boolean agree(byte[] bytes, int wire, LinkType link, int round) {
        int before = 3; // not everything begins at offset 0
        MemorySegment data = MemorySegment.ofArray(concat(new byte[before], bytes));
        Anomaly bad = view.wrap(data, before, bytes.length, wire, link);
        boolean read = plain.read(data, before, bytes.length, wire, link);
        assertThat(read)
                .as("seed %d, round %d", Seeds.seed(), round)
                .isEqualTo(bad == Anomaly.NONE && isPlain(data, link));
        if (read) {
            assertThat(ofPlain()).as("seed %d, round %d", Seeds.seed(), round).isEqualTo(ofView());
            // A flow begins with a packet that is not plain, and must be found by those that are.
            assertThat(FlowTable.fingerprint(7, plain)).isEqualTo(FlowTable.fingerprint(7, view));
        }
        return read;
    }

    private boolean isPlain(MemorySegment data, LinkType link) {
        if (link == LinkType.NULL || link == LinkType.LOOP || view.ipVersion() == 0) {
            return false;
        }
        int header = view.isV4() ? 20 : 40;
        int lengthAt = view.isV4() ? 2 : 4;
        boolean lengthIsThere =
                view.u8(view.networkStart() + lengthAt) != 0
                        || view.u8(view.networkStart() + lengthAt + 1) != 0;
        return lengthIsThere
                && view.transportStart() == view.networkStart() + header
                && (view.isPlainDatagram()
                        || (view.isPlainSegment()
                                && (view.tcpHeaderLength() == 20
                                        || (view.tcpHeaderLength() == 32
                                                && first4(data, view.transportStart() + 20)
                                                        == TIMESTAMPS))));
    }

    private int first4(MemorySegment data, long at) {
        return view.u8(at) << 24 | view.u8(at + 1) << 16 | view.u8(at + 2) << 8 | view.u8(at + 3);
    }

    private String ofPlain() {
        String common =
                "%b %d %d %x.%x>%x.%x %d>%d %d %x"
                        .formatted(
                                plain.isV6(),
                                plain.protocol(),
                                plain.ipLength(),
                                plain.sourceHigh(),
                                plain.sourceLow(),
                                plain.destinationHigh(),
                                plain.destinationLow(),
                                plain.sourcePort(),
                                plain.destinationPort(),
                                plain.payloadLength(),
                                plain.payloadStart());
        return !plain.isTcp()
                ? common + " " + plain.tcpFlags()
                : common
                        + " %d %d %d %d"
                                .formatted(
                                        plain.tcpFlags(),
                                        plain.tcpSequence(),
                                        plain.tcpAcknowledgement(),
                                        plain.tcpWindow());
    }

    private String ofView() {
        String common =
                "%b %d %d %x.%x>%x.%x %d>%d %d %x"
                        .formatted(
                                !view.isV4(),
                                view.protocol(),
                                view.ipLength(),
                                view.sourceHigh(),
                                view.sourceLow(),
                                view.destinationHigh(),
                                view.destinationLow(),
                                view.sourcePort(),
                                view.destinationPort(),
                                view.payloadLength(),
                                view.payloadCaptured() < 4
                                        ? 0
                                        : first4(view.data(), view.payloadStart()));
        return view.protocol() != PacketView.TCP
                ? common + " 0"
                : common
                        + " %d %d %d %d"
                                .formatted(
                                        view.tcpFlags(),
                                        view.tcpSequence(),
                                        view.tcpAcknowledgement(),
                                        view.tcpWindow());
    }

    /** The rows of the view's own test, and plain packets behind every kind of link header. */
    private static List<PacketViewTest.Row> rows() {
        List<PacketViewTest.Row> rows = new ArrayList<>(PacketViewTest.rows());
        int others = rows.size();
        for (int i = 0; i < others / 4; i++) {
            byte[] segment =
                    segment(
                            0x10 | (i % 2 == 0 ? 8 : 0),
                            i % 3 == 0 ? "0101080a0000000100000002" : "",
                            i % 9);
            byte[] datagram =
                    concat(
                            new byte[] {0x13, (byte) 0x89, 0, 53, 0, (byte) (8 + i % 7), 0, 0},
                            new byte[i % 7]);
            boolean udp = i % 4 == 0;
            byte[] inner = udp ? datagram : segment;
            int protocol = udp ? PacketView.UDP : PacketView.TCP;
            byte[] four = ipv4("198.51.100.10", "203.0.113.20", protocol, i, 0, inner);
            if (i % 5 == 0) {
                put16(four, 10, 0); // the checksum is left to the card
            }
            byte[] six = ipv6("2001:db8:1::1", "2001:db8:2::2", protocol, inner);
            byte[] ip = i % 2 == 0 ? four : six;
            String type = i % 2 == 0 ? "0800" : "86dd";
            rows.add(new PacketViewTest.Row("raw", LinkType.RAW, ip, ""));
            rows.add(
                    new PacketViewTest.Row(
                            "ip", i % 2 == 0 ? LinkType.IPV4 : LinkType.IPV6, ip, ""));
            rows.add(row("ether", LinkType.ETHERNET, MACS + type, ip));
            rows.add(row("vlan", LinkType.ETHERNET, MACS + "81000005" + type, ip));
            rows.add(row("qinq", LinkType.ETHERNET, MACS + "88a8000581000006" + type, ip));
            rows.add(
                    row(
                            "sll",
                            LinkType.LINUX_SLL,
                            "00000001000602000000000100000".substring(0, 28) + type,
                            ip));
            rows.add(
                    row(
                            "sll2",
                            LinkType.LINUX_SLL2,
                            type + "0000000000020001000602000000000100000000".substring(0, 36),
                            ip));
        }
        return rows;
    }

    private static PacketViewTest.Row row(String name, LinkType link, String header, byte[] ip) {
        return new PacketViewTest.Row(name, link, concat(hex(header), ip), "");
    }

    private static byte[] segment(int flags, String options, int payload) {
        byte[] header = tcp(41022, 2100, flags, 7, 9, hex(options));
        header[12] = (byte) (5 + options.length() / 8 << 4);
        put16(header, 14, 501);
        byte[] text = new byte[payload];
        Arrays.fill(text, (byte) '3');
        return concat(header, text);
    }
}
