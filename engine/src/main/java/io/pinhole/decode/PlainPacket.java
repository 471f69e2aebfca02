package io.pinhole.decode;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.pinhole.core.IpAddress;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The headers of a plain packet: IPv4 without options or IPv6 without extension headers, whole, and
 * in it a TCP segment with ACK and at most PSH, ECE and CWR, without options but timestamps; or a
 * UDP datagram. Most packets are.
 *
 * <p>What {@link #read} takes, {@link PacketView} reads to the same end, in several times as many
 * steps; of what it does not take it says nothing.
 */
public final class PlainPacket {
    private static final int ETHERTYPE_IPV4 = 0x0800;
    private static final int ETHERTYPE_VLAN = 0x8100;
    private static final int ETHERTYPE_IPV6 = 0x86dd;
    private static final int ETHERTYPE_QINQ = 0x88a8;
    private static final int ETHERTYPE_QINQ_OLD = 0x9100;
    private static final int MAX_VLAN_TAGS = 4;
    private static final int IPV4_HEADER = 20;
    private static final int IPV6_HEADER = 40;
    private static final int MORE_FRAGMENTS_AND_OFFSET = 0x3fff;
    private static final int UDP_HEADER = 8;
    private static final int TCP_HEADER = 20;
    private static final int TCP_HEADER_WITH_TIMESTAMPS = 32;

    /** NOP, NOP, timestamps (RFC 7323 appendix A): how nearly every segment with options begins. */
    private static final int TIMESTAMPS_ONLY = 0x0101_080a;

    private static final int RARE_FLAGS =
            PacketView.FIN | PacketView.SYN | PacketView.RST | PacketView.URG;

    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);

    private boolean v6;
    private int protocol;
    private int ipLength;
    private long sourceHigh;
    private long sourceLow;
    private long destinationHigh;
    private long destinationLow;
    private int ports;
    private int sequence;
    private int acknowledgement;
    private int flagsAndWindow;
    private int payloadLength;
    private int payloadStart;

    /**
     * Reads a packet.
     *
     * @param start of its link-layer header
     * @param captured bytes present at {@code start}
     * @param wire bytes the frame had on the wire
     * @return false if the packet is not plain, or not sound
     */
    public boolean read(MemorySegment data, long start, int captured, int wire, LinkType link) {
        long ip = start + link.headerLength();
        long end = start + captured;
        if (end - ip < IPV4_HEADER) {
            return false;
        }
        int type =
                switch (link) {
                    case ETHERNET -> u16(data, start + 12);
                    case LINUX_SLL -> u16(data, start + 14);
                    case LINUX_SLL2 -> u16(data, start);
                    case IPV4 -> ETHERTYPE_IPV4;
                    case IPV6 -> ETHERTYPE_IPV6;
                    case RAW -> (data.get(U8, ip) & 0xf0) == 0x40 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
                    case NULL, LOOP -> 0;
                };
        for (int tags = 0; isVlan(type); tags++) {
            if (tags == MAX_VLAN_TAGS || end - ip < 4) {
                return false;
            }
            type = u16(data, ip + 2);
            ip += 4;
        }
        int most = Math.max(captured, wire) - (int) (ip - start);
        return switch (type) {
            case ETHERTYPE_IPV4 -> readIpv4(data, ip, end, most);
            case ETHERTYPE_IPV6 -> readIpv6(data, ip, end, most);
            default -> false;
        };
    }

    private static boolean isVlan(int type) {
        return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD;
    }

    /** RFC 791 section 3.1, five words. */
    private boolean readIpv4(MemorySegment data, long ip, long end, int most) {
        if (end - ip < IPV4_HEADER) {
            return false;
        }
        int first = data.get(U32, ip);
        int second = data.get(U32, ip + 4);
        int third = data.get(U32, ip + 8);
        int source = data.get(U32, ip + 12);
        int destination = data.get(U32, ip + 16);
        int total = first & 0xffff;
        if (first >>> 24 != 0x45
                || total < IPV4_HEADER
                || total > most
                || (second & MORE_FRAGMENTS_AND_OFFSET) != 0) {
            return false;
        }
        // A sender that leaves the checksum to its card is captured with 0.
        if ((third & 0xffff) != 0
                && Checksums.fold(
                                u32(first)
                                        + u32(second)
                                        + u32(third)
                                        + u32(source)
                                        + u32(destination))
                        != 0xffff) {
            return false;
        }
        v6 = false;
        ipLength = total;
        sourceHigh = 0;
        sourceLow = IpAddress.mapped(source);
        destinationHigh = 0;
        destinationLow = IpAddress.mapped(destination);
        return readTransport(data, third >>> 16 & 0xff, ip + IPV4_HEADER, end, total - IPV4_HEADER);
    }

    /** RFC 8200 section 3. */
    private boolean readIpv6(MemorySegment data, long ip, long end, int most) {
        if (end - ip < IPV6_HEADER) {
            return false;
        }
        int second = data.get(U32, ip + 4);
        int length = second >>> 16;
        if ((data.get(U8, ip) & 0xf0) != 0x60 || IPV6_HEADER + length > most) {
            return false;
        }
        v6 = true;
        ipLength = IPV6_HEADER + length;
        sourceHigh = data.get(U64, ip + 8);
        sourceLow = data.get(U64, ip + 16);
        destinationHigh = data.get(U64, ip + 24);
        destinationLow = data.get(U64, ip + 32);
        return readTransport(data, second >>> 8 & 0xff, ip + IPV6_HEADER, end, length);
    }

    private boolean readTransport(
            MemorySegment data, int transport, long at, long end, int length) {
        protocol = transport;
        return switch (transport) {
            case PacketView.TCP -> readTcp(data, at, end, length);
            case PacketView.UDP -> readUdp(data, at, end, length);
            default -> false;
        };
    }

    /** RFC 9293 section 3.1. */
    private boolean readTcp(MemorySegment data, long at, long end, int length) {
        if (end - at < TCP_HEADER) {
            return false;
        }
        int fourth = data.get(U32, at + 12);
        int header = (fourth >>> 28) * 4;
        if ((fourth >>> 16 & (RARE_FLAGS | PacketView.ACK)) != PacketView.ACK || header > length) {
            return false;
        }
        if (header != TCP_HEADER
                && (header != TCP_HEADER_WITH_TIMESTAMPS
                        || end - at < TCP_HEADER_WITH_TIMESTAMPS
                        || data.get(U32, at + TCP_HEADER) != TIMESTAMPS_ONLY)) {
            return false;
        }
        ports = data.get(U32, at);
        sequence = data.get(U32, at + 4);
        acknowledgement = data.get(U32, at + 8);
        flagsAndWindow = fourth;
        payloadLength = length - header;
        return readPayload(data, at + header, end);
    }

    /** RFC 768. */
    private boolean readUdp(MemorySegment data, long at, long end, int length) {
        if (end - at < UDP_HEADER) {
            return false;
        }
        int claimed = u16(data, at + 4);
        if (claimed < UDP_HEADER || claimed > length) {
            return false;
        }
        ports = data.get(U32, at);
        flagsAndWindow = 0;
        payloadLength = claimed - UDP_HEADER;
        return readPayload(data, at + UDP_HEADER, end);
    }

    private boolean readPayload(MemorySegment data, long at, long end) {
        payloadStart = payloadLength >= 4 && end - at >= 4 ? data.get(U32, at) : 0;
        return true;
    }

    public boolean isV6() {
        return v6;
    }

    /** 6 or 17. */
    public int protocol() {
        return protocol;
    }

    public boolean isTcp() {
        return protocol == PacketView.TCP;
    }

    /** Length of the IP packet on the wire, headers included. */
    public int ipLength() {
        return ipLength;
    }

    /** Upper 64 bits of the source address; 0 for IPv4. */
    public long sourceHigh() {
        return sourceHigh;
    }

    /** Lower 64 bits of the source address; the mapped form for IPv4. */
    public long sourceLow() {
        return sourceLow;
    }

    public long destinationHigh() {
        return destinationHigh;
    }

    public long destinationLow() {
        return destinationLow;
    }

    /** The source port above the destination port. */
    public int ports() {
        return ports;
    }

    public int sourcePort() {
        return ports >>> 16;
    }

    public int destinationPort() {
        return ports & 0xffff;
    }

    /** The low eight TCP flag bits; 0 for UDP. */
    public int tcpFlags() {
        return flagsAndWindow >>> 16 & 0xff;
    }

    public int tcpSequence() {
        return sequence;
    }

    public int tcpAcknowledgement() {
        return acknowledgement;
    }

    /** Unscaled window. */
    public int tcpWindow() {
        return flagsAndWindow & 0xffff;
    }

    /** Payload bytes on the wire. */
    public int payloadLength() {
        return payloadLength;
    }

    /** The first four bytes of the payload; 0 if there are fewer, or they were not captured. */
    public int payloadStart() {
        return payloadStart;
    }

    private static long u32(int word) {
        return word & 0xffff_ffffL;
    }

    private static int u16(MemorySegment data, long at) {
        return Short.toUnsignedInt(data.get(U16, at));
    }
}
