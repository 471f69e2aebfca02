package io.pinhole.decode;

import io.pinhole.core.IpAddress;
import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import java.util.Objects;

/** Packets for tests, built the slow way. */
public final class PacketBytes {
    private PacketBytes() {}

    /** Bytes of hex text; blanks are ignored. */
    public static byte[] hex(String text) {
        return HexFormat.of().parseHex(text.replaceAll("\\s", ""));
    }

    public static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    /** An IPv4 packet without options. */
    public static byte[] ipv4(
            String src, String dst, int protocol, int id, int flagsAndOffset, byte[] payload) {
        return ipv4(src, dst, protocol, id, flagsAndOffset, new byte[0], payload);
    }

    /** An IPv4 packet. */
    public static byte[] ipv4(
            String src,
            String dst,
            int protocol,
            int id,
            int flagsAndOffset,
            byte[] options,
            byte[] payload) {
        int header = 20 + options.length;
        byte[] packet = concat(new byte[20], options, payload);
        packet[0] = (byte) (0x40 | header / 4);
        put16(packet, 2, packet.length);
        put16(packet, 4, id);
        put16(packet, 6, flagsAndOffset);
        packet[8] = 64;
        packet[9] = (byte) protocol;
        System.arraycopy(address(src), 0, packet, 12, 4);
        System.arraycopy(address(dst), 0, packet, 16, 4);
        put16(packet, 10, ~slowSum(packet, 0, header, 0));
        return packet;
    }

    /** Sets an IPv4 packet's time to live, and the header checksum to go with it. */
    public static void ttl(byte[] packet, int ttl) {
        packet[8] = (byte) ttl;
        put16(packet, 10, 0);
        put16(packet, 10, ~slowSum(packet, 0, (packet[0] & 0xf) * 4, 0));
    }

    /** An IPv6 packet; {@code payload} begins with whatever header {@code next} names. */
    public static byte[] ipv6(String src, String dst, int next, byte[] payload) {
        byte[] packet = concat(new byte[8], address(src), address(dst), payload);
        packet[0] = 0x60;
        put16(packet, 4, payload.length);
        packet[6] = (byte) next;
        packet[7] = 64;
        return packet;
    }

    /** An IPv6 fragment header. */
    public static byte[] fragmentHeader(int next, int offset, boolean more, int id) {
        byte[] header = new byte[8];
        header[0] = (byte) next;
        put16(header, 2, offset | (more ? 1 : 0));
        put16(header, 4, id >>> 16);
        put16(header, 6, id);
        return header;
    }

    /** A TCP segment without checksum. */
    public static byte[] tcp(int sport, int dport, int flags, int seq, int ack, byte[] payload) {
        byte[] segment = concat(new byte[20], payload);
        put16(segment, 0, sport);
        put16(segment, 2, dport);
        put16(segment, 4, seq >>> 16);
        put16(segment, 6, seq);
        put16(segment, 8, ack >>> 16);
        put16(segment, 10, ack);
        segment[12] = 0x50;
        segment[13] = (byte) flags;
        put16(segment, 14, 8192);
        return segment;
    }

    public static void put16(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 8);
        bytes[at + 1] = (byte) value;
    }

    /** RFC 1071 section 1, one half-word after the other. */
    public static int slowSum(byte[] bytes, int from, int to, int start) {
        int sum = start;
        for (int i = from; i < to; i += 2) {
            int low = i + 1 < to ? bytes[i + 1] & 0xff : 0;
            sum += (bytes[i] & 0xff) << 8 | low;
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    private static byte[] address(String text) {
        IpAddress a = Objects.requireNonNull(IpAddress.parse(text));
        byte[] bytes = new byte[a.isV4() ? 4 : 16];
        for (int i = 0; i < bytes.length; i++) {
            int fromEnd = bytes.length - 1 - i;
            bytes[i] = (byte) ((fromEnd < 8 ? a.low() : a.high()) >>> 8 * (fromEnd & 7));
        }
        return bytes;
    }
}
