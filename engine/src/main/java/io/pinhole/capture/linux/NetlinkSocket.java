package io.pinhole.capture.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A NETLINK_NETFILTER socket with blocking requests. One thread at a time. */
final class NetlinkSocket implements AutoCloseable {
    private static final int ADD_MEMBERSHIP = 1;
    private static final int REPLY_BYTES = 256 * 1024;
    private static final int MAX_WAIT_MILLIS = 5000;

    final Arena arena = Arena.ofShared();
    final Sys sys = new Sys(arena);
    final int fd;
    private final MemorySegment kernel;
    private final MemorySegment reply = arena.allocate(REPLY_BYTES, 8);
    private final MemorySegment pollfd = arena.allocate(8, 8);
    private int sequence;

    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    NetlinkSocket() throws LinuxException {
        fd = sys.socket(Sys.AF_NETLINK, Sys.SOCK_RAW | Sys.SOCK_CLOEXEC, Netlink.NETFILTER);
        if (fd < 0) {
            arena.close();
            throw new LinuxException("cannot open a netlink socket", -fd);
        }
        kernel = arena.allocate(12, 4); // struct sockaddr_nl, port 0: the kernel
        kernel.set(ValueLayout.JAVA_SHORT, 0, (short) Sys.AF_NETLINK);
        int bound = sys.bind(fd, kernel);
        if (bound < 0) {
            close();
            throw new LinuxException("cannot bind a netlink socket", -bound);
        }
    }

    void join(int group) throws LinuxException {
        int joined = sys.setsockopt(fd, Sys.SOL_NETLINK, ADD_MEMBERSHIP, group);
        if (joined < 0) {
            throw new LinuxException("cannot subscribe to netlink group " + group, -joined);
        }
    }

    /** As large as asked where privileged, else as large as net.core.rmem_max allows. */
    void receiveBuffer(int bytes) {
        if (sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_RCVBUFFORCE, bytes) < 0) {
            sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_RCVBUF, bytes);
        }
    }

    int nextSequence() {
        return ++sequence;
    }

    long send(Netlink messages) {
        return sys.sendto(fd, messages.buffer(), messages.length(), 0, kernel);
    }

    /** Takes messages of a reply; {@code at} and {@code length} lie in {@code in}. */
    interface Taker {
        void take(MemorySegment in, long at, int length);
    }

    /**
     * Sends one request and waits for its acknowledgement or the end of its dump.
     *
     * @return 0, or the kernel's positive error number
     */
    int request(Netlink message, Taker taker) {
        int wanted = sequence;
        long sent = send(message);
        if (sent < 0) {
            return (int) -sent;
        }
        while (true) {
            pollfd.set(ValueLayout.JAVA_INT, 0, fd);
            pollfd.set(ValueLayout.JAVA_SHORT, 4, Sys.POLLIN);
            int ready = sys.poll(pollfd, 1, MAX_WAIT_MILLIS);
            if (ready == 0) {
                return 110; // ETIMEDOUT
            }
            long got = sys.recv(fd, reply, Sys.MSG_DONTWAIT);
            if (got == -Sys.EAGAIN || got == -Sys.EINTR) {
                continue;
            }
            if (got < 0) {
                return (int) -got;
            }
            long at = 0;
            int length;
            while ((length = Netlink.messageLength(reply, at, got)) > 0) {
                boolean ours = reply.get(Netlink.I32, at + Netlink.SEQUENCE) == wanted;
                int type = Netlink.type(reply, at);
                if (ours && type == Netlink.MESSAGE_DONE) {
                    return 0;
                }
                if (ours && type == Netlink.MESSAGE_ERROR) {
                    return Netlink.error(reply, at, length);
                }
                if (ours) {
                    taker.take(reply, at, length);
                }
                at += length + 3 & ~3L;
            }
        }
    }

    @Override
    public void close() {
        sys.close(fd);
        arena.close();
    }
}
