package io.pinhole.fuzz;

import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Bytes as operations of a few hosts that keep sequence numbers: handshakes, lines of FTP, data
 * connections, and everything that goes wrong with packets. So that a fuzzer need not find out
 * about headers before it gets anywhere, and may still send what it likes.
 *
 * <p>An operation is a byte that says what, one that says which connection and which side sends,
 * and what it needs. The very first byte is its user's.
 */
final class FuzzWorld {
    /** Where the packets go. */
    interface Sink {
        /**
         * @param cut bytes at the end that a capture has left out
         */
        void packet(byte[] bytes, LinkType link, int cut, long now);

        void reload(boolean other, long now);
    }

    private static final String[][] ENDS = {
        {"198.51.100.10", "41022", "203.0.113.20", "21"},
        {"198.51.100.10", "41023", "203.0.113.20", "50000"},
        {"203.0.113.20", "20", "198.51.100.10", "51210"},
        {"2001:db8:1::10", "41022", "2001:db8:2::20", "21"},
        {"2001:db8:1::10", "41023", "2001:db8:2::20", "50000"},
        {"2001:db8:2::20", "20", "2001:db8:1::10", "51210"},
        {"198.51.100.10", "41024", "203.0.113.20", "2121"},
        {"198.51.100.66", "41022", "203.0.113.20", "50000"},
        {"::ffff:198.51.100.10", "41022", "::ffff:203.0.113.20", "21"},
        {"::ffff:198.51.100.10", "41023", "::ffff:203.0.113.20", "50000"},
        {"203.0.113.20", "20", "203.0.113.66", "51210"},
        {"198.51.100.10", "41023", "203.0.113.66", "50000"},
    };

    /** What a client says, and then what a server says. */
    private static final String[] LINES = {
        "USER a",
        "PASS b",
        "PASV",
        "EPSV",
        "EPSV ALL",
        "LPSV",
        "PORT 198,51,100,10,200,10",
        "EPRT |1|198.51.100.10|51210|",
        "EPRT |2|2001:db8:1::10|51210|",
        "LPRT 4,4,198,51,100,10,2,200,10",
        "PORT 203,0,113,66,200,10",
        "PORT 198,51,100,10,0,22",
        "RETR f",
        "STOR f",
        "LIST",
        "ABOR",
        "STAT",
        "REIN",
        "QUIT",
        "AUTH TLS",
        "CCC",
        "NOOP",
        "\u00ff\u00f4\u00ff\u00f2ABOR",
        "POST / HTTP/1.1",
        "220 ready",
        "220-hello",
        "331 go on",
        "230 in",
        "200 ok",
        "500 no",
        "425 no",
        "227 Entering (203,0,113,20,195,80)",
        "227 (203,0,113,66,195,80)",
        "229 Extended (|||50000|)",
        "228 (4,4,203,0,113,20,2,195,80)",
        "150 here",
        "226 done",
        "221 bye",
        "421 late",
        "234 go",
        "211-status",
        "211 end",
        "  227 (203,0,113,20,195,80)",
        "202 superfluous",
    };

    private static final int FIN = 1;
    private static final int SYN = 2;
    private static final int RST = 4;
    private static final int PSH = 8;
    private static final int ACK = 16;
    private static final int KEPT = 32;

    private final byte[] in;
    private final Sink sink;
    private final int[][] next = new int[ENDS.length][2];
    private final List<byte[]> sent = new ArrayList<>();
    private int at = 1;
    private int id;
    private long now = 1_000_000_000L;

    FuzzWorld(byte[] in, Sink sink) {
        this.in = in;
        this.sink = sink;
        for (int[] ends : next) {
            ends[0] = 0x7fff_ff00; // both wrap soon
            ends[1] = 0xffff_ff00;
        }
    }

    void run() {
        while (at < in.length) {
            int what = u8();
            int who = u8();
            int connection = (who & 7 | who >> 1 & 8) % ENDS.length;
            step(what & 15, connection, who >> 3 & 1, what >> 4);
        }
    }

    private int u8() {
        return at < in.length ? in[at++] & 0xff : 0;
    }

    private byte[] take(int n) {
        int end = Math.min(in.length, at + n);
        byte[] taken = Arrays.copyOfRange(in, at, end);
        at = end;
        return taken;
    }

    private void step(int what, int c, int side, int more) {
        switch (what) {
            case 0 -> say(c, side, take(u8()));
            case 1 -> say(c, side, line());
            case 2 -> shuffled(c, side, line(), u8());
            case 3 -> handshake(c, new byte[0], 0);
            case 4 -> handshake(c, more < 8 ? line() : take(u8()), u8());
            case 5 -> emit(tcp(c, side, u8() | (more & 1) * ACK, distance(), new byte[0]));
            case 6 -> emit(tcp(c, side, PSH | ACK, distance(), more < 8 ? line() : take(u8())));
            case 7 -> emit(tcp(c, side, ACK, 0, new byte[0]));
            case 8 -> {
                emit(tcp(c, side, (more & 1) == 0 ? FIN | ACK : RST | ACK, 0, new byte[0]));
                next[c][side]++;
            }
            case 9 -> now += (long) u8() << 24 + (more & 15);
            case 10 -> again(more);
            case 11 -> fragments(c, side, more, line());
            case 12 -> extended(c, side, more);
            case 13 -> error(c, side, more);
            case 14 -> sink.packet(take(u8()), LinkType.values()[more & 7], 0, now);
            default -> sink.reload((more & 1) == 1, now);
        }
    }

    private int distance() {
        return (byte) u8() << (u8() & 15);
    }

    /** A line of those above, perhaps with one byte that is another. */
    private byte[] line() {
        String text = LINES[u8() % LINES.length] + "\r\n";
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        int change = u8();
        if (change >= 0xc0) {
            bytes[u8() % bytes.length] = (byte) u8();
        }
        return bytes;
    }

    private void say(int c, int side, byte[] data) {
        emit(tcp(c, side, PSH | ACK, 0, data));
        next[c][side] += data.length;
    }

    /** Two segments, the second first. */
    private void shuffled(int c, int side, byte[] data, int where) {
        int cut = data.length == 0 ? 0 : where % data.length;
        emit(tcp(c, side, PSH | ACK, cut, Arrays.copyOfRange(data, cut, data.length)));
        emit(tcp(c, side, PSH | ACK, 0, Arrays.copyOf(data, cut)));
        next[c][side] += data.length;
    }

    /**
     * @param early what the SYN carries
     * @param taken bytes of it that the server takes
     */
    private void handshake(int c, byte[] early, int taken) {
        emit(tcp(c, 0, SYN, 0, early));
        next[c][0] += 1 + Math.min(taken, early.length);
        emit(tcp(c, 1, SYN | ACK, 0, new byte[0]));
        next[c][1]++;
        emit(tcp(c, 0, ACK, 0, new byte[0]));
    }

    /** A packet of those before, as it was or with another byte at its end. */
    private void again(int more) {
        if (sent.isEmpty()) {
            return;
        }
        byte[] old = sent.get(u8() % sent.size()).clone();
        if ((more & 1) == 1) {
            old[old.length - 1 - u8() % Math.min(old.length, 30)] ^= (byte) u8();
        }
        sink.packet(old, LinkType.RAW, (more & 2) == 0 ? 0 : u8() % old.length, now);
    }

    private void fragments(int c, int side, int more, byte[] data) {
        byte[] segment = segment(c, side, PSH | ACK, 0, data);
        next[c][side] += data.length;
        int size = 8 * (1 + (more & 3));
        int own = ++id;
        List<byte[]> pieces = new ArrayList<>();
        for (int from = 0; from < segment.length; from += size) {
            int to = Math.min(segment.length, from + size);
            byte[] part = Arrays.copyOfRange(segment, from, to);
            pieces.add(fragment(c, side, part, from, to < segment.length, own));
        }
        int lost = (more & 4) != 0 ? u8() : -1;
        int twice = (more & 8) != 0 ? u8() % pieces.size() : -1;
        for (int i = 0; i < pieces.size(); i++) {
            if (i != lost) {
                emit(pieces.get(i));
            }
            if (i == twice) {
                byte[] other = pieces.get(u8() % pieces.size()).clone();
                other[other.length - 1] ^= 1;
                emit(other);
            }
        }
    }

    private static byte[] fragment(int c, int side, byte[] part, int offset, boolean more, int id) {
        String[] e = ENDS[c];
        String from = e[side * 2];
        String to = e[2 - side * 2];
        return from.contains(":")
                ? PacketBytes.ipv6(
                        from,
                        to,
                        44,
                        PacketBytes.concat(PacketBytes.fragmentHeader(6, offset, more, id), part))
                : PacketBytes.ipv4(from, to, 6, id, offset / 8 | (more ? 0x2000 : 0), part);
    }

    /** Behind IPv6 extension headers, or IPv4 options. */
    private void extended(int c, int side, int more) {
        String[] e = ENDS[c];
        String from = e[side * 2];
        String to = e[2 - side * 2];
        byte[] segment = segment(c, side, PSH | ACK, 0, line());
        if (!from.contains(":")) {
            byte[] options = new byte[4 * (1 + (more & 7))];
            byte[] given = take(u8() % (options.length + 1));
            System.arraycopy(given, 0, options, 0, given.length);
            emit(PacketBytes.ipv4(from, to, 6, 0, 0x4000, options, segment));
            return;
        }
        int[] kinds = {0, 60, 43, 51, 135, 44, 59, 6};
        int protocol = 6;
        byte[] body = segment;
        for (int i = 0; i <= (more & 3); i++) {
            byte[] header = new byte[8 * (1 + u8() % 3)];
            byte[] given = take(u8() % header.length);
            System.arraycopy(given, 0, header, 2, Math.min(given.length, header.length - 2));
            header[0] = (byte) protocol;
            header[1] = (byte) (more < 8 ? header.length / 8 - 1 : u8());
            body = PacketBytes.concat(header, body);
            protocol = kinds[u8() & 7];
        }
        emit(PacketBytes.ipv6(from, to, protocol, body));
    }

    /** An ICMP error about an earlier packet, to its sender or to somebody else. */
    private void error(int c, int side, int more) {
        if (sent.isEmpty()) {
            return;
        }
        byte[] cause = sent.get(u8() % sent.size());
        byte[] quote = Arrays.copyOf(cause, Math.min(cause.length, (more & 1) == 0 ? 548 : 28));
        byte[] header = new byte[8];
        String[] e = ENDS[c];
        String from = e[side * 2];
        String to = e[2 - side * 2];
        boolean v6 = from.contains(":");
        header[0] = (byte) (v6 ? 1 + (more >> 1) : 3 + (more >> 1));
        header[1] = (byte) (more & 3);
        byte[] body = PacketBytes.concat(header, quote);
        emit(
                v6
                        ? PacketBytes.ipv6(from, to, 58, body)
                        : PacketBytes.ipv4(from, to, 1, 0, 0x4000, body));
    }

    private byte[] segment(int c, int side, int flags, int offset, byte[] data) {
        String[] e = ENDS[c];
        return PacketBytes.tcp(
                Integer.parseInt(e[side * 2 + 1]),
                Integer.parseInt(e[3 - side * 2]),
                flags,
                next[c][side] + offset,
                (flags & ACK) != 0 ? next[c][1 - side] : 0,
                data);
    }

    private byte[] tcp(int c, int side, int flags, int offset, byte[] data) {
        String[] e = ENDS[c];
        String from = e[side * 2];
        String to = e[2 - side * 2];
        byte[] segment = segment(c, side, flags, offset, data);
        return from.contains(":")
                ? PacketBytes.ipv6(from, to, 6, segment)
                : PacketBytes.ipv4(from, to, 6, 0, 0x4000, segment);
    }

    private void emit(byte[] packet) {
        if (sent.size() < KEPT) {
            sent.add(packet);
        } else {
            sent.set(id++ % KEPT, packet);
        }
        sink.packet(packet, LinkType.RAW, 0, now);
        now += 1_000;
    }
}
