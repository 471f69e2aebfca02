package io.pinhole.gateway;

import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RejectWith;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The packet that tells a sender that it was rejected: a TCP reset (kernel nf_send_reset) or an
 * ICMP destination unreachable (nf_send_unreach), as if from the packet's destination. One thread.
 */
final class Rejection {
    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    static final ValueLayout.OfShort BE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt BE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int V4_HEADER = 20;
    private static final int V6_HEADER = 40;
    private static final int TCP_HEADER = 20;
    private static final int ICMP_HEADER = 8;

    /** RFC 1812 section 4.3.2.3: as much as fits into 576 bytes. RFC 4443 allows 1280. */
    private static final int MAX_V4 = 576;

    private static final int MAX_V6 = 1280;

    // Codes for nft's icmpx: no-route, port-unreachable, host-unreachable, admin-prohibited.
    private static final int[] ICMPX_V4 = {0, 3, 1, 13};
    private static final int[] ICMPX_V6 = {0, 4, 3, 1};

    private final MemorySegment out;
    private final PacketView view = new PacketView();

    /**
     * @param out receives the packet, from its IP header on; at least 1280 bytes
     */
    Rejection(MemorySegment out) {
        this.out = out;
    }

    MemorySegment bytes() {
        return out;
    }

    /**
     * Makes the answer to a packet.
     *
     * @return its length in bytes, 0 if the packet must not be answered
     */
    int answer(PacketView packet, RejectWith how) {
        if (packet.isFragment() || isGroup(packet)) {
            return 0;
        }
        return switch (how.kind()) {
            case TCP_RESET -> packet.protocol() == PacketView.TCP ? reset(packet, false) : 0;
            case ICMP -> packet.isV4() ? unreachable(packet, how.code()) : 0;
            case ICMPV6 -> packet.isV4() ? 0 : unreachable(packet, how.code());
            case ICMPX ->
                    unreachable(packet, (packet.isV4() ? ICMPX_V4 : ICMPX_V6)[how.code() & 3]);
        };
    }

    private static boolean isGroup(PacketView p) {
        return p.isV4()
                ? (int) p.destinationLow() >>> 28 >= 14
                : p.destinationHigh() >>> 56 == 0xff;
    }

    /**
     * A reset for the packet's sender, or, as if from that sender, for its receiver.
     *
     * @return 0 if the packet itself is one, or cut short
     */
    int reset(PacketView p, boolean toReceiver) {
        if (p.has(PacketView.RST) || p.tcpHeaderLength() < TCP_HEADER) {
            return 0;
        }
        int at = header(p, TCP_HEADER, PacketView.TCP, toReceiver);
        boolean ack = p.has(PacketView.ACK);
        int end =
                p.tcpSequence()
                        + p.payloadLength()
                        + (p.has(PacketView.SYN) ? 1 : 0)
                        + (p.has(PacketView.FIN) ? 1 : 0);
        out.asSlice(at, TCP_HEADER).fill((byte) 0);
        out.set(BE16, at, (short) (toReceiver ? p.sourcePort() : p.destinationPort()));
        out.set(BE16, at + 2, (short) (toReceiver ? p.destinationPort() : p.sourcePort()));
        if (toReceiver) {
            out.set(BE32, at + 4, p.tcpSequence());
            out.set(BE32, at + 8, ack ? p.tcpAcknowledgement() : 0);
        } else if (ack) {
            out.set(BE32, at + 4, p.tcpAcknowledgement());
        } else {
            out.set(BE32, at + 8, end);
        }
        out.set(I8, at + 12, (byte) (TCP_HEADER / 4 << 4));
        boolean withAck = toReceiver ? ack : !ack;
        out.set(I8, at + 13, (byte) (PacketView.RST | (withAck ? PacketView.ACK : 0)));
        return finish(at + TCP_HEADER);
    }

    private int unreachable(PacketView p, int code) {
        if (p.isIcmpError()) {
            return 0;
        }
        int most = p.isV4() ? MAX_V4 - V4_HEADER : MAX_V6 - V6_HEADER;
        long from = p.networkStart();
        int available = (int) Math.min(p.ipLength(), p.data().byteSize() - from);
        int quoted = Math.min(available, most - ICMP_HEADER);
        int at =
                header(
                        p,
                        ICMP_HEADER + quoted,
                        p.isV4() ? PacketView.ICMP : PacketView.ICMPV6,
                        false);
        out.set(BE32, at, 0);
        out.set(BE32, at + 4, 0);
        out.set(I8, at, (byte) (p.isV4() ? 3 : 1));
        out.set(I8, at + 1, (byte) code);
        MemorySegment.copy(p.data(), from, out, at + ICMP_HEADER, quoted);
        int length = at + ICMP_HEADER + quoted;
        if (p.isV4()) {
            long sum = Checksums.sum(out, at, length - at);
            out.set(BE16, at + 2, (short) ~Checksums.fold(sum));
        } else {
            long sum = Checksums.sum(out, at, length - at);
            sum += Checksums.sum(out, 8, 32) + PacketView.ICMPV6 + (length - at);
            out.set(BE16, at + 2, (short) ~Checksums.fold(sum));
        }
        return length;
    }

    /** Writes the IP header; returns its length. */
    private int header(PacketView p, int payload, int protocol, boolean toReceiver) {
        long from = p.networkStart();
        if (p.isV4()) {
            out.asSlice(0, V4_HEADER).fill((byte) 0);
            out.set(I8, 0, (byte) 0x45);
            out.set(BE16, 2, (short) (V4_HEADER + payload));
            out.set(BE16, 6, (short) 0x4000); // don't fragment
            out.set(I8, 8, (byte) 64);
            out.set(I8, 9, (byte) protocol);
            MemorySegment.copy(p.data(), from + 12, out, toReceiver ? 12 : 16, 4);
            MemorySegment.copy(p.data(), from + 16, out, toReceiver ? 16 : 12, 4);
            out.set(BE16, 10, (short) ~Checksums.fold(Checksums.sum(out, 0, V4_HEADER)));
            return V4_HEADER;
        }
        out.asSlice(0, V6_HEADER).fill((byte) 0);
        out.set(I8, 0, (byte) 0x60);
        out.set(BE16, 4, (short) payload);
        out.set(I8, 6, (byte) protocol);
        out.set(I8, 7, (byte) 64);
        MemorySegment.copy(p.data(), from + 8, out, toReceiver ? 8 : 24, 16);
        MemorySegment.copy(p.data(), from + 24, out, toReceiver ? 24 : 8, 16);
        return V6_HEADER;
    }

    private int finish(int length) {
        view.wrap(out, 0, length, length, LinkType.RAW);
        Checksums.write(view);
        return length;
    }
}
