package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import org.jspecify.annotations.Nullable;

/**
 * What a control dialogue tells. Called from within {@link ControlDialogue#feed}; must not call
 * back into the dialogue.
 *
 * <p>The life of an announcement is {@code refused}, or {@code announced} and then at most one of
 * {@code open} and {@code refused}. Every alert comes through {@link #anomaly}, also that of a
 * refused announcement, and at most {@link ControlDialogue#ALERTS_PER_KIND} of a kind; {@code
 * refused} is called for each.
 *
 * <p>All text is printable and bounded, and never holds a password.
 */
public interface DialogueListener {
    /**
     * An announcement passed every check that needs no reply of its own. Nothing is open yet: PORT,
     * EPRT and LPRT wait for a 2xx, the passive ones are opened at once after this. Where a reply
     * to an earlier command decides (a login that is required, EPSV ALL), this comes with that 2xx.
     */
    void announced(Announcement announcement);

    /** The server confirmed the announcement: its expectation may be made, replacing the former. */
    void open(Announcement announcement);

    /**
     * The announcement opens nothing.
     *
     * @param why {@link Anomaly#COMMAND_REFUSED} if the server said no; {@link Anomaly#STREAM_GAP},
     *     {@link Anomaly#SNAP_LENGTH} or {@link Anomaly#PIPELINE_FULL} if its reply cannot be told
     *     from another's; else what is wrong with it
     */
    void refused(Announcement announcement, Anomaly why, String detail);

    /**
     * A transfer command was read.
     *
     * @param announcement the one it goes with, open or not; null if none is known
     * @param command verb in upper case, see {@link TransferKind#of}
     * @param file its argument; null if there is none
     */
    void transfer(
            @Nullable Announcement announcement,
            String command,
            @Nullable String file,
            long position);

    /**
     * The final reply to a transfer command.
     *
     * @param code three digits; 226 and 250 are success
     */
    void transferEnded(@Nullable Announcement announcement, int code, long position);

    /** Something worth a count, and an alert if its severity says so. */
    void anomaly(Anomaly kind, long position, String detail);

    /** Every pinhole of this connection must close: 2xx to QUIT or to REIN. */
    void closing(long position);

    /** From here on the stream cannot be read: AUTH was accepted, or TLS from the start. */
    void encrypted(long position);

    /** The stream can be read again: TLS was closed (CCC) and both sides speak FTP. */
    void cleartext(long position);
}
