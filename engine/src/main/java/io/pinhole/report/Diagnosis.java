package io.pinhole.report;

import io.pinhole.core.FlowKey;
import java.util.List;
import java.util.Locale;

/**
 * Why FTP failed in one session, and what to do about it.
 *
 * @param control from client to server
 * @param position the first packet concerned
 * @param timeNanos of that packet
 * @param detail one sentence with addresses, packets and rules, without a full stop
 * @param cure what to do, for any session with this trouble; without a full stop
 * @param lines to copy: nft rules, commands, settings; may be empty
 */
record Diagnosis(
        Cause cause,
        FlowKey control,
        long position,
        long timeNanos,
        String detail,
        String cure,
        List<String> lines) {

    /** Stable names, documented in docs/json.md. */
    enum Cause {
        /** The rules keep the control connection itself from working. */
        CONTROL_BLOCKED,
        /** An announced data connection was blocked and no helper was there to open a pinhole. */
        NO_HELPER,
        /** An announced data connection was blocked in spite of its pinhole. */
        BLOCKED_DATA,
        /** Linux's own helper missed or dropped the announcement ({@code --compat=linux}). */
        LINUX_HELPER,
        /** A host behind NAT announced its inside address. */
        PRIVATE_ADDRESS,
        /** The server announced another host than itself. */
        FOREIGN_ADDRESS,
        /** The helper's policy refused the announcement. */
        PINHOLE_REFUSED,
        /** TLS hides the announcements, and data connections were blocked. */
        TLS_CONTROL,
        /** A control connection on a port that nobody reads. */
        OTHER_PORT,
        /** The capture holds only the first bytes of packets that matter. */
        SNAP_LENGTH,
        /** The capture lacks packets that matter. */
        CAPTURE_LOSS,
        /** The capture holds the packets of one side only. */
        ONE_DIRECTION,
        /** The capture began after the control connection, and data connections were blocked. */
        LATE_START;

        private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

        String label() {
            return label;
        }
    }

    /** The cure and its lines as one text. */
    String wholeCure() {
        return lines.isEmpty() ? cure : cure + ":\n" + String.join("\n", lines);
    }
}
