package io.pinhole.kernel;

import static io.pinhole.decode.PacketBytes.concat;
import static io.pinhole.decode.PacketBytes.put16;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Makes the packets of a case, in the order in which they are sent. */
final class Traffic {
    /** Something that sends, a step at a time. */
    interface Talk {
        void step();
    }

    private static final String[] LEFT4 = {"198.51.100.7", "198.51.100.8", "198.51.100.130"};
    private static final String[] RIGHT4 = {"203.0.113.10", "203.0.113.20", "203.0.113.200"};
    private static final String[] LEFT6 = {"2001:db8:1::7", "2001:db8:1::8", "2001:db8:1:1::1"};
    private static final String[] RIGHT6 = {"2001:db8:2::10", "2001:db8:2::20", "2001:db8:2:1::1"};

    final Random random;
    final List<Sent> packets = new ArrayList<>();

    /** Whole packets sent so far, for errors to quote. */
    final List<Sent> quotable = new ArrayList<>();

    private final List<Talk> later = new ArrayList<>();
    private int nextId;
    private boolean mixes;

    Traffic(Random random) {
        this.random = random;
    }

    /** A mix of everything, about as many packets as asked for. */
    List<Sent> mix(int count) {
        mixes = true;
        List<Talk> talks = new ArrayList<>();
        int flows = 2 + random.nextInt(5);
        for (int i = 0; i < flows; i++) {
            talks.add(talk());
        }
        while (packets.size() < count) {
            talks.get(random.nextInt(talks.size())).step();
            talks.addAll(later);
            later.clear();
        }
        return packets;
    }

    private Talk talk() {
        return switch (random.nextInt(12)) {
            case 0, 1, 2, 3 -> new TcpTalk(this);
            case 4, 5, 6 -> new FtpTalk(this);
            case 7 -> new UdpTalk(this);
            case 8, 9 -> new IcmpTalk(this);
            default -> new OtherTalk(this);
        };
    }

    /** From now on this talks, too. */
    void begin(Talk talk) {
        later.add(talk);
    }

    boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    @SafeVarargs
    final <T> T pick(T... of) {
        return of[random.nextInt(of.length)];
    }

    boolean v6() {
        return chance(35);
    }

    String host(Side side, boolean v6) {
        return side == Side.LEFT
                ? v6 ? pick(LEFT6) : pick(LEFT4)
                : v6 ? pick(RIGHT6) : pick(RIGHT4);
    }

    int serverPort() {
        return pick(21, 21, 2121, 22, 80, 443, 53, 1024, 8080, 50_000);
    }

    int clientPort() {
        return 40_000 + random.nextInt(4) * 7;
    }

    int id() {
        return ++nextId;
    }

    /** Sends one packet, sometimes in fragments. */
    void send(Side from, Datagram d, String text) {
        vary(d);
        int id = id();
        byte[] whole = d.ip(id);
        text += d.note();
        quotable.add(new Sent(id, from, whole, text));
        int size = d.transport().length;
        if (size > 16 && chance(4)) {
            fragments(from, d, id, text);
            return;
        }
        packets.add(new Sent(id, from, whole, text));
    }

    private void fragments(Side from, Datagram d, int id, String text) {
        int size = 8 * (1 + random.nextInt(Math.max(1, d.transport().length / 8 - 1)));
        List<byte[]> parts = new ArrayList<>(d.fragments(id, size));
        if (chance(30)) {
            Collections.shuffle(parts, random);
        }
        if (chance(10)) {
            parts.remove(random.nextInt(parts.size()));
        }
        if (chance(10) && !parts.isEmpty()) {
            parts.add(random.nextInt(parts.size()), parts.getFirst());
        }
        if (chance(10) && d.transport().length >= 24) {
            parts.add(
                    random.nextInt(parts.size() + 1),
                    d.fragment(id, 8, 16 + (d.isV6() ? 0 : random.nextInt(8)), chance(80)));
        }
        for (byte[] part : parts) {
            packets.add(new Sent(id, from, part, fragment(part) + " of " + text));
        }
    }

    private static String fragment(byte[] part) {
        boolean v4 = part[0] >> 4 == 4;
        int header = v4 ? 6 : Gateway.fragmentHeader(part);
        int word = (part[v4 ? 6 : header + 2] & 0xff) << 8 | part[v4 ? 7 : header + 3] & 0xff;
        int offset = v4 ? (word & 0x1fff) * 8 : word & 0xfff8;
        int size = part.length - (v4 ? (part[0] & 0xf) * 4 : header + 8);
        boolean more = v4 ? (word & 0x2000) != 0 : (word & 1) != 0;
        return "fragment %d-%d%s".formatted(offset, offset + size, more ? "+" : "");
    }

    private void vary(Datagram d) {
        if (chance(5)) {
            d.ttl(pick(2, 255, 128, 63));
        }
        if (chance(5)) {
            d.tos(random.nextInt(256) & 0xfc);
        }
        if (chance(3)) {
            if (!d.isV6()) {
                d.options((byte) 1, (byte) 1, (byte) 1, (byte) 0);
            } else {
                d.extension(
                        pick(60, 60, 0),
                        (byte) 0,
                        (byte) 0,
                        (byte) 1,
                        (byte) 4,
                        (byte) 0,
                        (byte) 0,
                        (byte) 0,
                        (byte) 0);
            }
        }
    }

    private int damage() {
        return mixes && chance(1) ? 1 + random.nextInt(0xffff) : 0;
    }

    Datagram tcp(
            String from,
            int sport,
            String to,
            int dport,
            String flags,
            int seq,
            int ack,
            int window,
            byte[] options,
            byte[] payload) {
        byte[] header = new byte[20];
        put16(header, 0, sport);
        put16(header, 2, dport);
        put32(header, 4, seq);
        put32(header, 8, ack);
        header[12] = (byte) ((20 + options.length) / 4 << 4);
        for (char letter : flags.toCharArray()) {
            header[13] |= (byte) (1 << "FSRPAUEC".indexOf(letter));
        }
        put16(header, 14, window);
        return new Datagram(from, to, Datagram.TCP, concat(header, options, payload))
                .checksum(16, true, damage());
    }

    Datagram udp(int protocol, String from, int sport, String to, int dport, byte[] payload) {
        byte[] header = new byte[8];
        put16(header, 0, sport);
        put16(header, 2, dport);
        put16(header, 4, 8 + payload.length);
        return new Datagram(from, to, protocol, concat(header, payload))
                .checksum(6, true, protocol == Datagram.UDP ? damage() : 0);
    }

    Datagram icmp(String from, String to, int type, int code, int rest, byte[] payload) {
        byte[] header = new byte[8];
        header[0] = (byte) type;
        header[1] = (byte) code;
        put32(header, 4, rest);
        boolean v6 = from.contains(":");
        return new Datagram(from, to, v6 ? Datagram.ICMPV6 : Datagram.ICMP, concat(header, payload))
                .checksum(2, v6, damage());
    }

    static void put32(byte[] bytes, int at, int value) {
        put16(bytes, at, value >>> 16);
        put16(bytes, at + 2, value);
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    byte[] noise(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}
