package io.pinhole.capture.linux;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The kernel's connection tracking table over netlink (linux/netfilter/nfnetlink_conntrack.h): list
 * it, change marks, delete entries, be told of entries that go. One thread at a time.
 */
public final class Conntrack implements AutoCloseable {
    private static final int SUBSYSTEM = 1 << 8; // NFNL_SUBSYS_CTNETLINK
    private static final int NEW = SUBSYSTEM;
    private static final int GET = SUBSYSTEM | 1;
    private static final int DELETE = SUBSYSTEM | 2;
    private static final int GROUP_DESTROY = 3; // NFNLGRP_CONNTRACK_DESTROY

    private static final int TUPLE_ORIGINAL = 1;
    private static final int TUPLE_REPLY = 2;
    private static final int STATUS = 3;
    private static final int PROTOCOL_INFO = 4;
    private static final int MARK = 8;
    private static final int COUNTERS_ORIGINAL = 9;
    private static final int COUNTERS_REPLY = 10;
    private static final int MARK_MASK = 21;
    private static final int TUPLE_IP = 1;
    private static final int TUPLE_PROTOCOL = 2;
    private static final int V4_SOURCE = 1;
    private static final int V4_DESTINATION = 2;
    private static final int V6_SOURCE = 3;
    private static final int V6_DESTINATION = 4;
    private static final int PROTOCOL_NUMBER = 1;
    private static final int SOURCE_PORT = 2;
    private static final int DESTINATION_PORT = 3;
    private static final int TCP_INFO = 1;
    private static final int TCP_STATE = 1;
    private static final int COUNTER_PACKETS = 1;
    private static final int COUNTER_BYTES = 2;

    private static final int EVENT_BUFFER = 8 << 20;
    private static final int ENOENT = 2;

    private final NetlinkSocket socket;
    private final Netlink message;
    private final MemorySegment events;
    private long overflows;

    private Conntrack(NetlinkSocket socket) {
        this.socket = socket;
        message = new Netlink(socket.arena.allocate(512, 8));
        events = socket.arena.allocate(256 * 1024, 8);
    }

    /** For listing and changing entries. */
    public static Conntrack open() throws LinuxException {
        return new Conntrack(new NetlinkSocket());
    }

    /** For {@link #ended}: subscribes to entries that go. */
    public static Conntrack openEvents() throws LinuxException {
        NetlinkSocket socket = new NetlinkSocket();
        try {
            socket.receiveBuffer(EVENT_BUFFER);
            socket.join(GROUP_DESTROY);
        } catch (LinuxException e) {
            socket.close();
            throw e;
        }
        return new Conntrack(socket);
    }

    /** For {@link Waiter}. */
    public int descriptor() {
        return socket.fd;
    }

    /**
     * Lists the entries of both IP versions whose mark has these bits.
     *
     * @param mask 0 for all entries
     */
    public void list(int mark, int mask, Consumer<ConntrackEntry> each) throws LinuxException {
        for (int family : new int[] {Sys.AF_INET, Sys.AF_INET6}) {
            message.clear();
            message.begin(GET, Netlink.REQUEST | Netlink.DUMP, socket.nextSequence(), family, 0);
            if (mask != 0) {
                message.be32(MARK, mark).be32(MARK_MASK, mask);
            }
            message.end();
            int error =
                    socket.request(
                            message,
                            (in, at, length) -> {
                                ConntrackEntry entry = read(in, at + Netlink.BODY, at + length);
                                if (entry != null && (entry.mark() & mask) == (mark & mask)) {
                                    each.accept(entry);
                                }
                            });
            if (error != 0) {
                throw new LinuxException("cannot list the kernel's connections", error);
            }
        }
    }

    /**
     * Looks an entry up.
     *
     * @param original the 5-tuple of its first packet as the kernel met it
     * @return null if there is none
     */
    public @Nullable ConntrackEntry find(FlowKey original) throws LinuxException {
        ConntrackEntry[] found = new ConntrackEntry[1];
        begin(GET, original);
        message.end();
        int error =
                socket.request(
                        message,
                        (in, at, length) -> found[0] = read(in, at + Netlink.BODY, at + length));
        if (error != 0 && error != ENOENT) {
            throw new LinuxException("cannot look a connection up", error);
        }
        return found[0];
    }

    /**
     * Changes the bits of an entry's mark that {@code mask} has.
     *
     * @return false if there is no such entry any more
     */
    public boolean mark(ConntrackEntry entry, int mark, int mask) throws LinuxException {
        begin(NEW, entry.original());
        message.be32(MARK, mark).be32(MARK_MASK, mask).end();
        return ask("cannot change the mark of a connection");
    }

    /**
     * Removes an entry.
     *
     * @return false if there is no such entry any more
     */
    public boolean delete(ConntrackEntry entry) throws LinuxException {
        begin(DELETE, entry.original());
        message.end();
        return ask("cannot delete a connection");
    }

    private void begin(int type, FlowKey key) {
        message.clear();
        message.begin(
                type,
                Netlink.REQUEST | Netlink.ACK,
                socket.nextSequence(),
                key.source().isV4() ? Sys.AF_INET : Sys.AF_INET6,
                0);
        write(message, TUPLE_ORIGINAL, key);
    }

    private boolean ask(String attempt) throws LinuxException {
        int error = socket.request(message, (in, at, length) -> {});
        if (error != 0 && error != ENOENT) {
            throw new LinuxException(attempt, error);
        }
        return error == 0;
    }

    static void write(Netlink to, int type, FlowKey key) {
        long tuple = to.open(type);
        long ip = to.open(TUPLE_IP);
        IpAddress source = key.source();
        IpAddress destination = key.destination();
        if (source.isV4()) {
            to.be32(V4_SOURCE, source.v4Bits()).be32(V4_DESTINATION, destination.v4Bits());
        } else {
            to.be64(V6_SOURCE, source.high(), source.low());
            to.be64(V6_DESTINATION, destination.high(), destination.low());
        }
        to.close(ip);
        long protocol = to.open(TUPLE_PROTOCOL);
        to.u8(PROTOCOL_NUMBER, key.protocol())
                .be16(SOURCE_PORT, key.sourcePort())
                .be16(DESTINATION_PORT, key.destinationPort())
                .close(protocol)
                .close(tuple);
    }

    /** Takes what {@link #openEvents} subscribed to, without waiting. */
    public void ended(Consumer<ConntrackEntry> each) {
        while (true) {
            long got = socket.sys.recv(socket.fd, events, Sys.MSG_DONTWAIT);
            if (got == -Sys.ENOBUFS) {
                overflows++;
                continue;
            }
            if (got <= 0) {
                return;
            }
            long at = 0;
            int length;
            while ((length = Netlink.messageLength(events, at, got)) > 0) {
                if (Netlink.type(events, at) == DELETE) {
                    ConntrackEntry entry = read(events, at + Netlink.BODY, at + length);
                    if (entry != null) {
                        each.accept(entry);
                    }
                }
                at += length + 3 & ~3L;
            }
        }
    }

    /** How often events were lost: compare tables then. */
    public long overflows() {
        return overflows;
    }

    /** Reads the attributes of one entry; null if they do not name a flow. */
    static @Nullable ConntrackEntry read(MemorySegment in, long from, long end) {
        FlowKey original = null;
        FlowKey reply = null;
        int status = 0;
        int tcpState = 0;
        int mark = 0;
        long[] counters = {-1, -1, -1, -1};
        for (long at = from; Netlink.isAttribute(in, at, end); at = Netlink.next(in, at)) {
            long value = at + 4;
            int length = Netlink.valueLength(in, at);
            switch (Netlink.attributeType(in, at)) {
                case TUPLE_ORIGINAL -> original = tuple(in, value, value + length);
                case TUPLE_REPLY -> reply = tuple(in, value, value + length);
                case STATUS -> status = length >= 4 ? in.get(Netlink.BE32, value) : 0;
                case MARK -> mark = length >= 4 ? in.get(Netlink.BE32, value) : 0;
                case PROTOCOL_INFO -> {
                    long tcp = Netlink.find(in, value, value + length, TCP_INFO);
                    if (tcp >= 0) {
                        long stop = tcp + 4 + Netlink.valueLength(in, tcp);
                        long state = Netlink.find(in, tcp + 4, stop, TCP_STATE);
                        if (state >= 0 && Netlink.valueLength(in, state) >= 1) {
                            tcpState = in.get(Netlink.I8, state + 4);
                        }
                    }
                }
                case COUNTERS_ORIGINAL -> counters(in, value, value + length, counters, 0);
                case COUNTERS_REPLY -> counters(in, value, value + length, counters, 2);
                default -> {}
            }
        }
        if (original == null || reply == null) {
            return null;
        }
        return new ConntrackEntry(
                original,
                reply,
                status,
                tcpState,
                mark,
                counters[0],
                counters[1],
                counters[2],
                counters[3]);
    }

    private static void counters(MemorySegment in, long from, long end, long[] into, int place) {
        long packets = Netlink.find(in, from, end, COUNTER_PACKETS);
        long bytes = Netlink.find(in, from, end, COUNTER_BYTES);
        if (packets >= 0 && Netlink.valueLength(in, packets) >= 8) {
            into[place] = in.get(Netlink.BE64, packets + 4);
        }
        if (bytes >= 0 && Netlink.valueLength(in, bytes) >= 8) {
            into[place + 1] = in.get(Netlink.BE64, bytes + 4);
        }
    }

    private static @Nullable FlowKey tuple(MemorySegment in, long from, long end) {
        long ip = Netlink.find(in, from, end, TUPLE_IP);
        long protocol = Netlink.find(in, from, end, TUPLE_PROTOCOL);
        if (ip < 0 || protocol < 0) {
            return null;
        }
        long ipEnd = ip + 4 + Netlink.valueLength(in, ip);
        IpAddress source = address(in, ip + 4, ipEnd, V4_SOURCE, V6_SOURCE);
        IpAddress destination = address(in, ip + 4, ipEnd, V4_DESTINATION, V6_DESTINATION);
        long protocolEnd = protocol + 4 + Netlink.valueLength(in, protocol);
        long number = Netlink.find(in, protocol + 4, protocolEnd, PROTOCOL_NUMBER);
        if (source == null
                || destination == null
                || number < 0
                || Netlink.valueLength(in, number) < 1) {
            return null;
        }
        return new FlowKey(
                Byte.toUnsignedInt(in.get(Netlink.I8, number + 4)),
                source,
                port(in, protocol + 4, protocolEnd, SOURCE_PORT),
                destination,
                port(in, protocol + 4, protocolEnd, DESTINATION_PORT));
    }

    private static @Nullable IpAddress address(
            MemorySegment in, long from, long end, int v4, int v6) {
        long at = Netlink.find(in, from, end, v4);
        if (at >= 0 && Netlink.valueLength(in, at) >= 4) {
            return IpAddress.v4(in.get(Netlink.BE32, at + 4));
        }
        at = Netlink.find(in, from, end, v6);
        if (at >= 0 && Netlink.valueLength(in, at) >= 16) {
            return IpAddress.v6(in.get(Netlink.BE64, at + 4), in.get(Netlink.BE64, at + 12));
        }
        return null;
    }

    private static int port(MemorySegment in, long from, long end, int type) {
        long at = Netlink.find(in, from, end, type);
        return at >= 0 && Netlink.valueLength(in, at) >= 2
                ? Short.toUnsignedInt(in.get(Netlink.BE16, at + 4))
                : 0;
    }

    @Override
    public void close() {
        socket.close();
    }
}
