package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The least TCP packet of a flow, for asking a rule set about a flow that sends none just now. One
 * thread.
 */
final class Probe {
    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort BE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt BE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong BE64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int TCP_HEADER = 20;

    private final MemorySegment bytes = MemorySegment.ofArray(new byte[60]);
    private final PacketView view = new PacketView();

    /** The packet of that key with these TCP flags. */
    PacketView packet(FlowKey key, int tcpFlags) {
        bytes.fill((byte) 0);
        IpAddress source = key.source();
        IpAddress destination = key.destination();
        int header = source.isV4() ? 20 : 40;
        if (source.isV4()) {
            bytes.set(I8, 0, (byte) 0x45);
            bytes.set(BE16, 2, (short) (header + TCP_HEADER));
            bytes.set(I8, 8, (byte) 64);
            bytes.set(I8, 9, (byte) key.protocol());
            bytes.set(BE32, 12, source.v4Bits());
            bytes.set(BE32, 16, destination.v4Bits());
            bytes.set(BE16, 10, (short) ~Checksums.fold(Checksums.sum(bytes, 0, header)));
        } else {
            bytes.set(I8, 0, (byte) 0x60);
            bytes.set(BE16, 4, (short) TCP_HEADER);
            bytes.set(I8, 6, (byte) key.protocol());
            bytes.set(I8, 7, (byte) 64);
            bytes.set(BE64, 8, source.high());
            bytes.set(BE64, 16, source.low());
            bytes.set(BE64, 24, destination.high());
            bytes.set(BE64, 32, destination.low());
        }
        bytes.set(BE16, header, (short) key.sourcePort());
        bytes.set(BE16, header + 2, (short) key.destinationPort());
        bytes.set(I8, header + 12, (byte) (TCP_HEADER / 4 << 4));
        bytes.set(I8, header + 13, (byte) tcpFlags);
        int length = header + TCP_HEADER;
        view.wrap(bytes, 0, length, length, LinkType.RAW);
        return view;
    }
}
