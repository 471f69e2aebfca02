package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.Checksums;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One Ethernet frame under construction, in a buffer that is re-used. Every length and checksum is
 * right unless a test wants a wrong one.
 */
final class Frame {
    static final int ETHERNET = 14;
    private static final int V4_HEADER = 20;
    private static final int V6_HEADER = 40;
    private static final int FRAGMENT_HEADER = 8;

    /** The largest IP packet. */
    private static final int MAX = 65_535;

    // MSS, SACK permitted, window scale 7.
    private static final byte[] SYN_OPTIONS_V4 = {2, 4, 0x05, (byte) 0xb4, 4, 2, 1, 3, 3, 7, 1, 1};
    private static final byte[] SYN_OPTIONS_V6 = {2, 4, 0x05, (byte) 0xa0, 4, 2, 1, 3, 3, 7, 1, 1};

    private final byte[] bytes = new byte[ETHERNET + V6_HEADER + FRAGMENT_HEADER + MAX];
    private final MemorySegment segment = MemorySegment.ofArray(bytes);
    private int length;
    private int transport;
    private int protocol;
    private boolean v6;

    MemorySegment segment() {
        return segment;
    }

    /** Bytes of the whole frame. */
    int length() {
        return length;
    }

    /** A copy of the packet from its IP header on, at most so many bytes. */
    byte[] ip(int atMost) {
        return Arrays.copyOfRange(bytes, ETHERNET, Math.min(length, ETHERNET + atMost));
    }

    /** Ethernet and IP header; {@link #finish} fills in lengths. */
    void begin(IpAddress source, IpAddress destination, int ipProtocol, int ttl) {
        v6 = !source.isV4();
        protocol = ipProtocol;
        transport = ETHERNET + (v6 ? V6_HEADER : V4_HEADER);
        Arrays.fill(bytes, 0, transport, (byte) 0);
        mac(0, destination);
        mac(6, source);
        put16(12, v6 ? 0x86dd : 0x0800);
        if (v6) {
            bytes[ETHERNET] = 0x60;
            bytes[ETHERNET + 6] = (byte) ipProtocol;
            bytes[ETHERNET + 7] = (byte) ttl;
            address(ETHERNET + 8, source);
            address(ETHERNET + 24, destination);
        } else {
            bytes[ETHERNET] = 0x45;
            put16(ETHERNET + 6, 0x4000);
            bytes[ETHERNET + 8] = (byte) ttl;
            bytes[ETHERNET + 9] = (byte) ipProtocol;
            put32(ETHERNET + 12, source.v4Bits());
            put32(ETHERNET + 16, destination.v4Bits());
        }
        length = transport;
    }

    /** A locally administered address that shows the host's last bytes. */
    private void mac(int at, IpAddress host) {
        bytes[at] = 2;
        put32(at + 2, (int) host.low());
    }

    private void address(int at, IpAddress a) {
        put32(at, (int) (a.high() >>> 32));
        put32(at + 4, (int) a.high());
        put32(at + 8, (int) (a.low() >>> 32));
        put32(at + 12, (int) a.low());
    }

    void tcp(FlowKey flow, int flags, int sequence, int acknowledgement, int window) {
        put16(length, flow.sourcePort());
        put16(length + 2, flow.destinationPort());
        put32(length + 4, sequence);
        put32(length + 8, acknowledgement);
        byte[] options = {};
        if ((flags & TcpEnd.SYN) != 0) {
            options = v6 ? SYN_OPTIONS_V6 : SYN_OPTIONS_V4;
        }
        bytes[length + 12] = (byte) ((20 + options.length) / 4 << 4);
        bytes[length + 13] = (byte) flags;
        put16(length + 14, window);
        put16(length + 16, 0);
        put16(length + 18, 0);
        length += 20;
        data(options, 0, options.length);
    }

    void udp(FlowKey flow) {
        put16(length, flow.sourcePort());
        put16(length + 2, flow.destinationPort());
        put32(length + 4, 0);
        length += 8;
    }

    void icmp(int type, int code, int rest) {
        bytes[length] = (byte) type;
        bytes[length + 1] = (byte) code;
        put16(length + 2, 0);
        put32(length + 4, rest);
        length += 8;
    }

    void data(byte[] from, int offset, int count) {
        System.arraycopy(from, offset, bytes, length, count);
        length += count;
    }

    /** So many bytes of a pattern that no parser takes for anything. */
    void filler(int count) {
        Arrays.fill(bytes, length, length + count, (byte) '.');
        length += count;
    }

    /** Lengths and checksums. */
    void finish(boolean badChecksum) {
        int body = length - transport;
        if (v6) {
            put16(ETHERNET + 4, body);
        } else {
            put16(ETHERNET + 2, V4_HEADER + body);
        }
        if (protocol == FlowKeys.UDP) {
            put16(transport + 4, body);
        }
        int at =
                switch (protocol) {
                    case FlowKey.TCP -> 16;
                    case FlowKeys.UDP -> 6;
                    case FlowKeys.ICMP, FlowKeys.ICMPV6 -> 2;
                    default -> -1;
                };
        if (at >= 0) {
            long sum = Checksums.sum(segment, transport, body);
            if (protocol != FlowKeys.ICMP) {
                sum +=
                        v6
                                ? Checksums.sum(segment, ETHERNET + 8, 32)
                                : Checksums.sum(segment, ETHERNET + 12, 8);
                sum += protocol + body;
            }
            int checksum = ~Checksums.fold(sum) & 0xffff;
            if (protocol == FlowKeys.UDP && checksum == 0) {
                checksum = 0xffff;
            }
            put16(transport + at, badChecksum ? checksum ^ 0x5555 : checksum);
        }
        headerChecksum();
    }

    private void headerChecksum() {
        if (!v6) {
            put16(ETHERNET + 10, 0);
            long sum = Checksums.sum(segment, ETHERNET, V4_HEADER);
            put16(ETHERNET + 10, ~Checksums.fold(sum) & 0xffff);
        }
    }

    /**
     * Becomes a fragment of a finished packet.
     *
     * @param packet its bytes from the IP header on
     * @param offset of the fragment's first byte behind the IP header, a multiple of 8
     */
    void fragment(byte[] packet, int offset, int count, int id) {
        int header = v6 ? V6_HEADER : V4_HEADER;
        int total = packet.length - header;
        int more = offset + count < total ? 1 : 0;
        System.arraycopy(packet, 0, bytes, ETHERNET, header);
        length = ETHERNET + header;
        if (v6) {
            bytes[length] = packet[6];
            bytes[length + 1] = 0;
            put16(length + 2, offset | more);
            put32(length + 4, id);
            length += FRAGMENT_HEADER;
            bytes[ETHERNET + 6] = 44;
            put16(ETHERNET + 4, FRAGMENT_HEADER + count);
        } else {
            put16(ETHERNET + 2, header + count);
            put16(ETHERNET + 4, id);
            put16(ETHERNET + 6, more << 13 | offset >>> 3);
        }
        System.arraycopy(packet, header + offset, bytes, length, count);
        length += count;
        headerChecksum();
    }

    private void put16(int at, int value) {
        bytes[at] = (byte) (value >>> 8);
        bytes[at + 1] = (byte) value;
    }

    private void put32(int at, int value) {
        put16(at, value >>> 16);
        put16(at + 2, value);
    }
}
