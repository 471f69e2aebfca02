package io.pinhole.capture.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * One NFQUEUE: packets in by batches of recvmmsg(2), verdicts out by batches of concatenated
 * messages. One thread.
 *
 * <p>Every packet received must be answered once. A packet's bytes are valid until the next {@link
 * #receive}.
 *
 * <p>Overflow: the kernel numbers what it queues, so a gap in the numbers is a packet that did not
 * fit into the socket's buffer. Under fail-open it passed, and the kernel counts it nowhere; under
 * fail-closed it was dropped. The queue's own length limit is set so high that the buffer always
 * fills first, because packets beyond that limit get no number.
 *
 * @see <a href="https://www.kernel.org/doc/html/latest/networking/netlink_spec/">
 *     linux/netfilter/nfnetlink_queue.h</a>
 */
public final class NfQueue implements AutoCloseable {
    private static final Path STATUS = Path.of("/proc/thread-self/net/netfilter/nfnetlink_queue");
    private static final int SUBSYSTEM = 3 << 8; // NFNL_SUBSYS_QUEUE
    private static final int PACKET = SUBSYSTEM;
    private static final int VERDICT = SUBSYSTEM | 1;
    private static final int CONFIG = SUBSYSTEM | 2;

    private static final int CONFIG_COMMAND = 1;
    private static final int CONFIG_PARAMS = 2;
    private static final int CONFIG_MAX_LENGTH = 3;
    private static final int CONFIG_MASK = 4;
    private static final int CONFIG_FLAGS = 5;
    private static final byte BIND = 1;
    private static final byte UNBIND = 2;
    private static final byte COPY_PACKET = 2;
    private static final int FAIL_OPEN = 1;
    private static final int GSO = 4;

    private static final int PACKET_HEADER = 1;
    private static final int MARK = 3;
    private static final int IN_DEVICE = 5;
    private static final int OUT_DEVICE = 6;
    private static final int IN_PORT = 7; // NFQA_IFINDEX_PHYSINDEV: the bridge's port
    private static final int OUT_PORT = 8;
    private static final int PAYLOAD = 10;
    private static final int CAPTURED_LENGTH = 13;
    private static final int SKB_INFO = 14;
    private static final int CHECKSUM_NOT_READY = 1;

    private static final int VERDICT_HEADER = 2;
    private static final int NF_DROP = 0;
    private static final int NF_ACCEPT = 1;

    private static final int BATCH = 64;
    private static final int SLOT = 72 * 1024; // 64 KiB of payload and the other attributes
    private static final int VERDICT_BYTES = 40;
    private static final int MAX_LENGTH = 1 << 20;

    private final NetlinkSocket socket;
    private final int number;
    private final MemorySegment buffer;
    private final MessageBatch messages;
    private final Netlink verdicts;
    private int got;
    private int current;

    private int id;
    private int lastId;
    private int mark;
    private int inIndex;
    private int outIndex;
    private long payload;
    private int captured;
    private int wire;
    private boolean checksumReady;

    private long received;
    private long lost;
    private long overflows;
    private long truncated;
    private long verdictErrors;

    private NfQueue(NetlinkSocket socket, int number) {
        this.socket = socket;
        this.number = number;
        buffer = socket.arena.allocate((long) BATCH * SLOT, 64);
        messages = new MessageBatch(socket.arena, BATCH);
        for (int i = 0; i < BATCH; i++) {
            messages.point(i, buffer, (long) i * SLOT, SLOT);
        }
        verdicts = new Netlink(socket.arena.allocate((long) BATCH * VERDICT_BYTES, 8));
    }

    /**
     * Binds a queue of the network namespace.
     *
     * @param number 0..65535
     * @param failOpen whether packets pass where they cannot be queued
     * @param bufferBytes of the socket, the bound on what waits
     * @throws LinuxException with EPERM if another program listens on that queue, or the privilege
     *     CAP_NET_ADMIN is missing
     */
    public static NfQueue open(int number, boolean failOpen, int bufferBytes)
            throws LinuxException {
        NetlinkSocket socket = new NetlinkSocket();
        NfQueue queue = new NfQueue(socket, number);
        try {
            socket.receiveBuffer(bufferBytes);
            queue.configure(CONFIG_COMMAND, BIND, (byte) 0, (byte) 0, (byte) 0);
            queue.configure(
                    CONFIG_PARAMS, (byte) 0, (byte) 0, (byte) 0xff, (byte) 0xff, COPY_PACKET);
            queue.configure(
                    CONFIG_MAX_LENGTH,
                    (byte) (MAX_LENGTH >>> 24),
                    (byte) (MAX_LENGTH >>> 16),
                    (byte) (MAX_LENGTH >>> 8),
                    (byte) MAX_LENGTH);
            queue.flags((failOpen ? FAIL_OPEN : 0) | GSO);
            return queue;
        } catch (LinuxException e) {
            socket.close();
            throw e;
        }
    }

    private void configure(int attribute, byte... value) throws LinuxException {
        verdicts.clear();
        verdicts.begin(CONFIG, Netlink.REQUEST | Netlink.ACK, socket.nextSequence(), 0, number)
                .bytes(attribute, value)
                .end();
        ask();
    }

    private void flags(int flags) throws LinuxException {
        verdicts.clear();
        verdicts.begin(CONFIG, Netlink.REQUEST | Netlink.ACK, socket.nextSequence(), 0, number)
                .be32(CONFIG_MASK, flags | FAIL_OPEN)
                .be32(CONFIG_FLAGS, flags)
                .end();
        ask();
    }

    private void ask() throws LinuxException {
        int error = socket.request(verdicts, (in, at, length) -> {});
        verdicts.clear();
        if (error != 0) {
            throw new LinuxException("cannot use NFQUEUE " + number, error);
        }
    }

    /** For {@link Waiter}. */
    public int descriptor() {
        return socket.fd;
    }

    /** The queue's number. */
    public int number() {
        return number;
    }

    /**
     * Fetches what waits, without waiting.
     *
     * @return false if nothing was there
     */
    public boolean receive() {
        current = 0;
        got = socket.sys.recvmmsg(socket.fd, messages.headers, BATCH, Sys.MSG_DONTWAIT);
        if (got == -Sys.ENOBUFS) {
            overflows++;
            got = socket.sys.recvmmsg(socket.fd, messages.headers, BATCH, Sys.MSG_DONTWAIT);
        }
        if (got < 0) {
            got = 0;
        }
        return got > 0;
    }

    /** Moves to the next packet of the batch. */
    public boolean next() {
        while (current < got) {
            int i = current++;
            if (messages.truncated(i)) {
                truncated++;
            }
            long at = (long) i * SLOT;
            long end = at + Math.min(messages.length(i), SLOT);
            int length = Netlink.messageLength(buffer, at, end);
            if (length < 0) {
                continue;
            }
            int type = Netlink.type(buffer, at);
            if (type == PACKET && parse(at + Netlink.BODY, at + length)) {
                return true;
            }
            if (type == Netlink.MESSAGE_ERROR && Netlink.error(buffer, at, length) != 0) {
                verdictErrors++;
            }
        }
        return false;
    }

    private boolean parse(long from, long end) {
        boolean named = false;
        mark = 0;
        inIndex = 0;
        outIndex = 0;
        int inPort = 0;
        int outPort = 0;
        captured = 0;
        wire = 0;
        checksumReady = true;
        for (long at = from; Netlink.isAttribute(buffer, at, end); at = Netlink.next(buffer, at)) {
            int length = Netlink.valueLength(buffer, at);
            long value = at + 4;
            int type = Netlink.attributeType(buffer, at);
            if (type == PAYLOAD) {
                payload = value;
                captured = length;
            } else if (length >= 4) {
                int be32 = buffer.get(Netlink.BE32, value);
                switch (type) {
                    case PACKET_HEADER -> {
                        id = be32;
                        named = true;
                    }
                    case MARK -> mark = be32;
                    case IN_DEVICE -> inIndex = be32;
                    case OUT_DEVICE -> outIndex = be32;
                    case IN_PORT -> inPort = be32;
                    case OUT_PORT -> outPort = be32;
                    case CAPTURED_LENGTH -> wire = be32;
                    case SKB_INFO -> checksumReady = (be32 & CHECKSUM_NOT_READY) == 0;
                    default -> {}
                }
            }
        }
        if (!named) {
            return false;
        }
        inIndex = inPort != 0 ? inPort : inIndex;
        outIndex = outPort != 0 ? outPort : outIndex;
        wire = Math.max(wire, captured);
        received++;
        if (received > 1 || lastId != 0) {
            lost += Integer.toUnsignedLong(id - lastId - 1);
        }
        lastId = id;
        return true;
    }

    /** The current packet's number in the queue. */
    public int id() {
        return id;
    }

    /** The packet mark, {@code meta mark} of nft. */
    public int mark() {
        return mark;
    }

    /** Index of the interface it came in by, a bridge's port rather than the bridge; 0 for none. */
    public int inIndex() {
        return inIndex;
    }

    public int outIndex() {
        return outIndex;
    }

    /** The memory that holds the packet. */
    public MemorySegment data() {
        return buffer;
    }

    /** Where its IP header begins in {@link #data()}. */
    public long offset() {
        return payload;
    }

    public int captured() {
        return captured;
    }

    /** Bytes of the whole packet; more than an MTU where segments come unsplit. */
    public int wire() {
        return wire;
    }

    /** False where the sender left the transport checksum to the hardware. */
    public boolean checksumReady() {
        return checksumReady;
    }

    /** Lets a packet go on; written by the next {@link #flush}. */
    public void accept(int packetId) {
        begin(packetId, NF_ACCEPT).end();
        room();
    }

    /** Lets a packet go on with another mark. */
    public void accept(int packetId, int newMark) {
        begin(packetId, NF_ACCEPT).be32(MARK, newMark).end();
        room();
    }

    public void drop(int packetId) {
        begin(packetId, NF_DROP).end();
        room();
    }

    private Netlink begin(int packetId, int verdict) {
        return verdicts.begin(VERDICT, Netlink.REQUEST, 0, 0, number)
                .be32(VERDICT_HEADER, verdict, packetId);
    }

    private void room() {
        if (verdicts.length() > (long) (BATCH - 1) * VERDICT_BYTES) {
            flush();
        }
    }

    /** Hands the verdicts to the kernel. */
    public void flush() {
        if (verdicts.length() > 0) {
            if (socket.send(verdicts) < 0) {
                verdictErrors++;
            }
            verdicts.clear();
        }
    }

    /** Packets received. */
    public long received() {
        return received;
    }

    /** Packets that the kernel numbered but could not hand over: gaps in the numbers. */
    public long lost() {
        return lost;
    }

    /**
     * After an overflow, once nothing waits: counts as lost what the kernel numbered since the last
     * packet, without waiting for the next one to tell.
     *
     * @return false if packets still wait, or the kernel does not say
     */
    public boolean settle() {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                // queue, port id, waiting, mode, range, two counts of drops, last number, 1
                String[] columns = line.trim().split(" +");
                if (columns.length < 8 || Integer.parseInt(columns[0]) != number) {
                    continue;
                }
                if (!columns[2].equals("0")) {
                    return false;
                }
                int last = Integer.parseUnsignedInt(columns[7]);
                lost += Integer.toUnsignedLong(last - lastId);
                lastId = last;
                return true;
            }
        } catch (IOException | NumberFormatException e) {
            return false;
        }
        return false;
    }

    /** Whether a program listens to a queue of this network namespace. */
    public static boolean isBound(int number) {
        try (Stream<String> lines = Files.lines(STATUS)) {
            return lines.anyMatch(line -> line.strip().startsWith(number + " "));
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    /** How often the kernel said that the socket's buffer was full. */
    public long overflows() {
        return overflows;
    }

    /** Verdicts that the kernel did not take. */
    public long verdictErrors() {
        return verdictErrors;
    }

    /** Messages that did not fit into their buffer. */
    public long truncated() {
        return truncated;
    }

    /** Gives the queue back; what still waits in it is dropped by the kernel. */
    @Override
    public void close() {
        flush();
        try {
            configure(CONFIG_COMMAND, UNBIND, (byte) 0, (byte) 0, (byte) 0);
        } catch (LinuxException e) {
            // The kernel unbinds it with the socket.
        }
        socket.close();
    }
}
