package io.pinhole.capture.linux;

import io.pinhole.core.IpAddress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Sends whole IP packets, routed by the kernel like its own (raw(7) with IP_HDRINCL, ipv6(7) with
 * IPV6_HDRINCL). One thread.
 */
public final class RawIp implements AutoCloseable {
    private static final int IPPROTO_RAW = 255;

    private final Arena arena = Arena.ofShared();
    private final Sys sys = new Sys(arena);
    private final int v4;
    private final int v6;
    private final MemorySegment to4 = arena.allocate(16, 8); // struct sockaddr_in
    private final MemorySegment to6 = arena.allocate(28, 8); // struct sockaddr_in6

    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    private RawIp() throws LinuxException {
        v4 = sys.socket(Sys.AF_INET, Sys.SOCK_RAW | Sys.SOCK_CLOEXEC, IPPROTO_RAW);
        v6 = sys.socket(Sys.AF_INET6, Sys.SOCK_RAW | Sys.SOCK_CLOEXEC, IPPROTO_RAW);
        if (v4 < 0) {
            int error = -v4;
            close();
            throw new LinuxException("cannot open a raw socket", error);
        }
        to4.set(ValueLayout.JAVA_SHORT, 0, (short) Sys.AF_INET);
        to6.set(ValueLayout.JAVA_SHORT, 0, (short) Sys.AF_INET6);
    }

    /**
     * @throws LinuxException EPERM without CAP_NET_RAW
     */
    public static RawIp open() throws LinuxException {
        return new RawIp();
    }

    /**
     * Sends one packet.
     *
     * @return false if the kernel did not take it
     */
    public boolean send(MemorySegment packet, long length, IpAddress destination) {
        if (destination.isV4()) {
            to4.set(Netlink.BE32, 4, destination.v4Bits());
            return sys.sendto(v4, packet, length, Sys.MSG_DONTWAIT, to4) == length;
        }
        to6.set(Netlink.BE64, 8, destination.high());
        to6.set(Netlink.BE64, 16, destination.low());
        return v6 >= 0 && sys.sendto(v6, packet, length, Sys.MSG_DONTWAIT, to6) == length;
    }

    @Override
    public void close() {
        if (v4 >= 0) {
            sys.close(v4);
        }
        if (v6 >= 0) {
            sys.close(v6);
        }
        arena.close();
    }
}
