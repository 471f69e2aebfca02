package io.pinhole.path;

import static io.pinhole.decode.PacketBytes.concat;
import static io.pinhole.decode.PacketBytes.ipv4;
import static io.pinhole.decode.PacketBytes.ipv6;
import static io.pinhole.decode.PacketBytes.put16;
import static io.pinhole.decode.PacketBytes.slowSum;

import io.pinhole.decode.PacketBytes;
import io.pinhole.decode.PacketView;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One IP packet under construction. Every length and checksum is right unless a test breaks it. */
final class Packets {
    private final int protocol;
    private final String source;
    private final String destination;
    private int sourcePort;
    private int destinationPort;
    private int flags;
    private int sequence;
    private int acknowledgement;
    private int window = 64_240;
    private byte[] options = {};
    private byte[] payload = {};
    private int icmpType;
    private int icmpCode;
    private int icmpRest;
    private boolean badChecksum;

    private Packets(int protocol, String source, String destination) {
        this.protocol = protocol;
        this.source = source;
        this.destination = destination;
    }

    static Packets tcp(String source, int sourcePort, String destination, int destinationPort) {
        Packets p = new Packets(PacketView.TCP, source, destination);
        p.sourcePort = sourcePort;
        p.destinationPort = destinationPort;
        return p;
    }

    static Packets udp(String source, int sourcePort, String destination, int destinationPort) {
        Packets p = new Packets(PacketView.UDP, source, destination);
        p.sourcePort = sourcePort;
        p.destinationPort = destinationPort;
        return p;
    }

    /** A protocol that is carried as it is: {@code payload} begins behind the IP header. */
    static Packets other(int protocol, String source, String destination, byte[] payload) {
        return new Packets(protocol, source, destination).payload(payload);
    }

    /** An ICMP or ICMPv6 query or reply, as the addresses say. */
    static Packets icmp(String source, String destination, int type, int code, int id) {
        boolean v6 = source.contains(":");
        Packets p = new Packets(v6 ? PacketView.ICMPV6 : PacketView.ICMP, source, destination);
        p.icmpType = type;
        p.icmpCode = code;
        p.icmpRest = id << 16 | 1;
        return p.payload("abcdefgh");
    }

    /** An ICMP or ICMPv6 error about a packet, of which as much is quoted as is given. */
    static Packets icmpError(String source, String destination, int type, int code, byte[] quoted) {
        Packets p = icmp(source, destination, type, code, 0).payload(quoted);
        p.icmpRest = 0;
        return p;
    }

    /**
     * @param letters of {@code FSRPAU}, any number
     */
    Packets flags(String letters) {
        flags = 0;
        for (char letter : letters.toCharArray()) {
            flags |= 1 << "FSRPAU".indexOf(letter);
        }
        return this;
    }

    Packets flags(int bits) {
        flags = bits;
        return this;
    }

    Packets seq(int value) {
        sequence = value;
        return this;
    }

    Packets ack(int value) {
        acknowledgement = value;
        return this;
    }

    Packets window(int value) {
        window = value;
        return this;
    }

    /** TCP options; padded with end-of-list to a multiple of four. */
    Packets options(int... bytes) {
        options = new byte[(bytes.length + 3) / 4 * 4];
        for (int i = 0; i < bytes.length; i++) {
            options[i] = (byte) bytes[i];
        }
        return this;
    }

    Packets payload(byte[] bytes) {
        payload = bytes;
        return this;
    }

    Packets payload(String text) {
        return payload(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    Packets badChecksum() {
        badChecksum = true;
        return this;
    }

    boolean isV6() {
        return source.contains(":");
    }

    /** The packet from its IP header on. */
    byte[] ip() {
        byte[] body = transport();
        return isV6()
                ? ipv6(source, destination, protocol, body)
                : ipv4(source, destination, protocol, 0, 0x4000, body);
    }

    /** The packet behind an Ethernet header. */
    byte[] ethernet() {
        byte[] header = PacketBytes.hex("020000000002 020000000001 0800");
        put16(header, 12, isV6() ? 0x86dd : 0x0800);
        return concat(header, ip());
    }

    /** The packet cut into fragments of {@code size} bytes of transport each, a multiple of 8. */
    List<byte[]> fragments(int size, int id) {
        byte[] body = transport();
        List<byte[]> out = new ArrayList<>();
        for (int at = 0; at < body.length; at += size) {
            int end = Math.min(body.length, at + size);
            byte[] part = Arrays.copyOfRange(body, at, end);
            boolean more = end < body.length;
            out.add(
                    isV6()
                            ? ipv6(
                                    source,
                                    destination,
                                    44,
                                    concat(
                                            PacketBytes.fragmentHeader(protocol, at, more, id),
                                            part))
                            : ipv4(
                                    source,
                                    destination,
                                    protocol,
                                    id,
                                    at / 8 | (more ? 0x2000 : 0),
                                    part));
        }
        return out;
    }

    private byte[] transport() {
        return switch (protocol) {
            case PacketView.TCP -> summed(tcpSegment(), 16, true);
            case PacketView.UDP -> summed(udpDatagram(), 6, true);
            case PacketView.ICMP -> summed(icmpMessage(), 2, false);
            case PacketView.ICMPV6 -> summed(icmpMessage(), 2, true);
            default -> payload;
        };
    }

    private byte[] tcpSegment() {
        byte[] header =
                PacketBytes.tcp(
                        sourcePort, destinationPort, flags, sequence, acknowledgement, new byte[0]);
        put16(header, 14, window);
        header[12] = (byte) ((20 + options.length) / 4 << 4);
        return concat(header, options, payload);
    }

    private byte[] udpDatagram() {
        byte[] header = new byte[8];
        put16(header, 0, sourcePort);
        put16(header, 2, destinationPort);
        put16(header, 4, 8 + payload.length);
        return concat(header, payload);
    }

    private byte[] icmpMessage() {
        byte[] header = new byte[8];
        header[0] = (byte) icmpType;
        header[1] = (byte) icmpCode;
        put16(header, 4, icmpRest >>> 16);
        put16(header, 6, icmpRest);
        return concat(header, payload);
    }

    private byte[] summed(byte[] body, int at, boolean pseudoHeader) {
        int start = 0;
        if (pseudoHeader) {
            byte[] addresses =
                    isV6()
                            ? Arrays.copyOfRange(ipv6(source, destination, 0, new byte[0]), 8, 40)
                            : Arrays.copyOfRange(
                                    ipv4(source, destination, 0, 0, 0, new byte[0]), 12, 20);
            byte[] rest = new byte[4];
            put16(rest, 0, protocol);
            put16(rest, 2, body.length);
            start = slowSum(concat(addresses, rest), 0, addresses.length + 4, 0);
        }
        int sum = ~slowSum(body, 0, body.length, start) & 0xffff;
        put16(body, at, badChecksum ? sum ^ 0x5555 : sum);
        return body;
    }
}
