package io.pinhole.capture;

/** Reads the packets of one capture file in file order. Owns its window; one thread. */
sealed interface FormatReader extends AutoCloseable permits PcapReader {
    /** MAXIMUM_SNAPLEN of libpcap for every link type that can be decoded here. */
    int MAX_CAPTURED = 262_144;

    /** MAXIMUM_SNAPLEN of libpcap for any link type. */
    int MAX_CAPTURED_ANYWHERE = 128 << 20;

    /**
     * Moves to the next packet; sets every field but {@code file}.
     *
     * @return false at the end of the file
     * @throws CaptureException if the file is damaged here; further calls return false
     */
    boolean next(CapturedPacket into) throws CaptureException;

    Window window();

    @Override
    default void close() {
        window().close();
    }

    /**
     * The longest packet believed: what libpcap allows, or more where a header announces it. A snap
     * length of 0 or an absurd one says nothing, as with tcpdump.
     *
     * @param snapLength as the header has it, unsigned
     */
    static int maxCaptured(long snapLength) {
        return snapLength > MAX_CAPTURED && snapLength <= MAX_CAPTURED_ANYWHERE
                ? (int) snapLength
                : MAX_CAPTURED;
    }

    /**
     * The length on the wire, from an unsigned field: at least what was captured (tcpdump reads
     * such records too), at most what an {@code int} holds.
     */
    static int wireLength(int captured, int original) {
        return original < 0 ? Integer.MAX_VALUE : Math.max(captured, original);
    }

    /** {@code DAMAGED}, naming the file, the fault and, where the input itself failed, why. */
    static CaptureException damaged(String name, Window window, String what) {
        return because(CaptureException.Kind.DAMAGED, name, window, what);
    }

    /** As {@link #damaged} for a fault in the header: nothing was read. */
    static CaptureException unreadable(String name, Window window, String what) {
        return because(CaptureException.Kind.UNREADABLE, name, window, what);
    }

    private static CaptureException because(
            CaptureException.Kind kind, String name, Window window, String what) {
        String failure = window.failure();
        String detail = failure == null ? "" : " (" + failure + ")";
        return new CaptureException(kind, name + ": " + what + detail);
    }
}
