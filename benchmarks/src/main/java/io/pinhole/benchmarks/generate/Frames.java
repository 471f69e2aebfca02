package io.pinhole.benchmarks.generate;

import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.IpAddress;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Writes Ethernet frames with right lengths and checksums. The payload goes in first, at {@link
 * #payload}; then the transport header before it, and so on outwards.
 */
final class Frames {
    /** Takes a finished frame. */
    interface Sink {
        void write(CapturedPacket packet) throws IOException;
    }

    static final int ICMP = 1;
    static final int TCP = 6;
    static final int UDP = 17;
    static final int ICMPV6 = 58;

    static final int FIN = 1;
    static final int SYN = 2;
    static final int RST = 4;
    static final int PSH = 8;
    static final int ACK = 16;

    private static final int ETHERNET = 14;
    private static final int PAYLOAD = 128;
    private static final int SMALLEST = 60;

    private static final VarHandle I16 = view(short[].class);
    private static final VarHandle I32 = view(int[].class);
    private static final VarHandle I64 = view(long[].class);

    private final byte[] bytes = new byte[PAYLOAD + 9216];
    private final CapturedPacket packet = new CapturedPacket();
    private final Sink sink;
    private final long limit;
    private final int mean;
    private long octets;

    /**
     * @param limit packets; those after it are not written
     * @param mean size of a frame to be reached, in bytes
     */
    Frames(Sink sink, long limit, int mean) {
        this.sink = sink;
        this.limit = limit;
        this.mean = mean;
        packet.data = MemorySegment.ofArray(bytes);
    }

    private static VarHandle view(Class<?> arrays) {
        return MethodHandles.byteArrayViewVarHandle(arrays, ByteOrder.BIG_ENDIAN);
    }

    /** Time of the frames that follow, in nanoseconds since the epoch. */
    void time(long nanos) {
        packet.timeNanos = nanos;
    }

    long time() {
        return packet.timeNanos;
    }

    /** Frames written so far: the number of the last one. */
    long count() {
        return packet.number;
    }

    long octets() {
        return octets;
    }

    /** True if frames were smaller so far than they should be in the mean. */
    boolean wantsLarger() {
        return octets < packet.number * mean;
    }

    /** True once the capture has all its packets; what is sent then is not seen any more. */
    boolean isFull() {
        return packet.number >= limit;
    }

    byte[] bytes() {
        return bytes;
    }

    /** Where the payload of the next frame is to be put. */
    int payload() {
        return PAYLOAD;
    }

    void u16(int at, int value) {
        I16.set(bytes, at, (short) value);
    }

    void u32(int at, int value) {
        I32.set(bytes, at, value);
    }

    void u64(int at, long value) {
        I64.set(bytes, at, value);
    }

    /**
     * Sends a TCP segment whose payload is in place and whose options end where it begins.
     *
     * @param options length in bytes, a multiple of four
     * @param length of the payload in bytes
     */
    void tcp(
            Host from,
            int sourcePort,
            Host to,
            int destinationPort,
            int sequence,
            int acknowledgement,
            int flags,
            int window,
            int options,
            int length)
            throws IOException {
        int start = PAYLOAD - options - 20;
        u16(start, sourcePort);
        u16(start + 2, destinationPort);
        u32(start + 4, sequence);
        u32(start + 8, acknowledgement);
        u16(start + 12, (20 + options) / 4 << 12 | flags);
        u16(start + 14, window);
        u32(start + 16, 0);
        transport(from.address, to.address, TCP, start, 20 + options + length, start + 16);
        internet(from, to, TCP, start, 20 + options + length, from.ttl);
    }

    /** Sends a UDP datagram whose payload is in place. */
    void udp(Host from, int sourcePort, Host to, int destinationPort, int length)
            throws IOException {
        int start = PAYLOAD - 8;
        u16(start, sourcePort);
        u16(start + 2, destinationPort);
        u16(start + 4, 8 + length);
        u16(start + 6, 0);
        transport(from.address, to.address, UDP, start, 8 + length, start + 6);
        internet(from, to, UDP, start, 8 + length, from.ttl);
    }

    /** Sends an ICMP or ICMPv6 message that stands at the payload, checksum field zero. */
    void icmp(Host from, Host to, int length) throws IOException {
        icmp(from, to, length, from.ttl);
    }

    void icmp(Host from, Host to, int length, int ttl) throws IOException {
        int start = PAYLOAD;
        if (from.isV4()) {
            u16(start + 2, ~fold(sum(start, length)));
            internet(from, to, ICMP, start, length, ttl);
        } else {
            transport(from.address, to.address, ICMPV6, start, length, start + 2);
            internet(from, to, ICMPV6, start, length, ttl);
        }
    }

    /** Sends a frame that is not IP and whose contents stand at the payload. */
    void link(long source, long destination, int type, int length) throws IOException {
        ethernet(source, destination, type, PAYLOAD, length);
    }

    private void transport(
            IpAddress from, IpAddress to, int protocol, int start, int length, int checksumAt) {
        long sum = protocol + length + sum(start, length);
        sum += sumOf(from) + sumOf(to);
        int checksum = ~fold(sum) & 0xffff;
        u16(checksumAt, checksum == 0 && protocol == UDP ? 0xffff : checksum);
    }

    private static long sumOf(IpAddress address) {
        if (address.isV4()) {
            return address.low() & 0xffff_ffffL;
        }
        return halves(address.high()) + halves(address.low());
    }

    private static long halves(long value) {
        return (value >>> 32) + (value & 0xffff_ffffL);
    }

    /** The Internet checksum's sum (RFC 1071), not folded. */
    private long sum(int start, int length) {
        long sum = 0;
        int at = start;
        int end = start + length;
        for (; at + 8 <= end; at += 8) {
            sum += halves((long) I64.get(bytes, at));
        }
        for (; at + 2 <= end; at += 2) {
            sum += (short) I16.get(bytes, at) & 0xffff;
        }
        if (at < end) {
            sum += (bytes[at] & 0xff) << 8;
        }
        return sum;
    }

    private static int fold(long sum) {
        long s = halves(sum);
        s = (s >>> 16) + (s & 0xffff);
        s = (s >>> 16) + (s & 0xffff);
        s = (s >>> 16) + (s & 0xffff);
        return (int) s;
    }

    private void internet(Host from, Host to, int protocol, int start, int length, int ttl)
            throws IOException {
        int at = start - (from.isV4() ? 20 : 40);
        internetHeader(at, from, to, protocol, length, ttl);
        ethernet(from.mac, to.mac, from.isV4() ? 0x0800 : 0x86dd, at, start - at + length);
    }

    /** Writes an IPv4 header of 20 bytes or an IPv6 header of 40. */
    void internetHeader(int at, Host from, Host to, int protocol, int length, int ttl) {
        if (from.isV4()) {
            u16(at, 0x4500);
            u16(at + 2, 20 + length);
            u16(at + 4, from.nextIdentification());
            u16(at + 6, 0x4000);
            bytes[at + 8] = (byte) ttl;
            bytes[at + 9] = (byte) protocol;
            u16(at + 10, 0);
            u32(at + 12, from.address.v4Bits());
            u32(at + 16, to.address.v4Bits());
            u16(at + 10, ~fold(sum(at, 20)));
            return;
        }
        u32(at, 6 << 28);
        u16(at + 4, length);
        bytes[at + 6] = (byte) protocol;
        bytes[at + 7] = (byte) ttl;
        u64(at + 8, from.address.high());
        u64(at + 16, from.address.low());
        u64(at + 24, to.address.high());
        u64(at + 32, to.address.low());
    }

    private void ethernet(long source, long destination, int type, int start, int length)
            throws IOException {
        if (isFull()) {
            return;
        }
        int at = start - ETHERNET;
        u64(at + 4, source << 16);
        u32(at, (int) (destination >>> 16));
        u16(at + 4, (int) destination);
        u16(at + 12, type);
        int size = ETHERNET + length;
        while (size < SMALLEST) {
            bytes[at + size++] = 0;
        }
        packet.offset = at;
        packet.capturedLength = size;
        packet.wireLength = size;
        packet.number++;
        octets += size;
        sink.write(packet);
    }

    /** Puts {@code source} where the next payload goes. */
    void put(byte[] source, int from, int length) {
        System.arraycopy(source, from, bytes, PAYLOAD, length);
    }
}
