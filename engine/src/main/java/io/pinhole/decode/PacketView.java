package io.pinhole.decode;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Read-only view of one packet from its link-layer header to its transport payload. Re-wrapped per
 * packet; one thread.
 *
 * <p>{@link #wrap} decides once how deep the packet can be read; accessors up to that depth cannot
 * fail. Lengths come from the headers ("on the wire"); where a snap length cut the packet, {@link
 * #truncated()} is true and the captured counterparts are smaller.
 */
public final class PacketView {
    public static final int ICMP = 1;
    public static final int TCP = 6;
    public static final int UDP = 17;
    public static final int DCCP = 33;
    public static final int GRE = 47;
    public static final int ICMPV6 = 58;

    /**
     * What IPv6 calls the absence of a payload, RFC 8200 section 4.7; conntrack finds it invalid.
     */
    public static final int NO_NEXT_HEADER = 59;

    public static final int SCTP = 132;
    public static final int UDPLITE = 136;

    public static final int FIN = 0x01;
    public static final int SYN = 0x02;
    public static final int RST = 0x04;
    public static final int PSH = 0x08;
    public static final int ACK = 0x10;
    public static final int URG = 0x20;

    private static final int ETHERTYPE_IPV4 = 0x0800;
    private static final int ETHERTYPE_ARP = 0x0806;
    private static final int ETHERTYPE_VLAN = 0x8100;
    private static final int ETHERTYPE_IPV6 = 0x86dd;
    private static final int ETHERTYPE_QINQ = 0x88a8;
    private static final int ETHERTYPE_QINQ_OLD = 0x9100;
    private static final int MAX_VLAN_TAGS = 4;
    // Linux walks any number; RFC 8200 section 4.1 expects each at most once (destination options
    // twice). A longer chain is hostile.
    private static final int MAX_EXTENSION_HEADERS = 16;
    // Largest packet of an ordinary Ethernet. A length field of 0 is believed only beyond it: there
    // it
    // means a segment recorded before offload split it (TSO, BIG TCP, Windows LSO), below it
    // nothing
    // that a host would accept.
    private static final int ETHERNET_MTU = 1500;

    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfInt U32_LITTLE =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);

    private MemorySegment data = MemorySegment.NULL;
    private long linkStart;
    private long captureEnd;
    private int wireLength;
    private LinkType linkType = LinkType.ETHERNET;
    private boolean linkPresent;
    private long keptSourceMac = -1;
    private long keptDestinationMac = -1;

    private int etherType;
    private int vlanTags;
    private long networkStart;

    private int ipVersion;
    private int ipLength;
    private long sourceHigh;
    private long sourceLow;
    private long destinationHigh;
    private long destinationLow;
    private int protocol;
    private boolean fragment;
    private boolean moreFragments;
    private int fragmentOffset;
    private int fragmentId;
    private long fragmentHeader;
    private long transportStart;
    private int transportLength;
    private boolean truncated;

    private Anomaly transport = Anomaly.NONE;
    private boolean portsPresent;
    private int sourcePort;
    private int destinationPort;
    private int tcpFlags;
    private int tcpHeaderLength;
    private int payloadLength;

    /**
     * Reads a packet from its link-layer header on.
     *
     * @param captured bytes present at {@code start}
     * @param wire bytes the frame had on the wire
     * @return {@code NONE} if a host would hand the packet to its hooks or if it is not IP at all
     *     ({@link #ipVersion()} is 0 then); otherwise why it would discard it. Faults of the
     *     transport header are not reported here but by {@link #transportAnomaly()}: such packets
     *     reach the hooks.
     */
    public Anomaly wrap(MemorySegment data, long start, int captured, int wire, LinkType link) {
        this.data = data;
        linkStart = start;
        captureEnd = start + captured;
        wireLength = Math.max(wire, captured);
        linkType = link;
        vlanTags = 0;
        etherType = 0;
        ipVersion = 0;
        truncated = wireLength > captured;
        resetNetwork();
        networkStart = start + link.headerLength();
        linkPresent = captured >= link.headerLength();
        keptSourceMac = -1;
        keptDestinationMac = -1;
        if (!linkPresent) {
            return Anomaly.LINK_TRUNCATED;
        }
        switch (link) {
            case ETHERNET -> etherType = u16(start + 12);
            case LINUX_SLL -> etherType = u16(start + 14);
            case LINUX_SLL2 -> etherType = u16(start);
            case NULL, LOOP -> etherType = etherTypeOfFamily(start);
            case RAW -> {
                if (captured == 0) {
                    return Anomaly.IP_TRUNCATED;
                }
                int version = u8(start) >> 4;
                if (version != 4 && version != 6) {
                    return Anomaly.IP_BAD_VERSION;
                }
                etherType = version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
            }
            case IPV4 -> etherType = ETHERTYPE_IPV4;
            case IPV6 -> etherType = ETHERTYPE_IPV6;
        }
        while (isVlan(etherType)) {
            if (vlanTags == MAX_VLAN_TAGS) {
                return Anomaly.LINK_UNSUPPORTED;
            }
            if (captureEnd - networkStart < 4) {
                return Anomaly.LINK_TRUNCATED;
            }
            vlanTags++;
            etherType = u16(networkStart + 2);
            networkStart += 4;
        }
        return wrapNetwork();
    }

    /**
     * Reads a packet that starts with its IP header, such as a reassembled datagram. Link type,
     * VLAN tags and MAC addresses stay those of the last {@link #wrap}, whose memory must still be
     * there.
     */
    public Anomaly wrapIp(MemorySegment data, long start, int length) {
        return wrapIp(data, start, length, length);
    }

    /**
     * As {@link #wrapIp(MemorySegment, long, int)}, for a packet whose end was not captured.
     *
     * @param captured bytes present at {@code start}
     * @param wire bytes the IP packet had on the wire
     */
    public Anomaly wrapIp(MemorySegment data, long start, int captured, int wire) {
        if (linkPresent) {
            keptSourceMac = sourceMac();
            keptDestinationMac = destinationMac();
            linkPresent = false;
        }
        this.data = data;
        networkStart = start;
        captureEnd = start + captured;
        wireLength = Math.max(wire, captured);
        linkStart = start;
        truncated = wireLength > captured;
        ipVersion = 0;
        etherType = 0;
        resetNetwork();
        if (captured <= 0) {
            return Anomaly.IP_TRUNCATED;
        }
        etherType = u8(start) >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
        return wrapNetwork();
    }

    /**
     * Reads the packet quoted by an ICMP error: an IP header and the first bytes of what follows.
     * Only addresses, protocol and (if {@link #hasPorts()}) ports may be read afterwards.
     *
     * @param error a view whose {@link #isIcmpError()} is true
     */
    public Anomaly wrapQuoted(PacketView error) {
        data = error.data;
        linkStart = error.linkStart;
        linkPresent = false;
        keptSourceMac = -1;
        keptDestinationMac = -1;
        networkStart = error.transportStart + 8;
        captureEnd = Math.min(error.captureEnd, error.transportStart + error.transportLength);
        wireLength = 0;
        truncated = true;
        ipVersion = 0;
        resetNetwork();
        etherType = error.ipVersion == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
        if (networkStart >= captureEnd) {
            return Anomaly.ICMP_TRUNCATED;
        }
        return error.ipVersion == 6 ? wrapIpv6(true) : wrapIpv4(true);
    }

    /** Forgets the packet: {@link #ipVersion()} is 0. */
    public void clear() {
        ipVersion = 0;
        resetNetwork();
    }

    private void resetNetwork() {
        fragment = false;
        moreFragments = false;
        fragmentOffset = 0;
        fragmentId = 0;
        fragmentHeader = 0;
        protocol = 0;
        ipLength = 0;
        transportStart = 0;
        transportLength = 0;
        sourceHigh = 0;
        sourceLow = 0;
        destinationHigh = 0;
        destinationLow = 0;
        resetTransport();
    }

    private void resetTransport() {
        transport = Anomaly.NONE;
        portsPresent = false;
        sourcePort = 0;
        destinationPort = 0;
        tcpFlags = 0;
        tcpHeaderLength = 0;
        payloadLength = 0;
    }

    private static boolean isVlan(int type) {
        return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD;
    }

    /** AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 or 30 on the BSDs and macOS. */
    private int etherTypeOfFamily(long at) {
        int big = data.get(U32, at);
        int little = data.get(U32_LITTLE, at);
        int family = big >>> 16 == 0 ? big : little;
        return switch (family) {
            case 2 -> ETHERTYPE_IPV4;
            case 10, 24, 28, 30 -> ETHERTYPE_IPV6;
            default -> 0;
        };
    }

    private Anomaly wrapNetwork() {
        return switch (etherType) {
            case ETHERTYPE_IPV4 -> wrapIpv4(false);
            case ETHERTYPE_IPV6 -> wrapIpv6(false);
            default -> Anomaly.NONE;
        };
    }

    /** RFC 791 section 3.1; the checks are those of the kernel's ip_rcv_core. */
    private Anomaly wrapIpv4(boolean quoted) {
        long ip = networkStart;
        if (captureEnd - ip < 20) {
            return Anomaly.IP_TRUNCATED;
        }
        int first = u8(ip);
        // Of a quoted header the kernel takes version and length as they are (ipv4_get_l4proto).
        if (first >> 4 != 4 && !quoted) {
            return Anomaly.IP_BAD_VERSION;
        }
        int headerLength = (first & 0xf) * 4;
        if (headerLength < 20 && !quoted) {
            return Anomaly.IP_BAD_HEADER_LENGTH;
        }
        if (captureEnd - ip < headerLength) {
            return Anomaly.IP_TRUNCATED;
        }
        // A sender that leaves the checksum to its card is captured with 0.
        if (!quoted && u16(ip + 10) != 0 && !Checksums.isIpv4HeaderGood(data, ip, headerLength)) {
            return Anomaly.IP_BAD_CHECKSUM;
        }
        int onWire = wireLength - (int) (ip - linkStart);
        int total = u16(ip + 2);
        if (quoted) {
            // The kernel takes the ports of a quoted packet whatever length it claims.
            total = Math.max(total, (int) (captureEnd - ip));
        } else if (total == 0 && onWire > ETHERNET_MTU) {
            total = onWire;
        }
        if (total < headerLength || (!quoted && total > onWire)) {
            return Anomaly.IP_BAD_TOTAL_LENGTH;
        }
        ipVersion = 4;
        ipLength = total;
        sourceLow = IpAddress.mapped(data.get(U32, ip + 12));
        destinationLow = IpAddress.mapped(data.get(U32, ip + 16));
        protocol = u8(ip + 9);
        fragmentId = u16(ip + 4);
        int flagsOffset = u16(ip + 6);
        moreFragments = (flagsOffset & 0x2000) != 0;
        fragmentOffset = (flagsOffset & 0x1fff) * 8;
        fragment = moreFragments || fragmentOffset != 0;
        transportStart = ip + headerLength;
        transportLength = total - headerLength;
        return wrapTransport(quoted);
    }

    /** RFC 8200 section 3 and 4; walks extension headers to the transport header. */
    private Anomaly wrapIpv6(boolean quoted) {
        long ip = networkStart;
        if (captureEnd - ip < 40) {
            return Anomaly.IP_TRUNCATED;
        }
        if (u8(ip) >> 4 != 6 && !quoted) {
            return Anomaly.IP_BAD_VERSION;
        }
        int onWire = wireLength - (int) (ip - linkStart);
        int payload = u16(ip + 4);
        int next = u8(ip + 6);
        if (quoted) {
            payload = Math.max(payload, (int) (captureEnd - ip) - 40);
        } else if (payload == 0 && next != NO_NEXT_HEADER && onWire > ETHERNET_MTU) {
            payload = onWire - 40; // also a jumbogram, RFC 2675
        }
        int total = 40 + payload;
        if (!quoted && total > onWire) {
            return Anomaly.IP_BAD_TOTAL_LENGTH;
        }
        sourceHigh = data.get(U64, ip + 8);
        sourceLow = data.get(U64, ip + 16);
        destinationHigh = data.get(U64, ip + 24);
        destinationLow = data.get(U64, ip + 32);
        ipLength = total;
        long at = ip + 40;
        long end = ip + total;
        for (int walked = 0; ; walked++) {
            if (!isExtension(next) || (fragment && fragmentOffset != 0)) {
                break;
            }
            if (walked == MAX_EXTENSION_HEADERS || (!quoted && at + 8 > end)) {
                return Anomaly.IPV6_BAD_EXTENSION;
            }
            // Of a quoted header the kernel (ipv6_skip_exthdr) looks at its first two bytes.
            if (at + (quoted && next != 44 ? 2 : 8) > captureEnd) {
                return quoted ? Anomaly.ICMP_TRUNCATED : Anomaly.IP_TRUNCATED;
            }
            int length;
            if (next == 44) {
                if (fragmentHeader != 0) {
                    // A second one could hide that the first makes this a fragment.
                    return Anomaly.IPV6_BAD_EXTENSION;
                }
                length = 8;
                int offsetFlags = u16(at + 2);
                moreFragments = (offsetFlags & 1) != 0;
                fragmentOffset = offsetFlags & 0xfff8;
                fragmentId = data.get(U32, at + 4);
                // An atomic fragment (RFC 6946) is a whole datagram.
                fragment = moreFragments || fragmentOffset != 0;
                fragmentHeader = at;
            } else if (next == 51) {
                length = (u8(at + 1) + 2) * 4;
            } else {
                length = (u8(at + 1) + 1) * 8;
            }
            next = u8(at);
            at += length;
            if (!quoted && at > end) {
                return Anomaly.IPV6_BAD_EXTENSION;
            }
        }
        ipVersion = 6;
        protocol = next;
        transportStart = at;
        transportLength = (int) Math.max(0, end - at);
        return wrapTransport(quoted);
    }

    /** The headers that the kernel's ipv6_ext_hdr() knows; any other number is the protocol. */
    private static boolean isExtension(int next) {
        return switch (next) {
            case 0, 43, 44, 51, 60 -> true;
            default -> false;
        };
    }

    private Anomaly wrapTransport(boolean quoted) {
        // Of a quoted first fragment the ports can be read, and the kernel does.
        if (fragment && (!quoted || fragmentOffset != 0)) {
            return Anomaly.NONE;
        }
        int present = transportCaptured();
        switch (protocol) {
            case TCP -> transport = quoted ? wrapPorts(present) : wrapTcp(present);
            case UDP -> transport = quoted ? wrapPorts(present) : wrapUdp(present);
            case DCCP, SCTP, UDPLITE -> transport = wrapPorts(present);
            case ICMP, ICMPV6 -> {
                if (present < 8) {
                    transport = Anomaly.ICMP_TRUNCATED;
                }
            }
            default -> {}
        }
        return Anomaly.NONE;
    }

    private Anomaly wrapPorts(int present) {
        if (present < 4) {
            return Anomaly.TCP_TRUNCATED;
        }
        portsPresent = true;
        sourcePort = u16(transportStart);
        destinationPort = u16(transportStart + 2);
        return Anomaly.NONE;
    }

    private Anomaly wrapTcp(int present) {
        if (wrapPorts(present) != Anomaly.NONE || present < 20) {
            return Anomaly.TCP_TRUNCATED;
        }
        tcpFlags = u8(transportStart + 13);
        tcpHeaderLength = (u8(transportStart + 12) >> 4) * 4;
        if (tcpHeaderLength < 20 || tcpHeaderLength > transportLength) {
            tcpHeaderLength = 20;
            return Anomaly.TCP_BAD_DATA_OFFSET;
        }
        payloadLength = transportLength - tcpHeaderLength;
        return Anomaly.NONE;
    }

    /** A sound TCP header, all of it captured, whose flags are ACK and perhaps PSH, ECE and CWR. */
    public boolean isPlainSegment() {
        return protocol == TCP
                && transport == Anomaly.NONE
                && (tcpFlags & (FIN | SYN | RST | ACK | URG)) == ACK
                && transportStart + tcpHeaderLength <= captureEnd
                && !fragment;
    }

    /** Whether it is a whole UDP header, all of it captured, and no fragment. */
    public boolean isPlainDatagram() {
        return protocol == UDP
                && transport == Anomaly.NONE
                && transportStart + 8 <= captureEnd
                && !fragment;
    }

    private Anomaly wrapUdp(int present) {
        if (wrapPorts(present) != Anomaly.NONE || present < 8) {
            return Anomaly.UDP_TRUNCATED;
        }
        int length = u16(transportStart + 4);
        if (length > transportLength || length < 8) {
            return Anomaly.UDP_BAD_LENGTH;
        }
        payloadLength = length - 8;
        return Anomaly.NONE;
    }

    // ---- link layer ----

    public LinkType linkType() {
        return linkType;
    }

    /** EtherType after VLAN tags; for link types without one, that of the IP version; 0 unknown. */
    public int etherType() {
        return etherType;
    }

    /** Number of 802.1Q and 802.1ad tags. */
    public int vlanTags() {
        return vlanTags;
    }

    public boolean isArp() {
        return etherType == ETHERTYPE_ARP;
    }

    /** Source MAC address as a 48-bit number, or -1 where the link layer has none. */
    public long sourceMac() {
        if (!linkPresent) {
            return keptSourceMac;
        }
        return switch (linkType) {
            case ETHERNET -> mac(linkStart + 6);
            case LINUX_SLL -> u16(linkStart + 4) == 6 ? mac(linkStart + 6) : -1;
            case LINUX_SLL2 -> u8(linkStart + 11) == 6 ? mac(linkStart + 12) : -1;
            default -> -1;
        };
    }

    /** Destination MAC address as a 48-bit number, or -1 where the link layer has none. */
    public long destinationMac() {
        if (!linkPresent) {
            return keptDestinationMac;
        }
        return linkType == LinkType.ETHERNET ? mac(linkStart) : -1;
    }

    private long mac(long at) {
        return (u16(at) & 0xffffL) << 32 | data.get(U32, at + 2) & 0xffff_ffffL;
    }

    // ---- network layer ----

    /** 4, 6, or 0 when the packet is not IP. */
    public int ipVersion() {
        return ipVersion;
    }

    public boolean isV4() {
        return ipVersion == 4;
    }

    /** The memory all offsets of this view point into. */
    public MemorySegment data() {
        return data;
    }

    /** Offset of the first byte of the IP header. */
    public long networkStart() {
        return networkStart;
    }

    /** Length of the IP packet on the wire, headers included. */
    public int ipLength() {
        return ipLength;
    }

    /** Bytes of the IP packet that are present. */
    public int ipCaptured() {
        return (int) Math.min(ipLength, captureEnd - networkStart);
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

    /** The source address as an object; for events, not for the packet path. */
    public IpAddress source() {
        return ipVersion == 4 ? IpAddress.v4((int) sourceLow) : IpAddress.v6(sourceHigh, sourceLow);
    }

    /** The destination address as an object; for events, not for the packet path. */
    public IpAddress destination() {
        return ipVersion == 4
                ? IpAddress.v4((int) destinationLow)
                : IpAddress.v6(destinationHigh, destinationLow);
    }

    /** Transport protocol number, for IPv6 after all extension headers. */
    public int protocol() {
        return protocol;
    }

    /** True for a first, middle or last fragment; false for a whole datagram. */
    public boolean isFragment() {
        return fragment;
    }

    public boolean moreFragments() {
        return moreFragments;
    }

    /** Offset of this fragment's data in the datagram, in bytes. */
    public int fragmentOffset() {
        return fragmentOffset;
    }

    public int fragmentId() {
        return fragmentId;
    }

    /** Offset of the IPv6 fragment header, or 0 where there is none. */
    public long fragmentHeader() {
        return fragmentHeader;
    }

    /** IPv4 TTL or IPv6 hop limit. */
    public int hopLimit() {
        return u8(networkStart + (ipVersion == 4 ? 8 : 7));
    }

    /** True where the snap length of the capture cut this packet. */
    public boolean truncated() {
        return truncated && captureEnd - networkStart < ipLength;
    }

    // ---- transport layer ----

    /** Why the transport header cannot be tracked, or {@code NONE}. */
    public Anomaly transportAnomaly() {
        return transport;
    }

    /** Offset of the transport header. */
    public long transportStart() {
        return transportStart;
    }

    /** Length of transport header and payload on the wire. */
    public int transportLength() {
        return transportLength;
    }

    /** Bytes of transport header and payload that are present. */
    public int transportCaptured() {
        return (int) Math.max(0, Math.min(transportLength, captureEnd - transportStart));
    }

    /** True if source and destination port could be read. */
    public boolean hasPorts() {
        return portsPresent;
    }

    public int sourcePort() {
        return sourcePort;
    }

    public int destinationPort() {
        return destinationPort;
    }

    /** The low eight TCP flag bits. */
    public int tcpFlags() {
        return tcpFlags;
    }

    public boolean has(int flags) {
        return (tcpFlags & flags) == flags;
    }

    public int tcpSequence() {
        return data.get(U32, transportStart + 4);
    }

    public int tcpAcknowledgement() {
        return data.get(U32, transportStart + 8);
    }

    /** Unscaled window. */
    public int tcpWindow() {
        return u16(transportStart + 14);
    }

    public int tcpUrgentPointer() {
        return u16(transportStart + 18);
    }

    public int tcpHeaderLength() {
        return tcpHeaderLength;
    }

    /** Bytes of the TCP header, options included, that are present. */
    public int tcpHeaderCaptured() {
        return Math.min(tcpHeaderLength, transportCaptured());
    }

    /** Offset of the first payload byte of TCP or UDP. */
    public long payloadStart() {
        return transportStart + (protocol == TCP ? tcpHeaderLength : 8);
    }

    /** Payload bytes of TCP or UDP on the wire. */
    public int payloadLength() {
        return payloadLength;
    }

    /** Payload bytes of TCP or UDP that are present. */
    public int payloadCaptured() {
        return (int) Math.max(0, Math.min(payloadLength, captureEnd - payloadStart()));
    }

    /** ICMP or ICMPv6 type. */
    public int icmpType() {
        return u8(transportStart);
    }

    /** ICMP or ICMPv6 code. */
    public int icmpCode() {
        return u8(transportStart + 1);
    }

    /** Identifier of an echo request or reply and its kin. */
    public int icmpId() {
        return transportCaptured() >= 6 ? u16(transportStart + 4) : 0;
    }

    /** True for ICMP and ICMPv6 messages that quote the packet they are about. */
    public boolean isIcmpError() {
        if (fragment || transport != Anomaly.NONE) {
            return false;
        }
        if (protocol == ICMP && ipVersion == 4) {
            int type = icmpType();
            // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
            return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        }
        return protocol == ICMPV6 && ipVersion == 6 && icmpType() < 128;
    }

    /** One byte of the packet. */
    public int u8(long at) {
        return Byte.toUnsignedInt(data.get(U8, at));
    }

    private int u16(long at) {
        return Short.toUnsignedInt(data.get(U16, at));
    }
}
