package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.lang.foreign.MemorySegment;
import java.sql.Timestamp;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pcap4j.core.BpfProgram.BpfCompileMode;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapHandle.TimestampPrecision;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.PcapNetworkInterface.PromiscuousMode;
import org.pcap4j.core.PcapStat;
import org.pcap4j.core.RawPacketListener;

/**
 * What passes by on an interface, by libpcap. {@link #run} belongs to one thread; {@link #stop} may
 * be called from any.
 */
public final class LiveCapture implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 100;
    private static final int BUFFER_BYTES = 32 << 20;
    private static final int FOREVER = -1;

    private final PcapHandle handle;
    private final String name;
    private final boolean nanos;
    private final int linkNumber;
    private final @Nullable LinkType link;
    private volatile boolean stopped;

    private LiveCapture(PcapHandle handle, String name, boolean nanos) {
        this.handle = handle;
        this.name = name;
        this.nanos = nanos;
        linkNumber = handle.getDlt().value();
        link = LinkType.of(linkNumber);
    }

    /**
     * Opens an interface, in promiscuous mode.
     *
     * @param filter in the language of pcap-filter(7); empty for everything
     * @throws CaptureException {@code UNREADABLE} if it cannot be opened or the filter has an
     *     error; the message is libpcap's
     */
    public static LiveCapture open(String name, String filter) throws CaptureException {
        try {
            PcapHandle handle;
            boolean nanos = true;
            try {
                handle = build(name, TimestampPrecision.NANO);
            } catch (PcapNativeException e) {
                nanos = false; // not every kind of interface knows them
                handle = build(name, TimestampPrecision.MICRO);
            }
            try {
                if (!filter.isEmpty()) {
                    handle.setFilter(filter, BpfCompileMode.OPTIMIZE);
                }
            } catch (PcapNativeException | NotOpenException e) {
                handle.close();
                throw unreadable("filter '" + filter + "': " + e.getMessage());
            }
            return new LiveCapture(handle, name, nanos);
        } catch (PcapNativeException e) {
            String message = String.valueOf(e.getMessage());
            String cure =
                    message.contains("not permitted") ? "; it takes CAP_NET_RAW, or root" : "";
            throw unreadable("cannot capture on " + name + ": " + message + cure);
        } catch (LinkageError e) {
            throw unreadable(
                    "libpcap is missing (libpcap0.8 in Debian), or does not fit: "
                            + e.getMessage());
        }
    }

    private static PcapHandle build(String name, TimestampPrecision precision)
            throws PcapNativeException {
        return new PcapHandle.Builder(name)
                .snaplen(FormatReader.MAX_CAPTURED)
                .promiscuousMode(PromiscuousMode.PROMISCUOUS)
                .timeoutMillis(TIMEOUT_MILLIS)
                .bufferSize(BUFFER_BYTES)
                .timestampPrecision(precision)
                .build();
    }

    private static CaptureException unreadable(String why) {
        return new CaptureException(CaptureException.Kind.UNREADABLE, why);
    }

    /** Decimal digits of the time stamps after the second. */
    public int timeDigits() {
        return nanos ? 9 : 6;
    }

    /**
     * Hands each packet on as it comes, until {@link #stop}.
     *
     * @throws CaptureException {@code DAMAGED} if the interface goes away
     */
    public void run(Consumer<CapturedPacket> each) throws CaptureException {
        CapturedPacket packet = new CapturedPacket();
        packet.linkNumber = linkNumber;
        packet.unsupportedLink = link == null;
        packet.linkType = link == null ? LinkType.RAW : link;
        packet.interfaceName = name;
        packet.timeDigits = timeDigits();
        RawPacketListener listener =
                bytes -> {
                    Timestamp time = handle.getTimestamp();
                    packet.data = MemorySegment.ofArray(bytes);
                    packet.offset = 0;
                    packet.capturedLength = bytes.length;
                    packet.wireLength =
                            FormatReader.wireLength(bytes.length, handle.getOriginalLength());
                    packet.timeNanos =
                            Math.floorDiv(time.getTime(), 1000L) * 1_000_000_000L + time.getNanos();
                    packet.number++;
                    each.accept(packet);
                };
        try {
            handle.loop(FOREVER, listener);
        } catch (InterruptedException e) {
            // breakLoop: the end.
        } catch (PcapNativeException | NotOpenException e) {
            if (!stopped) {
                throw new CaptureException(
                        CaptureException.Kind.DAMAGED, name + ": " + e.getMessage());
            }
        }
    }

    /** Makes {@link #run} return. */
    public void stop() {
        stopped = true;
        try {
            handle.breakLoop();
        } catch (NotOpenException e) {
            // closed already
        }
    }

    /** Packets that did not fit into libpcap's buffer. */
    public long dropped() {
        try {
            PcapStat stats = handle.getStats();
            return stats.getNumPacketsDropped();
        } catch (PcapNativeException | NotOpenException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        handle.close();
    }
}
