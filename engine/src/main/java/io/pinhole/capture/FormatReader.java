package io.pinhole.capture;

import java.lang.foreign.MemorySegment;

/**
 * Reads the packets of one capture file in file order; what pcap and pcapng have in common. Owns
 * its window; one thread.
 */
abstract sealed class FormatReader implements AutoCloseable permits PcapReader, PcapngReader {
    /** MAXIMUM_SNAPLEN of libpcap for every link type that can be decoded here. */
    static final int MAX_CAPTURED = 262_144;

    /** MAXIMUM_SNAPLEN of libpcap for any link type. */
    private static final int MAX_CAPTURED_ANYWHERE = 128 << 20;

    final Window window;

    /** Packets handed out. */
    long packets;

    /** Whether the file was written in the other byte order; may change with a pcapng section. */
    boolean swapped;

    private final String name;
    private boolean done;

    FormatReader(String name, Window window) {
        this.name = name;
        this.window = window;
    }

    /**
     * Moves to the next packet; sets every field but {@code file}.
     *
     * @return false at the end of the file
     * @throws CaptureException if the file is damaged here; further calls return false
     */
    final boolean next(CapturedPacket into) throws CaptureException {
        if (done || !readPacket(into)) {
            return false;
        }
        into.stays = window.isMapped();
        return true;
    }

    /** Reads no further; what was handed out of a mapped file stays until {@link #close}. */
    final void end() {
        done = true;
        if (!window.isMapped()) {
            window.close();
        }
    }

    abstract boolean readPacket(CapturedPacket into) throws CaptureException;

    @Override
    public void close() {
        done = true;
        window.close();
    }

    /**
     * The longest packet believed: what libpcap allows, or more where a header announces it. A snap
     * length of 0 or an absurd one says nothing, as with tcpdump.
     *
     * @param snapLength as the header has it, unsigned
     */
    static int maxCaptured(int snapLength) {
        return snapLength > MAX_CAPTURED && snapLength <= MAX_CAPTURED_ANYWHERE
                ? snapLength
                : MAX_CAPTURED;
    }

    /**
     * The length on the wire, from an unsigned field: at least what was captured (tcpdump reads
     * such records too), at most what an {@code int} holds.
     */
    static int wireLength(int captured, int original) {
        return original < 0 ? Integer.MAX_VALUE : Math.max(captured, original);
    }

    final int i32(MemorySegment segment, long at) {
        int value = segment.get(Window.I32, at);
        return swapped ? Integer.reverseBytes(value) : value;
    }

    final long u32(MemorySegment segment, long at) {
        return Integer.toUnsignedLong(i32(segment, at));
    }

    final int u16(MemorySegment segment, long at) {
        short value = segment.get(Window.I16, at);
        return Short.toUnsignedInt(swapped ? Short.reverseBytes(value) : value);
    }

    /**
     * Answers that fewer bytes are left than a header has: fine if none are and the input did not
     * fail.
     */
    final boolean end(String next, int headerLength) throws CaptureException {
        if (window.available() > 0) {
            throw cutShort(next, headerLength);
        }
        if (window.failure() != null) {
            throw damaged("nothing can be read from byte %d on".formatted(window.offset()));
        }
        done = true;
        return false;
    }

    /** The number of the packet being read, for messages. */
    final String packet() {
        return "packet " + (packets + 1);
    }

    final CaptureException cutShort(String what, long needed) {
        return damaged(cutShort(what, window.offset(), needed, window.available()));
    }

    static String cutShort(String what, long offset, long needed, long left) {
        return "file is cut short: %s at byte %d needs %d bytes, %d are left"
                .formatted(what, offset, needed, left);
    }

    final CaptureException impossible(int captured, int most) {
        return damaged(
                "impossible length: %s at byte %d claims %d bytes, at most %d are possible"
                        .formatted(
                                packet(), window.offset(), Integer.toUnsignedLong(captured), most));
    }

    /** Damage part-way, naming the file, the fault and, where the input itself failed, why. */
    final CaptureException damaged(String what) {
        done = true;
        return because(CaptureException.Kind.DAMAGED, what);
    }

    /** A fault in the file header: nothing was read. */
    final CaptureException unreadable(String what) {
        done = true;
        return because(CaptureException.Kind.UNREADABLE, what);
    }

    private CaptureException because(CaptureException.Kind kind, String what) {
        String failure = window.failure();
        String detail = failure == null ? "" : " (" + failure + ")";
        return new CaptureException(kind, name + ": " + what + detail);
    }
}
