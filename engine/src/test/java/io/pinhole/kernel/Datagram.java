package io.pinhole.kernel;

import static io.pinhole.decode.PacketBytes.concat;
import static io.pinhole.decode.PacketBytes.put16;
import static io.pinhole.decode.PacketBytes.slowSum;

import io.pinhole.decode.PacketBytes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** An IP packet under construction: right in everything that a case does not set wrong. */
final class Datagram {
    static final int ICMP = 1;
    static final int TCP = 6;
    static final int UDP = 17;
    static final int DCCP = 33;
    static final int GRE = 47;
    static final int ICMPV6 = 58;
    static final int SCTP = 132;
    static final int UDPLITE = 136;

    final String source;
    final String destination;
    final int protocol;
    private byte[] transport;
    private String note = "";
    private int ttl = 64;
    private int tos;
    private byte[] options = {};
    private final List<Integer> extensionTypes = new ArrayList<>();
    private final List<byte[]> extensions = new ArrayList<>();

    Datagram(String source, String destination, int protocol, byte[] transport) {
        this.source = source;
        this.destination = destination;
        this.protocol = protocol;
        this.transport = transport;
    }

    boolean isV6() {
        return source.contains(":");
    }

    /** What is unusual about it. */
    String note() {
        return note;
    }

    Datagram ttl(int value) {
        ttl = value;
        note += " ttl " + value;
        return this;
    }

    Datagram tos(int value) {
        tos = value;
        note += " tos " + value;
        return this;
    }

    /** IPv4 options, a multiple of four bytes. */
    Datagram options(byte... bytes) {
        options = bytes;
        note += " with options";
        return this;
    }

    /** An IPv6 extension header; its next-header byte is filled in. */
    Datagram extension(int type, byte... bytes) {
        extensionTypes.add(type);
        note += " with extension " + type;
        extensions.add(bytes);
        return this;
    }

    /** Puts the checksum in, at this place of the transport header. */
    Datagram checksum(int at, boolean pseudoHeader, int damage) {
        put16(transport, at, 0);
        int start = 0;
        if (pseudoHeader) {
            byte[] addresses =
                    isV6()
                            ? Arrays.copyOfRange(header6(0, protocol, 0), 8, 40)
                            : Arrays.copyOfRange(header4(0, 0, 0), 12, 20);
            byte[] rest = new byte[4];
            // Linux 6.18 sums UDP-Lite as if it were UDP, and calls what is right invalid.
            put16(rest, 0, protocol == UDPLITE ? UDP : protocol);
            put16(rest, 2, transport.length);
            start = slowSum(concat(addresses, rest), 0, addresses.length + 4, 0);
        }
        int sum = ~slowSum(transport, 0, transport.length, start) & 0xffff;
        if (damage != 0) {
            note += " BAD CHECKSUM";
        }
        put16(transport, at, (sum == 0 && protocol == UDP ? 0xffff : sum) ^ damage);
        return this;
    }

    byte[] transport() {
        return transport;
    }

    /** The whole packet. */
    byte[] ip(int id) {
        return isV6()
                ? concat(header6(id, protocol, transport.length), chain(protocol), transport)
                : concat(header4(id, 0, transport.length), transport);
    }

    /**
     * The packet in fragments.
     *
     * @param size transport bytes in each, a multiple of eight
     */
    List<byte[]> fragments(int id, int size) {
        List<byte[]> out = new ArrayList<>();
        for (int at = 0; at < transport.length; at += size) {
            int end = Math.min(transport.length, at + size);
            out.add(fragment(id, at, end, end < transport.length));
        }
        return out;
    }

    /** The bytes {@code from} to {@code to} of the transport part as a fragment. */
    byte[] fragment(int id, int from, int to, boolean more) {
        byte[] part = Arrays.copyOfRange(transport, from, to);
        if (isV6()) {
            byte[] header = PacketBytes.fragmentHeader(protocol, from, more, id);
            return concat(header6(id, 44, part.length + 8), chain(44), header, part);
        }
        return concat(header4(id, from / 8 | (more ? 0x2000 : 0), part.length), part);
    }

    private byte[] chain(int last) {
        byte[] out = {};
        for (int i = 0; i < extensions.size(); i++) {
            byte[] header = extensions.get(i).clone();
            header[0] = (byte) (i + 1 < extensions.size() ? extensionTypes.get(i + 1) : last);
            out = concat(out, header);
        }
        return out;
    }

    private byte[] header4(int id, int offset, int payload) {
        byte[] p =
                PacketBytes.ipv4(
                        source, destination, protocol, id, offset, options, new byte[payload]);
        p[1] = (byte) tos;
        PacketBytes.ttl(p, ttl);
        return Arrays.copyOf(p, 20 + options.length);
    }

    private byte[] header6(int id, int next, int payload) {
        int first = extensionTypes.isEmpty() ? next : extensionTypes.getFirst();
        int length = payload + extensions.stream().mapToInt(e -> e.length).sum();
        byte[] p = PacketBytes.ipv6(source, destination, first, new byte[0]);
        put16(p, 4, length);
        p[0] = (byte) (0x60 | tos >> 4);
        p[1] = (byte) (tos << 4 | id >>> 16 & 0xf);
        put16(p, 2, id);
        p[7] = (byte) ttl;
        return p;
    }
}
