package io.pinhole.decode;

import static io.pinhole.decode.PacketBytes.hex;
import static io.pinhole.decode.PacketBytes.ipv4;
import static io.pinhole.decode.PacketBytes.put16;
import static io.pinhole.decode.PacketBytes.tcp;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Anomaly;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PacketViewTest {
    /** One line of packets.txt; the bytes of the well-formed ones come from Scapy. */
    record Row(String name, LinkType link, byte[] bytes, String says) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Row> rows() {
        try (InputStream in = PacketViewTest.class.getResourceAsStream("packets.txt")) {
            String text =
                    new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            return text.lines().filter(l -> !l.startsWith("#")).map(PacketViewTest::row).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Row row(String line) {
        String[] columns = line.split(" \\| ", 4);
        return new Row(columns[0], LinkType.valueOf(columns[1]), hex(columns[2]), columns[3]);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void reads(Row row) {
        assertThat(read(row.link, row.bytes, row.bytes.length)).matches(pattern(row.says));
    }

    /** A part of a packet is read as far as it goes, whether the capture cut it or the sender. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void readsEveryPrefix(Row row) {
        for (int length = 0; length <= row.bytes.length; length++) {
            byte[] part = Arrays.copyOf(row.bytes, length);
            assertThat(read(row.link, part, row.bytes.length))
                    .as("captured %d", length)
                    .isEqualTo(SlowDecoder.decode(row.link, part, row.bytes.length));
            assertThat(read(row.link, part, length))
                    .as("sent %d", length)
                    .isEqualTo(SlowDecoder.decode(row.link, part, length));
        }
    }

    @Test
    void agreesWithTheSlowDecoderOnMangledPackets() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        List<Row> rows = rows();
        PacketView view = new PacketView();
        for (int i = 0; i < 200_000; i++) {
            Row row = rows.get(random.nextInt(rows.size()));
            byte[] bytes = Arrays.copyOf(row.bytes, row.bytes.length + random.nextInt(3) * 8);
            for (int n = random.nextInt(4); n > 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) odd(random);
            }
            if (random.nextInt(3) == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
            }
            int wire = bytes.length + (random.nextInt(4) == 0 ? random.nextInt(4000) : 0);
            LinkType link = random.nextInt(8) == 0 ? anyLink(random) : row.link;
            assertThat(read(view, link, bytes, wire))
                    .as("seed %d, round %d, %s", seed, i, row)
                    .isEqualTo(SlowDecoder.decode(link, bytes, wire));
        }
    }

    @Test
    void agreesWithTheSlowDecoderOnNoise() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        PacketView view = new PacketView();
        for (int i = 0; i < 200_000; i++) {
            byte[] bytes = new byte[random.nextInt(120)];
            random.nextBytes(bytes);
            LinkType link = anyLink(random);
            steerToIp(bytes, link, random);
            int wire = bytes.length + (random.nextBoolean() ? random.nextInt(2000) : 0);
            assertThat(read(view, link, bytes, wire))
                    .as("seed %d, round %d", seed, i)
                    .isEqualTo(SlowDecoder.decode(link, bytes, wire));
        }
    }

    /** A segment handed over whole to the card (TSO) may lack a length; a short packet may not. */
    @Test
    void believesALengthOfZeroOnlyBeyondTheMtu() {
        byte[] packet = ipv4("10.0.0.1", "10.0.0.2", 6, 1, 0, tcp(1, 2, 16, 1, 1, new byte[1461]));
        assertThat(packet).hasSize(1501);
        put16(packet, 2, 0);
        put16(packet, 10, 0);
        assertThat(read(LinkType.RAW, packet, 1501)).contains("payload=40+1461/1461");
        assertThat(read(LinkType.RAW, Arrays.copyOf(packet, 1500), 1500))
                .isEqualTo("ip-bad-total-length");
    }

    /** As Linux: the ports are where the length says, even within the header. */
    @ParameterizedTest
    @ValueSource(ints = {0, 3, 4, 5})
    void takesTheLengthOfAQuotedHeaderAsItIs(int words) {
        byte[] quoted = ipv4("198.51.100.7", "203.0.113.10", PacketView.UDP, 1, 0, new byte[8]);
        quoted[0] = (byte) (0x40 | words);
        byte[] message = PacketBytes.concat(new byte[] {3, 3, 0, 0, 0, 0, 0, 0}, quoted);
        byte[] error = ipv4("192.0.2.1", "198.51.100.7", PacketView.ICMP, 1, 0, message);
        PacketView outer = new PacketView();
        outer.wrap(MemorySegment.ofArray(error), 0, error.length, error.length, LinkType.RAW);
        PacketView inner = new PacketView();
        assertThat(inner.wrapQuoted(outer)).isEqualTo(Anomaly.NONE);
        assertThat(inner.destination().toString()).isEqualTo("203.0.113.10");
        int at = 4 * words;
        assertThat(inner.sourcePort()).isEqualTo((quoted[at] & 0xff) << 8 | quoted[at + 1] & 0xff);
    }

    static Stream<Row> quotes() {
        return rows().stream()
                .filter(row -> row.link == LinkType.RAW && row.says.contains("transport="));
    }

    /** Of a quoted packet ports can be read when eight bytes of it follow its IP header. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("quotes")
    void readsQuotedPackets(Row row) {
        byte[] quoted = row.bytes;
        PacketView whole = new PacketView();
        assertThat(
                        whole.wrap(
                                MemorySegment.ofArray(quoted),
                                0,
                                quoted.length,
                                quoted.length,
                                row.link))
                .isEqualTo(Anomaly.NONE);
        boolean four = whole.isV4();
        int headers = (int) whole.transportStart();
        for (int length = 0; length <= quoted.length; length++) {
            byte[] message = PacketBytes.concat(new byte[8], Arrays.copyOf(quoted, length));
            message[0] = (byte) (four ? 3 : 1);
            byte[] error =
                    four
                            ? ipv4("192.0.2.1", "198.51.100.7", 1, 1, 0, message)
                            : PacketBytes.ipv6("2001:db8::1", "2001:db8::7", 58, message);
            PacketView outer = new PacketView();
            MemorySegment data = MemorySegment.ofArray(error);
            assertThat(outer.wrap(data, 0, error.length, error.length, LinkType.RAW))
                    .isEqualTo(Anomaly.NONE);
            assertThat(outer.isIcmpError()).isTrue();
            PacketView inner = new PacketView();
            Anomaly read = inner.wrapQuoted(outer);
            assertThat(inner.sourceMac()).isEqualTo(-1);
            if (length < headers) {
                if (length < (four ? 20 : 40) || read != Anomaly.NONE) {
                    assertThat(read).as("%d bytes", length).isNotEqualTo(Anomaly.NONE);
                }
                continue;
            }
            assertThat(read).as("%d bytes", length).isEqualTo(Anomaly.NONE);
            assertThat(inner.source()).isEqualTo(whole.source());
            assertThat(inner.destination()).isEqualTo(whole.destination());
            assertThat(inner.protocol()).isEqualTo(whole.protocol());
            boolean ported =
                    inner.protocol() == PacketView.TCP || inner.protocol() == PacketView.UDP;
            boolean ports = ported && whole.fragmentOffset() == 0 && length >= headers + 4;
            assertThat(inner.hasPorts()).as("%d bytes", length).isEqualTo(ports);
            if (ports && whole.hasPorts()) {
                assertThat(inner.sourcePort()).isEqualTo(whole.sourcePort());
                assertThat(inner.destinationPort()).isEqualTo(whole.destinationPort());
            }
        }
    }

    @Test
    void quotesOfNoiseAreReadOrRefused() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        PacketView outer = new PacketView();
        PacketView inner = new PacketView();
        for (int i = 0; i < 100_000; i++) {
            boolean four = random.nextBoolean();
            byte[] message = new byte[8 + random.nextInt(80)];
            random.nextBytes(message);
            message[0] = (byte) (four ? 3 : 1);
            if (message.length > 8) {
                message[8] = (byte) (four ? 0x45 + random.nextInt(2) : 0x60);
            }
            if (!four && message.length > 14) {
                message[14] = EXTENSIONS[random.nextInt(EXTENSIONS.length)];
            }
            byte[] error =
                    four
                            ? ipv4("192.0.2.1", "198.51.100.7", 1, 1, 0, message)
                            : PacketBytes.ipv6("2001:db8::1", "2001:db8::7", 58, message);
            MemorySegment data = MemorySegment.ofArray(error);
            int captured = error.length - random.nextInt(20);
            Anomaly read = outer.wrap(data, 0, captured, error.length, LinkType.RAW);
            if (read == Anomaly.NONE && outer.isIcmpError()) {
                Anomaly quote = inner.wrapQuoted(outer);
                if (quote == Anomaly.NONE) {
                    assertThat(inner.ipVersion()).as("seed %d", seed).isEqualTo(four ? 4 : 6);
                    assertThat(inner.source()).isNotNull();
                    assertThat(inner.hasPorts() || inner.sourcePort() == 0).isTrue();
                }
            }
        }
    }

    /** A rebuilt datagram keeps the link layer of the fragment that completed it. */
    @Test
    void keepsTheLinkLayerWhenADatagramIsRead() {
        Row row = rows().stream().filter(r -> r.name.equals("802.1Q")).findFirst().orElseThrow();
        PacketView view = new PacketView();
        byte[] ip = Arrays.copyOfRange(row.bytes, 18, row.bytes.length);
        read(view, row.link, row.bytes, row.bytes.length);
        assertThat(view.wrapIp(MemorySegment.ofArray(ip), 0, ip.length)).isEqualTo(Anomaly.NONE);
        assertThat(view.sourceMac()).isEqualTo(0x020000000001L);
        assertThat(view.destinationMac()).isEqualTo(0x020000000002L);
        assertThat(view.vlanTags()).isEqualTo(1);
        assertThat(view.sourcePort()).isEqualTo(41022);
        assertThat(view.truncated()).isFalse();
        assertThat(view.wrapIp(MemorySegment.ofArray(ip), 0, 30, ip.length))
                .isEqualTo(Anomaly.NONE);
        assertThat(view.truncated()).isTrue();
        assertThat(view.sourceMac()).isEqualTo(0x020000000001L);
        assertThat(view.wrapIp(MemorySegment.ofArray(ip), 0, 0)).isEqualTo(Anomaly.IP_TRUNCATED);
        PacketView fresh = new PacketView();
        assertThat(fresh.wrapIp(MemorySegment.ofArray(ip), 0, ip.length)).isEqualTo(Anomaly.NONE);
        assertThat(fresh.sourceMac()).isEqualTo(-1);
    }

    private static final byte[] EXTENSIONS = {0, 43, 44, 51, 60, 59, 6, 17, 58, 1, (byte) 132};
    private static final int[] ODD = {
        0, 1, 4, 5, 6, 8, 17, 43, 44, 51, 58, 59, 60, 0x7f, 0x80, 0xff
    };

    private static int odd(Random random) {
        return random.nextBoolean() ? ODD[random.nextInt(ODD.length)] : random.nextInt(256);
    }

    private static LinkType anyLink(Random random) {
        return LinkType.values()[random.nextInt(LinkType.values().length)];
    }

    /** Sets what noise would rarely hit, so that the depths are reached too. */
    private static void steerToIp(byte[] bytes, LinkType link, Random random) {
        boolean four = random.nextBoolean();
        int at = link.headerLength();
        if (bytes.length < at + 40 || random.nextInt(8) == 0) {
            return;
        }
        switch (link) {
            case ETHERNET -> put16(bytes, 12, four ? 0x800 : 0x86dd);
            case LINUX_SLL -> put16(bytes, 14, four ? 0x800 : 0x86dd);
            case LINUX_SLL2 -> put16(bytes, 0, four ? 0x800 : 0x86dd);
            case NULL, LOOP -> {
                put16(bytes, 0, 0);
                put16(bytes, 2, four ? 2 : 30);
            }
            case RAW, IPV4, IPV6 -> {}
        }
        bytes[at] = (byte) (four ? 0x45 + random.nextInt(2) : 0x60);
        if (four) {
            put16(bytes, at + 2, bytes.length - at - random.nextInt(4));
            put16(bytes, at + 10, 0);
            bytes[at + 6] &= random.nextBoolean() ? 0x40 : 0x7f;
            bytes[at + 7] &= random.nextBoolean() ? 0 : 0x7f;
            bytes[at + 9] = EXTENSIONS[random.nextInt(EXTENSIONS.length)];
        } else {
            put16(bytes, at + 4, bytes.length - at - 40);
            bytes[at + 6] = EXTENSIONS[random.nextInt(EXTENSIONS.length)];
            for (int i = at + 40; i + 8 <= bytes.length; i += 8) {
                bytes[i] = EXTENSIONS[random.nextInt(EXTENSIONS.length)];
                bytes[i + 1] = (byte) (random.nextInt(4) == 0 ? 1 : 0);
                bytes[i + 2] = 0;
                bytes[i + 3] = (byte) random.nextInt(4);
            }
        }
    }

    private static String read(LinkType link, byte[] bytes, int wire) {
        return read(new PacketView(), link, bytes, wire);
    }

    /** The frame lies between other bytes, and ends where its memory ends. */
    private static String read(PacketView view, LinkType link, byte[] bytes, int wire) {
        int before = 5;
        byte[] memory = new byte[before + bytes.length];
        Arrays.fill(memory, (byte) 0x45);
        System.arraycopy(bytes, 0, memory, before, bytes.length);
        Anomaly read = view.wrap(MemorySegment.ofArray(memory), before, bytes.length, wire, link);
        return SlowDecoder.describe(view, read, before);
    }

    private static String pattern(String says) {
        StringBuilder pattern = new StringBuilder();
        Iterator<String> parts = Arrays.asList(says.split("…", -1)).iterator();
        while (parts.hasNext()) {
            pattern.append(java.util.regex.Pattern.quote(parts.next()));
            if (parts.hasNext()) {
                pattern.append(".*");
            }
        }
        return pattern.toString();
    }
}
