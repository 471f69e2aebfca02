package io.pinhole.benchmarks.generate;

import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.IpAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Packets in memory, for benchmarks: each in a slot of its own, so that they can be taken in any
 * order, and many enough that no cache holds them. The packets are those of valid conversations.
 */
public final class PacketArray {
    /** Bytes of a slot. */
    private static final int SLOT = 512;

    private static final int SMALL_SLOT = 128;
    private static final int SERVERS = 1000;

    private final MemorySegment data;
    private final int slot;
    private final short[] lengths;
    private int count;

    @SuppressWarnings("MustBeClosedChecker") // lives as long as the array
    private PacketArray(int capacity, int slot) {
        this.slot = slot;
        data = Arena.ofAuto().allocate((long) capacity * slot, 64);
        lengths = new short[capacity];
    }

    public MemorySegment data() {
        return data;
    }

    public int count() {
        return count;
    }

    public long offset(int packet) {
        return (long) packet * slot;
    }

    public int length(int packet) {
        return lengths[packet];
    }

    private void add(CapturedPacket packet) {
        if (packet.capturedLength <= slot && count < lengths.length) {
            MemorySegment.copy(
                    packet.data, packet.offset, data, offset(count), packet.capturedLength);
            lengths[count++] = (short) packet.capturedLength;
        }
    }

    /**
     * Flows and what they carry.
     *
     * @param opening the handshakes, flow by flow
     * @param traffic data and acknowledgements, flows in random order, each flow's in order
     */
    public record Load(PacketArray opening, PacketArray traffic) {}

    /** IPv4 TCP flows, and at least {@code packets} packets and two a flow. */
    public static Load established(int flows, int packets, long seed) {
        Dice dice = new Dice(seed);
        int each = Math.max(2, packets / flows);
        PacketArray opening = new PacketArray(3 * flows, SMALL_SLOT);
        PacketArray traffic = new PacketArray(each * flows, SMALL_SLOT);
        TcpConnection[] connections = new TcpConnection[flows];
        try {
            Frames frames = new Frames(opening::add, Long.MAX_VALUE, 0);
            for (int i = 0; i < flows; i++) {
                connections[i] = connection(i, dice);
                connections[i].syn(frames, TcpConnection.OPENER);
                connections[i].syn(frames, TcpConnection.ANSWERER);
                connections[i].acknowledge(frames, TcpConnection.OPENER);
            }
            frames = new Frames(traffic::add, Long.MAX_VALUE, 0);
            for (int round = 0; round < each; round++) {
                shuffle(connections, dice);
                for (TcpConnection c : connections) {
                    if (round % 2 == 0) {
                        int side = TcpConnection.ANSWERER;
                        c.data(frames, side, c.next(side), 10, true);
                    } else {
                        c.acknowledge(frames, TcpConnection.OPENER);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Load(opening, traffic);
    }

    /** First packets of as many flows, IPv4 TCP. */
    public static PacketArray first(int flows, long seed) {
        Dice dice = new Dice(seed);
        PacketArray array = new PacketArray(flows, SMALL_SLOT);
        Frames frames = new Frames(array::add, Long.MAX_VALUE, 0);
        try {
            for (int i = 0; i < flows; i++) {
                connection(i, dice).syn(frames, TcpConnection.OPENER);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return array;
    }

    /** The packets of control connections as they come in a capture full of FTP. */
    public static PacketArray control(int packets, long seed) {
        PacketArray array = new PacketArray(packets, SLOT);
        Frames.Sink sink =
                packet -> {
                    if (isControl(packet)) {
                        array.add(packet);
                    }
                };
        try (Truth truth = new Truth(Writer.nullWriter())) {
            // About a half of small FTP sessions is control.
            GenerateCapture.converse(new Frames(sink, 4L * packets, 80), 100, 1000, seed, truth);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return array;
    }

    private static boolean isControl(CapturedPacket packet) {
        boolean v4 =
                packet.data.get(ValueLayout.JAVA_BYTE, packet.offset + 12) == 8
                        && packet.data.get(ValueLayout.JAVA_BYTE, packet.offset + 13) == 0;
        long transport = packet.offset + 14 + (v4 ? 20 : 40);
        return port(packet, transport) == 21 || port(packet, transport + 2) == 21;
    }

    private static int port(CapturedPacket packet, long at) {
        return (packet.data.get(ValueLayout.JAVA_BYTE, at) & 0xff) << 8
                | (packet.data.get(ValueLayout.JAVA_BYTE, at + 1) & 0xff);
    }

    /** Each with a 5-tuple of its own, from 198.18.0.0/16 to a thousand servers. */
    private static TcpConnection connection(int number, Dice dice) {
        Host client = new Host(IpAddress.v4(0xc612_0000 | (number & 0xffff)), 2, dice);
        Host server = new Host(IpAddress.v4(0xc613_0000 | number % SERVERS), 4, dice);
        return new TcpConnection(client, 1024 + (number >>> 16), server, 443, dice);
    }

    private static void shuffle(TcpConnection[] all, Dice dice) {
        for (int i = all.length - 1; i > 0; i--) {
            int j = dice.below(i + 1);
            TcpConnection swapped = all[i];
            all[i] = all[j];
            all[j] = swapped;
        }
    }
}
