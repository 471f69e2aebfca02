package io.pinhole.capture.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The system calls, by the foreign-function interface. Each returns what the call returns, or the
 * negated error number. An instance holds the memory for that number: one thread at a time.
 */
final class Sys {
    static final int EPERM = 1;
    static final int EINTR = 4;
    static final int EAGAIN = 11;
    static final int EBUSY = 16;
    static final int ENOBUFS = 105;

    static final int AF_INET = 2;
    static final int AF_INET6 = 10;
    static final int AF_NETLINK = 16;
    static final int AF_PACKET = 17;
    static final int SOCK_RAW = 3;
    static final int SOCK_CLOEXEC = 0x80000;
    static final int SOL_SOCKET = 1;
    static final int SO_RCVBUF = 8;
    static final int SO_RCVBUFFORCE = 33;
    static final int SOL_NETLINK = 270;
    static final int SOL_PACKET = 263;
    static final int MSG_DONTWAIT = 0x40;
    static final int MSG_TRUNC = 0x20;

    static final short POLLIN = 1;
    static final short POLLERR = 8;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO_OF =
            STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle SOCKET =
            call("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle BIND =
            call("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle CLOSE =
            call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle SETSOCKOPT =
            call(
                    "setsockopt",
                    FunctionDescriptor.of(
                            JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle GETSOCKOPT =
            call(
                    "getsockopt",
                    FunctionDescriptor.of(
                            JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle SENDTO =
            call(
                    "sendto",
                    FunctionDescriptor.of(
                            JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle RECV =
            call("recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle RECVMMSG =
            call(
                    "recvmmsg",
                    FunctionDescriptor.of(
                            JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle SENDMMSG =
            call(
                    "sendmmsg",
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    private static final MethodHandle POLL =
            call("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle EVENTFD =
            call("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle WRITE =
            call("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle READ =
            call("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle IOCTL =
            LINKER.downcallHandle(
                    LINKER.defaultLookup().findOrThrow("ioctl"),
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
                    ERRNO,
                    Linker.Option.firstVariadicArg(2));
    private static final MethodHandle IF_NAMETOINDEX =
            call("if_nametoindex", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle IF_INDEXTONAME =
            call("if_indextoname", FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS));

    private final MemorySegment state;

    Sys(Arena arena) {
        state = arena.allocate(STATE);
    }

    private static MethodHandle call(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type, ERRNO);
    }

    private int error() {
        return -(int) ERRNO_OF.get(state, 0L);
    }

    private int result(int returned) {
        return returned >= 0 ? returned : error();
    }

    private long result(long returned) {
        return returned >= 0 ? returned : error();
    }

    /** A handle throws only what we did wrong. */
    private static AssertionError impossible(Throwable t) {
        return new AssertionError(t);
    }

    int socket(int domain, int type, int protocol) {
        try {
            return result((int) SOCKET.invokeExact(state, domain, type, protocol));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int bind(int fd, MemorySegment address) {
        try {
            return result((int) BIND.invokeExact(state, fd, address, (int) address.byteSize()));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int close(int fd) {
        try {
            return result((int) CLOSE.invokeExact(state, fd));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int setsockopt(int fd, int level, int option, MemorySegment value) {
        try {
            return result(
                    (int)
                            SETSOCKOPT.invokeExact(
                                    state, fd, level, option, value, (int) value.byteSize()));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int setsockopt(int fd, int level, int option, int value) {
        try (Arena arena = Arena.ofConfined()) {
            return setsockopt(fd, level, option, arena.allocateFrom(JAVA_INT, value));
        }
    }

    /**
     * @param length in: bytes of {@code value}; out: bytes written
     */
    int getsockopt(int fd, int level, int option, MemorySegment value, MemorySegment length) {
        try {
            return result((int) GETSOCKOPT.invokeExact(state, fd, level, option, value, length));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    long sendto(int fd, MemorySegment data, long length, int flags, MemorySegment address) {
        try {
            return result(
                    (long)
                            SENDTO.invokeExact(
                                    state,
                                    fd,
                                    data,
                                    length,
                                    flags,
                                    address,
                                    (int) address.byteSize()));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    long recv(int fd, MemorySegment into, int flags) {
        try {
            return result((long) RECV.invokeExact(state, fd, into, into.byteSize(), flags));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int recvmmsg(int fd, MemorySegment messages, int count, int flags) {
        try {
            return result(
                    (int)
                            RECVMMSG.invokeExact(
                                    state, fd, messages, count, flags, MemorySegment.NULL));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int sendmmsg(int fd, MemorySegment messages, int count, int flags) {
        try {
            return result((int) SENDMMSG.invokeExact(state, fd, messages, count, flags));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** {@code pollfd} structs of 8 bytes each: fd, events, returned events. */
    int poll(MemorySegment fds, int count, int timeoutMillis) {
        try {
            return result((int) POLL.invokeExact(state, fds, (long) count, timeoutMillis));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** Non-blocking, closed on exec. */
    int eventfd() {
        try {
            return result((int) EVENTFD.invokeExact(state, 0, 0x80800));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    long write(int fd, MemorySegment data) {
        try {
            return result((long) WRITE.invokeExact(state, fd, data, data.byteSize()));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    long read(int fd, MemorySegment into) {
        try {
            return result((long) READ.invokeExact(state, fd, into, into.byteSize()));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int ioctl(int fd, long request, MemorySegment argument) {
        try {
            return result((int) IOCTL.invokeExact(state, fd, request, argument));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** 0 if there is no such interface. */
    int interfaceIndex(String name) {
        try (Arena arena = Arena.ofConfined()) {
            return (int) IF_NAMETOINDEX.invokeExact(state, arena.allocateFrom(name));
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** Empty if there is no such interface. */
    String interfaceName(int index) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(16);
            MemorySegment found = (MemorySegment) IF_INDEXTONAME.invokeExact(state, index, name);
            return found.equals(MemorySegment.NULL) ? "" : name.getString(0);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }
}
