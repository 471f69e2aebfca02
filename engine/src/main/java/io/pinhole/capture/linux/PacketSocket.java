package io.pinhole.capture.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One interface as a port of a bridge, by an AF_PACKET socket (packet(7)): frames in and out in
 * batches, with the virtio header that carries unfinished checksums and unsplit segments from one
 * port to the other. One thread.
 *
 * <p>The kernel takes VLAN tags off and tells them beside the frame; they are put back here, so
 * that a frame leaves as it came.
 *
 * <p>A frame's bytes are valid, and may be sent by another port, until the next {@link #receive}.
 */
public final class PacketSocket implements AutoCloseable {
    private static final int ADD_MEMBERSHIP = 1;
    private static final int STATISTICS = 6;
    private static final int AUXDATA = 8;
    private static final int VNET_HDR = 15;
    private static final int IGNORE_OUTGOING = 23;
    private static final int PROMISCUOUS = 1;
    private static final short ALL_PROTOCOLS = 0x0300; // ETH_P_ALL in network order
    private static final int SOCK_DGRAM = 2;
    private static final int SIOCGIFFLAGS = 0x8913;
    private static final int SIOCGIFMTU = 0x8921;
    private static final int IFF_UP = 1;
    private static final int SIOCETHTOOL = 0x8946;
    private static final int ETHTOOL_GFLAGS = 0x25;
    private static final int FLAG_LRO = 1 << 15;

    private static final int BATCH = 64;

    // A slot: room for a tag, the virtio header, the frame.
    private static final int ROOM = 6;
    private static final int VNET = 10;
    private static final int FRAME = ROOM + VNET;
    private static final int SLOT = 68 * 1024;
    private static final int MIN_FRAME = 14;
    private static final int TAG = 4;

    // struct virtio_net_hdr
    private static final int VNET_HEADER_LENGTH = 2;
    private static final int VNET_CHECKSUM_START = 6;
    private static final int NEEDS_CHECKSUM = 1;

    // struct cmsghdr of 16 bytes, then struct tpacket_auxdata
    private static final int CONTROL = 48;
    private static final int CONTROL_LEVEL = 8;
    private static final int CONTROL_TYPE = 12;
    private static final int AUX_STATUS = 16;
    private static final int AUX_TCI = AUX_STATUS + 16;
    private static final int AUX_TPID = AUX_TCI + 2;
    private static final int AUX_END = AUX_TPID + 2;
    private static final int VLAN_VALID = 1 << 4;
    private static final int TPID_VALID = 1 << 6;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED;

    private final Arena arena = Arena.ofShared();
    private final Sys sys = new Sys(arena);
    private final String name;
    private final int fd;
    private final MemorySegment buffer;
    private final MemorySegment controls;
    private final MessageBatch in;
    private final MessageBatch out;
    private final MemorySegment counters = arena.allocate(8, 8);
    private final MemorySegment countersLength = arena.allocate(4, 4);
    private int got;
    private int current;
    private int waiting;

    private long offset;
    private int length;
    private boolean checksumPending;

    private long received;
    private long dropped;
    private long receiveErrors;
    private long sent;
    private long sendErrors;
    private long truncated;

    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    private PacketSocket(String name, int fd) {
        this.name = name;
        this.fd = fd;
        buffer = arena.allocate((long) BATCH * SLOT, 64);
        controls = arena.allocate((long) BATCH * CONTROL, 8);
        in = new MessageBatch(arena, BATCH);
        out = new MessageBatch(arena, BATCH);
        for (int i = 0; i < BATCH; i++) {
            in.point(i, buffer, (long) i * SLOT + ROOM, SLOT - ROOM);
        }
    }

    /**
     * Opens an interface, in promiscuous mode.
     *
     * @throws LinuxException ENODEV if there is none of that name, EPERM without CAP_NET_RAW
     */
    public static PacketSocket open(String name, int bufferBytes) throws LinuxException {
        try (Arena local = Arena.ofConfined()) {
            Sys sys = new Sys(local);
            int index = sys.interfaceIndex(name);
            if (index == 0) {
                throw new LinuxException("no interface " + name, 19);
            }
            // Protocol 0: nothing comes in before everything is set.
            int fd = sys.socket(Sys.AF_PACKET, Sys.SOCK_RAW | Sys.SOCK_CLOEXEC, 0);
            if (fd < 0) {
                throw new LinuxException("cannot open a packet socket", -fd);
            }
            try {
                need(name, sys.setsockopt(fd, Sys.SOL_PACKET, VNET_HDR, 1));
                need(name, sys.setsockopt(fd, Sys.SOL_PACKET, AUXDATA, 1));
                need(name, sys.setsockopt(fd, Sys.SOL_PACKET, IGNORE_OUTGOING, 1));
                if (sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_RCVBUFFORCE, bufferBytes) < 0) {
                    sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_RCVBUF, bufferBytes);
                }
                MemorySegment membership = local.allocate(16, 8); // struct packet_mreq
                membership.set(ValueLayout.JAVA_INT, 0, index);
                membership.set(ValueLayout.JAVA_SHORT, 4, (short) PROMISCUOUS);
                need(name, sys.setsockopt(fd, Sys.SOL_PACKET, ADD_MEMBERSHIP, membership));
                MemorySegment address = local.allocate(20, 8); // struct sockaddr_ll
                address.set(ValueLayout.JAVA_SHORT, 0, (short) Sys.AF_PACKET);
                address.set(ValueLayout.JAVA_SHORT, 2, ALL_PROTOCOLS);
                address.set(ValueLayout.JAVA_INT, 4, index);
                need(name, sys.bind(fd, address));
                return new PacketSocket(name, fd);
            } catch (LinuxException e) {
                sys.close(fd);
                throw e;
            }
        }
    }

    private static void need(String name, int result) throws LinuxException {
        if (result < 0) {
            throw new LinuxException("cannot use interface " + name, -result);
        }
    }

    /** Whether there is an interface of that name. */
    public static boolean exists(String name) {
        try (Arena local = Arena.ofConfined()) {
            return new Sys(local).interfaceIndex(name) != 0;
        }
    }

    /** Whether an interface is up. */
    public static boolean isUp(String name) {
        return (ask(name, SIOCGIFFLAGS) & IFF_UP) != 0;
    }

    /** Largest packet an interface takes, in bytes without its link header. */
    public static int mtu(String name) {
        return ask(name, SIOCGIFMTU);
    }

    /** What an ioctl of netdevice(7) says in the int behind the name; 0 if it does not. */
    private static int ask(String name, int request) {
        try (Arena local = Arena.ofConfined()) {
            Sys sys = new Sys(local);
            int fd = sys.socket(Sys.AF_INET, SOCK_DGRAM | Sys.SOCK_CLOEXEC, 0);
            if (fd < 0) {
                return 0;
            }
            MemorySegment argument = local.allocate(40, 8); // struct ifreq
            argument.setString(0, name);
            int asked = sys.ioctl(fd, request, argument);
            sys.close(fd);
            return asked < 0 ? 0 : argument.get(ValueLayout.JAVA_INT, 16);
        }
    }

    /** Whether an interface merges received segments (LRO), which must not be forwarded. */
    public static boolean mergesSegments(String name) {
        try (Arena local = Arena.ofConfined()) {
            Sys sys = new Sys(local);
            int fd = sys.socket(Sys.AF_INET, SOCK_DGRAM | Sys.SOCK_CLOEXEC, 0);
            if (fd < 0) {
                return false;
            }
            MemorySegment value = local.allocate(8, 8); // struct ethtool_value
            value.set(ValueLayout.JAVA_INT, 0, ETHTOOL_GFLAGS);
            MemorySegment request = local.allocate(40, 8); // struct ifreq
            request.setString(0, name);
            request.set(ValueLayout.ADDRESS, 16, value);
            int asked = sys.ioctl(fd, SIOCETHTOOL, request);
            sys.close(fd);
            return asked >= 0 && (value.get(ValueLayout.JAVA_INT, 4) & FLAG_LRO) != 0;
        }
    }

    public String name() {
        return name;
    }

    /** For {@link Waiter}. */
    public int descriptor() {
        return fd;
    }

    /**
     * Fetches what waits, without waiting.
     *
     * @return false if nothing was there
     */
    public boolean receive() {
        for (int i = 0; i < BATCH; i++) {
            in.control(i, controls, (long) i * CONTROL, CONTROL);
        }
        current = 0;
        got = sys.recvmmsg(fd, in.headers, BATCH, Sys.MSG_DONTWAIT);
        if (got < 0) {
            // A frame whose offload the header cannot express is refused, and gone.
            receiveErrors += got == -Sys.EAGAIN || got == -Sys.EINTR ? 0 : 1;
            boolean more = got != -Sys.EAGAIN;
            got = 0;
            return more;
        }
        return got > 0;
    }

    /** Moves to the next frame of the batch. */
    public boolean next() {
        while (current < got) {
            int i = current++;
            if (in.truncated(i)) {
                truncated++;
                continue;
            }
            length = in.length(i) - VNET;
            if (length < MIN_FRAME) {
                continue;
            }
            received++;
            offset = (long) i * SLOT + FRAME;
            checksumPending = (buffer.get(Netlink.I8, offset - VNET) & NEEDS_CHECKSUM) != 0;
            restoreTag((long) i * CONTROL, in.controlLength(i));
            return true;
        }
        return false;
    }

    private void restoreTag(long control, long controlLength) {
        if (controlLength < AUX_END
                || controls.get(U32, control + CONTROL_LEVEL) != Sys.SOL_PACKET
                || controls.get(U32, control + CONTROL_TYPE) != AUXDATA) {
            return;
        }
        int status = controls.get(U32, control + AUX_STATUS);
        if ((status & VLAN_VALID) == 0) {
            return;
        }
        int tpid =
                (status & TPID_VALID) != 0
                        ? Short.toUnsignedInt(controls.get(U16, control + AUX_TPID))
                        : 0x8100;
        long vnet = offset - VNET;
        // The virtio header and both addresses move four bytes towards the front.
        MemorySegment.copy(buffer, vnet, buffer, vnet - TAG, VNET + 12L);
        offset -= TAG;
        length += TAG;
        buffer.set(Netlink.BE16, offset + 12, (short) tpid);
        buffer.set(Netlink.BE16, offset + 14, controls.get(U16, control + AUX_TCI));
        vnet = offset - VNET;
        if (checksumPending) {
            short start = buffer.get(U16, vnet + VNET_CHECKSUM_START);
            buffer.set(U16, vnet + VNET_CHECKSUM_START, (short) (start + TAG));
        }
        short header = buffer.get(U16, vnet + VNET_HEADER_LENGTH);
        if (header != 0) {
            buffer.set(U16, vnet + VNET_HEADER_LENGTH, (short) (header + TAG));
        }
    }

    /** The memory that holds the frame. */
    public MemorySegment data() {
        return buffer;
    }

    /** Where its link-layer header begins in {@link #data()}. */
    public long offset() {
        return offset;
    }

    public int length() {
        return length;
    }

    /** True where the sender left the transport checksum to the hardware. */
    public boolean checksumPending() {
        return checksumPending;
    }

    /** Bytes of the virtio header that lies right before each frame. */
    public static int prefix() {
        return VNET;
    }

    /** Sends another port's current frame by this one, at the latest at {@link #flush}. */
    public void forward(PacketSocket from) {
        send(from.buffer, from.offset - VNET, from.length + VNET);
    }

    /**
     * Sends a frame, at the latest at {@link #flush}.
     *
     * @param at where its virtio header lies, the frame right behind it
     * @param bytes of both
     */
    public void send(MemorySegment memory, long at, int bytes) {
        if (waiting == BATCH) {
            flush();
        }
        out.point(waiting++, memory, at, bytes);
    }

    /** Hands the frames to the kernel. */
    public void flush() {
        int from = 0;
        while (from < waiting) {
            int done =
                    sys.sendmmsg(
                            fd,
                            out.headers.asSlice((long) from * MessageBatch.SIZE),
                            waiting - from,
                            0);
            if (done > 0) {
                sent += done;
                from += done;
            } else if (done != -Sys.EINTR) {
                sendErrors++; // too long for the interface, or it is down
                from++;
            }
        }
        waiting = 0;
    }

    /** Reads the kernel's count of frames that did not fit into the buffer. */
    public void refresh() {
        countersLength.set(ValueLayout.JAVA_INT, 0, 8);
        if (sys.getsockopt(fd, Sys.SOL_PACKET, STATISTICS, counters, countersLength) >= 0) {
            dropped += Integer.toUnsignedLong(counters.get(ValueLayout.JAVA_INT, 4));
        }
    }

    public long received() {
        return received;
    }

    /** Frames that did not fit into the socket's buffer, as of {@link #refresh}. */
    public long dropped() {
        return dropped;
    }

    public long receiveErrors() {
        return receiveErrors + truncated;
    }

    public long sent() {
        return sent;
    }

    /** Frames that the interface did not take. */
    public long sendErrors() {
        return sendErrors;
    }

    @Override
    public void close() {
        sys.close(fd);
        arena.close();
    }
}
