package io.pinhole.capture;

/** A stream of packets: a file, several files in order, a device. One reader, one thread. */
public interface PacketSource extends AutoCloseable {
    /**
     * Moves to the next packet.
     *
     * @param into receives the packet; untouched when false is returned
     * @return false at the end of the input
     * @throws CaptureException if the input is damaged here; what was handed out before stays valid
     */
    boolean next(CapturedPacket into) throws CaptureException;

    /**
     * Bytes of input consumed so far, for progress; compressed bytes where the input is compressed.
     */
    long position();

    /** Total bytes of input, or -1 if unknown. */
    long size();

    @Override
    void close();
}
