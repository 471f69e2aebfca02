package io.pinhole.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.BitSet;

/** The system calls the differential test needs: packet sockets in another network namespace. */
final class Linux {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle OPEN = call("open", INT, ValueLayout.ADDRESS, INT);
    private static final MethodHandle CLOSE = call("close", INT, INT);
    private static final MethodHandle SETNS = call("setns", INT, INT, INT);
    private static final MethodHandle SOCKET = call("socket", INT, INT, INT, INT);
    private static final MethodHandle BIND = call("bind", INT, INT, ValueLayout.ADDRESS, INT);
    private static final MethodHandle SETSOCKOPT =
            call("setsockopt", INT, INT, INT, INT, ValueLayout.ADDRESS, INT);
    private static final MethodHandle SEND =
            call("send", LONG, INT, ValueLayout.ADDRESS, LONG, INT);
    private static final MethodHandle RECV =
            call("recv", LONG, INT, ValueLayout.ADDRESS, LONG, INT);
    private static final MethodHandle NAME_TO_INDEX =
            call("if_nametoindex", INT, ValueLayout.ADDRESS);
    private static final MethodHandle SETAFFINITY =
            call("sched_setaffinity", INT, INT, LONG, ValueLayout.ADDRESS);
    private static final MethodHandle GETAFFINITY =
            call("sched_getaffinity", INT, INT, LONG, ValueLayout.ADDRESS);

    private static final int CLONE_NEWNET = 0x4000_0000;
    private static final int AF_PACKET = 17;
    private static final int SOCK_RAW = 3;
    private static final int SOL_PACKET = 263;
    private static final int PACKET_IGNORE_OUTGOING = 23;
    private static final int SOL_SOCKET = 1;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int SO_RCVTIMEO = 20;
    private static final int EAGAIN = 11;

    private Linux() {}

    private static MethodHandle call(String name, MemoryLayout result, MemoryLayout... arguments) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().find(name).orElseThrow(),
                FunctionDescriptor.of(result, arguments),
                Linker.Option.captureCallState("errno"));
    }

    /** What a call returned; errors but EAGAIN are failures of the test. */
    private static long check(String what, long result, MemorySegment state) {
        if (result >= 0) {
            return result;
        }
        int errno = (int) ERRNO.get(state, 0L);
        if (errno == EAGAIN) {
            return -EAGAIN;
        }
        throw new IllegalStateException(what + ": errno " + errno);
    }

    /**
     * Does something with this thread in a network namespace. The thread must not be used for
     * anything else afterwards.
     */
    static void enterNamespace(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            int fd =
                    (int)
                            check(
                                    "open",
                                    (int)
                                            OPEN.invokeExact(
                                                    state,
                                                    arena.allocateFrom("/run/netns/" + name),
                                                    0),
                                    state);
            check("setns", (int) SETNS.invokeExact(state, fd, CLONE_NEWNET), state);
            check("close", (int) CLOSE.invokeExact(state, fd), state);
        } catch (Throwable t) {
            throw asFailure(t);
        }
    }

    /**
     * Binds this thread to one processor: what it sends is received in the order it was sent, as
     * each processor has a backlog of its own.
     */
    static void stayOnOneProcessor() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            MemorySegment mask = arena.allocate(128);
            check("sched_getaffinity", (int) GETAFFINITY.invokeExact(state, 0, 128L, mask), state);
            BitSet allowed = BitSet.valueOf(mask.asByteBuffer());
            int one = allowed.nextSetBit(0);
            for (long skip = ProcessHandle.current().pid() % allowed.cardinality();
                    skip > 0;
                    skip--) {
                one = allowed.nextSetBit(one + 1);
            }
            mask.fill((byte) 0);
            mask.set(ValueLayout.JAVA_BYTE, one / 8, (byte) (1 << one % 8));
            check("sched_setaffinity", (int) SETAFFINITY.invokeExact(state, 0, 128L, mask), state);
        } catch (Throwable t) {
            throw asFailure(t);
        }
    }

    /** A raw packet socket on one interface of the namespace this thread is in. */
    static final class PacketSocket implements AutoCloseable {
        private static final int ROOM = 1 << 17;

        private final Arena arena = Arena.ofShared();
        private final MemorySegment state = arena.allocate(STATE);
        private final MemorySegment buffer = arena.allocate(ROOM);
        private final int fd;

        /**
         * @param etherType what to receive; 3 for everything
         * @param timeoutSeconds how long {@link #receive} waits
         */
        PacketSocket(String device, int etherType, int timeoutSeconds) {
            try {
                int wire = Short.toUnsignedInt(Short.reverseBytes((short) etherType));
                fd =
                        (int)
                                check(
                                        "socket",
                                        (int) SOCKET.invokeExact(state, AF_PACKET, SOCK_RAW, 0),
                                        state);
                option(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
                option(SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20);
                MemorySegment time = arena.allocate(16);
                time.set(ValueLayout.JAVA_LONG, 0, timeoutSeconds);
                check(
                        "setsockopt",
                        (int) SETSOCKOPT.invokeExact(state, fd, SOL_SOCKET, SO_RCVTIMEO, time, 16),
                        state);
                int index =
                        (int)
                                check(
                                        "if_nametoindex",
                                        (int)
                                                NAME_TO_INDEX.invokeExact(
                                                        state, arena.allocateFrom(device)),
                                        state);
                if (index == 0) {
                    throw new IllegalStateException("no interface " + device);
                }
                MemorySegment address = arena.allocate(20, 4);
                address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_PACKET);
                address.set(ValueLayout.JAVA_SHORT, 2, (short) wire);
                address.set(ValueLayout.JAVA_INT, 4, index);
                check("bind", (int) BIND.invokeExact(state, fd, address, 20), state);
            } catch (Throwable t) {
                arena.close();
                throw asFailure(t);
            }
        }

        private void option(int level, int name, int value) throws Throwable {
            MemorySegment of = arena.allocate(4, 4);
            of.set(ValueLayout.JAVA_INT, 0, value);
            check("setsockopt", (int) SETSOCKOPT.invokeExact(state, fd, level, name, of, 4), state);
        }

        void send(byte[] frame) {
            try {
                MemorySegment.copy(frame, 0, buffer, ValueLayout.JAVA_BYTE, 0, frame.length);
                check(
                        "send",
                        (long) SEND.invokeExact(state, fd, buffer, (long) frame.length, 0),
                        state);
            } catch (Throwable t) {
                throw asFailure(t);
            }
        }

        /** The next frame; throws if none comes in time. */
        byte[] receive() {
            try {
                long n =
                        check(
                                "recv",
                                (long) RECV.invokeExact(state, fd, buffer, (long) ROOM, 0),
                                state);
                if (n < 0) {
                    throw new IllegalStateException("no frame came: the gateway does not forward");
                }
                return buffer.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
            } catch (Throwable t) {
                throw asFailure(t);
            }
        }

        @Override
        public void close() {
            try {
                check("close", (int) CLOSE.invokeExact(state, fd), state);
            } catch (Throwable t) {
                throw asFailure(t);
            } finally {
                arena.close();
            }
        }
    }

    /** Empties the connection tracking table of the namespace it was opened in. */
    static final class Conntrack implements AutoCloseable {
        private static final int AF_NETLINK = 16;
        private static final int NETLINK_NETFILTER = 12;
        private static final int DELETE = 1 << 8 | 2; // NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
        private static final int REQUEST_ACK = 1 | 4;

        private final Arena arena = Arena.ofShared();
        private final MemorySegment state = arena.allocate(STATE);
        private final MemorySegment buffer = arena.allocate(4096, 8);
        private final int fd;

        Conntrack() {
            try {
                fd =
                        (int)
                                check(
                                        "socket",
                                        (int)
                                                SOCKET.invokeExact(
                                                        state,
                                                        AF_NETLINK,
                                                        SOCK_RAW,
                                                        NETLINK_NETFILTER),
                                        state);
            } catch (Throwable t) {
                arena.close();
                throw asFailure(t);
            }
        }

        void flush() {
            try {
                buffer.asSlice(0, 20).fill((byte) 0);
                buffer.set(ValueLayout.JAVA_INT, 0, 20);
                buffer.set(ValueLayout.JAVA_SHORT, 4, (short) DELETE);
                buffer.set(ValueLayout.JAVA_SHORT, 6, (short) REQUEST_ACK);
                check("send", (long) SEND.invokeExact(state, fd, buffer, 20L, 0), state);
                check("recv", (long) RECV.invokeExact(state, fd, buffer, 4096L, 0), state);
                int error = buffer.get(ValueLayout.JAVA_INT, 16);
                if (error != 0) {
                    throw new IllegalStateException("conntrack flush: errno " + -error);
                }
            } catch (Throwable t) {
                throw asFailure(t);
            }
        }

        @Override
        public void close() {
            try {
                check("close", (int) CLOSE.invokeExact(state, fd), state);
            } catch (Throwable t) {
                throw asFailure(t);
            } finally {
                arena.close();
            }
        }
    }

    private static RuntimeException asFailure(Throwable t) {
        if (t instanceof RuntimeException e) {
            return e;
        }
        if (t instanceof Error e) {
            throw e;
        }
        return new IllegalStateException(t);
    }
}
