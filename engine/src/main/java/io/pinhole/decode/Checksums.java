package io.pinhole.decode;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.pinhole.core.Anomaly;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Internet checksums (RFC 1071) of IPv4 headers and of TCP, UDP, ICMP and ICMPv6 messages.
 * Stateless; allocates nothing.
 */
public final class Checksums {
    /** What a checksum says about its message. */
    public enum Result {
        GOOD,
        BAD,
        /**
         * No checksum was made: UDP without one (RFC 768), or a message captured on its sender
         * before the network card filled it in, which holds the sum of the pseudo-header only.
         * Nobody but the capture's owner can tell the second from a forgery.
         */
        PARTIAL,
        /** Bytes are missing, or the protocol's checksum is not read. */
        UNKNOWN
    }

    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);

    private Checksums() {}

    /**
     * The sum of {@code length} bytes, not folded. Sums of pieces that start at even offsets of one
     * message may be added.
     */
    public static long sum(MemorySegment data, long from, long length) {
        long sum = 0;
        long at = from;
        long end = from + length;
        // 2^16 is 1 modulo 0xffff, so 32-bit words may be added in place of 16-bit ones.
        for (; end - at >= 8; at += 8) {
            long word = data.get(U64, at);
            sum += (word >>> 32) + (word & 0xffff_ffffL);
        }
        if (end - at >= 4) {
            sum += data.get(U32, at) & 0xffff_ffffL;
            at += 4;
        }
        if (end - at >= 2) {
            sum += data.get(U16, at) & 0xffffL;
            at += 2;
        }
        if (end > at) {
            sum += (data.get(ValueLayout.JAVA_BYTE, at) & 0xffL) << 8;
        }
        return sum;
    }

    /** The 16-bit one's complement sum; its complement is the checksum. */
    public static int fold(long sum) {
        long folded = (sum >>> 32) + (sum & 0xffff_ffffL);
        folded = (folded >>> 32) + (folded & 0xffff_ffffL);
        folded = (folded >>> 16) + (folded & 0xffff);
        folded = (folded >>> 16) + (folded & 0xffff);
        return (int) ((folded >>> 16) + (folded & 0xffff));
    }

    /**
     * True if the checksum of the IPv4 header at {@code at} fits its bytes, RFC 791 section 3.1.
     */
    public static boolean isIpv4HeaderGood(MemorySegment data, long at, int headerLength) {
        return fold(sum(data, at, headerLength)) == 0xffff;
    }

    /**
     * Compares the checksum of a TCP segment, UDP datagram, ICMP or ICMPv6 message with its bytes
     * and pseudo-header (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1).
     *
     * @param packet a view that was read without anomaly; fragments are {@code UNKNOWN}
     */
    public static Result transport(PacketView packet) {
        if (packet.isFragment() || packet.ipVersion() == 0) {
            return Result.UNKNOWN;
        }
        int length = packet.transportLength();
        int fieldAt;
        switch (packet.protocol()) {
            case PacketView.TCP -> fieldAt = 16;
            case PacketView.UDP -> {
                fieldAt = 6;
                if (packet.transportAnomaly() == Anomaly.NONE) {
                    length = packet.payloadLength() + 8;
                }
            }
            case PacketView.ICMP, PacketView.ICMPV6 -> fieldAt = 2;
            default -> {
                return Result.UNKNOWN;
            }
        }
        if (length < fieldAt + 2 || packet.transportCaptured() < length) {
            return Result.UNKNOWN;
        }
        long start = packet.transportStart();
        int field = packet.data().get(U16, start + fieldAt) & 0xffff;
        if (packet.protocol() == PacketView.UDP && field == 0) {
            return Result.PARTIAL;
        }
        boolean pseudoHeader = packet.protocol() != PacketView.ICMP;
        long addresses = pseudoHeader ? packet.protocol() + sumOfAddresses(packet) : 0;
        long pseudo = pseudoHeader ? addresses + length : 0;
        if (fold(pseudo + sum(packet.data(), start, length)) == 0xffff) {
            return Result.GOOD;
        }
        // Senders that segment in hardware sum the pseudo-header with or without its length.
        if (pseudoHeader && (field == fold(pseudo) || field == fold(addresses))) {
            return Result.PARTIAL;
        }
        return hasPendingRoute(packet) ? Result.UNKNOWN : Result.BAD;
    }

    /**
     * Writes the checksum of a whole TCP segment or UDP datagram, where its sender left that to
     * hardware.
     *
     * @param packet a view that was read without anomaly, of memory that may be written
     * @return false, with nothing written, if it is something else or cut short
     */
    public static boolean write(PacketView packet) {
        int fieldAt = packet.protocol() == PacketView.TCP ? 16 : 6;
        int length = packet.transportLength();
        if (packet.isFragment()
                || packet.ipVersion() == 0
                || (packet.protocol() != PacketView.TCP && packet.protocol() != PacketView.UDP)
                || length < fieldAt + 2
                || packet.transportCaptured() < length) {
            return false;
        }
        long start = packet.transportStart();
        packet.data().set(U16, start + fieldAt, (short) 0);
        long pseudo = packet.protocol() + sumOfAddresses(packet) + length;
        int sum = fold(pseudo + sum(packet.data(), start, length)) ^ 0xffff;
        boolean none = sum == 0 && packet.protocol() == PacketView.UDP;
        packet.data().set(U16, start + fieldAt, (short) (none ? 0xffff : sum));
        return true;
    }

    private static long sumOfAddresses(PacketView packet) {
        return packet.isV4()
                ? (packet.sourceLow() & 0xffff_ffffL) + (packet.destinationLow() & 0xffff_ffffL)
                : halves(packet.sourceHigh())
                        + halves(packet.sourceLow())
                        + halves(packet.destinationHigh())
                        + halves(packet.destinationLow());
    }

    private static long halves(long word) {
        return (word >>> 32) + (word & 0xffff_ffffL);
    }

    /**
     * True if a routing header has segments left: the pseudo-header then holds the last address of
     * the route, not the one in the IP header (RFC 8200 section 8.1).
     */
    private static boolean hasPendingRoute(PacketView packet) {
        if (packet.ipVersion() != 6) {
            return false;
        }
        int next = packet.u8(packet.networkStart() + 6);
        long at = packet.networkStart() + 40;
        while (at < packet.transportStart()) {
            if (next == 43 && packet.u8(at + 3) != 0) {
                return true;
            }
            int units = packet.u8(at + 1);
            int length = next == 44 ? 8 : next == 51 ? (units + 2) * 4 : (units + 1) * 8;
            next = packet.u8(at);
            at += length;
        }
        return false;
    }
}
