package io.pinhole.ftp;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.TransferMode;
import org.jspecify.annotations.Nullable;

/**
 * A line that names a data connection's target. Compared by identity; a listener may keep it as a
 * key. Positions are the opaque packet numbers given to {@link ControlDialogue#feed}; -1 if there
 * is none.
 */
public final class Announcement {
    /** Longest {@link #text}, in chars. */
    public static final int LONGEST_TEXT = 160;

    private final TransferMode mode;
    private final String text;
    private final long firstPosition;
    private final long position;
    private final long askedPosition;
    private final @Nullable IpAddress address;
    private final int port;
    private @Nullable IpAddress target;
    private long confirmedPosition = -1;

    /** The listener was told that it was announced. */
    boolean told;

    Announcement(
            TransferMode mode,
            String text,
            long firstPosition,
            long position,
            long askedPosition,
            @Nullable IpAddress address,
            int port) {
        this.mode = mode;
        this.text = text;
        this.firstPosition = firstPosition;
        this.position = position;
        this.askedPosition = askedPosition;
        this.address = address;
        this.port = port;
        this.target = address;
    }

    void leadTo(IpAddress target) {
        this.target = target;
    }

    void confirmed(long at) {
        confirmedPosition = at;
    }

    public TransferMode mode() {
        return mode;
    }

    /** The line as people may see it: printable, at most {@link #LONGEST_TEXT} chars. */
    public String text() {
        return text;
    }

    /** The packet with the line's first byte. */
    public long firstPosition() {
        return firstPosition;
    }

    /** The packet with which the line was complete. */
    public long position() {
        return position;
    }

    /** The packet that completed PASV, EPSV or LPSV; -1 in active modes and if nobody asked. */
    public long askedPosition() {
        return askedPosition;
    }

    /** The packet that completed the server's reply; -1 while it is outstanding. */
    public long confirmedPosition() {
        return confirmedPosition;
    }

    /**
     * The host as announced, IPv4-mapped addresses unmapped; the server for a 229 that names none,
     * null if the line could not be read.
     */
    public @Nullable IpAddress address() {
        return address;
    }

    /** 1..65535, or 0 if the line could not be read. */
    public int port() {
        return port;
    }

    /**
     * Where the pinhole leads: the announced host, or the control connection's server where policy
     * says so. Null if the line could not be read; without meaning if it was refused.
     */
    public @Nullable IpAddress target() {
        return target;
    }

    /** {@code passive 203.0.113.20:50003}; for logs and failed tests. */
    @Override
    public String toString() {
        IpAddress host = target;
        return mode.label() + " " + (host == null ? "?" : FlowKey.endpoint(host, port));
    }
}
