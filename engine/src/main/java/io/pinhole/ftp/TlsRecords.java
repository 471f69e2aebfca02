package io.pinhole.ftp;

/**
 * Follows the record layer of one side of a TLS connection (RFC 8446 section 5.1), to know where it
 * ends. Reads headers only: content type, version, length.
 */
final class TlsRecords {
    static final int CHANGE_CIPHER_SPEC = 20, ALERT = 21, APPLICATION_DATA = 23, HEARTBEAT = 24;

    private static final int HEADER = 5;

    /** RFC 5246 section 6.2.3: 2^14 plus 2048 for the cipher. */
    private static final int LONGEST = 16_384 + 2_048;

    /** Where a byte stood. */
    enum Found {
        /** Inside a record. */
        RECORD,
        /** At the start of a record, but it starts none. */
        NO_RECORD,
        /** In a header that cannot be. */
        BROKEN
    }

    private int header;
    private int remaining;
    private int type;
    private int length;
    private int records;
    private boolean applicationData;

    /** True if {@code b} may be the first byte of a record. */
    static boolean startsRecord(byte b) {
        return b >= CHANGE_CIPHER_SPEC && b <= HEARTBEAT;
    }

    /**
     * Skips bytes of a record's body.
     *
     * @return how many of the next {@code available} bytes need not be read
     */
    int skip(int available) {
        int taken = Math.min(remaining, available);
        remaining -= taken;
        return taken;
    }

    /** Takes one byte of a header; call {@link #skip} before. */
    Found accept(byte b) {
        int c = b & 0xff;
        switch (header) {
            case 0 -> {
                if (!startsRecord(b)) {
                    return Found.NO_RECORD;
                }
                type = c;
            }
            case 1 -> {
                if (c != 3) {
                    return Found.BROKEN;
                }
            }
            case 2 -> {
                if (c > 4) {
                    return Found.BROKEN;
                }
            }
            case 3 -> length = c << 8;
            default -> {
                length |= c;
                if (length > LONGEST) {
                    return Found.BROKEN;
                }
            }
        }
        if (++header == HEADER) {
            header = 0;
            remaining = length;
            records = Math.min(records + 1, 2);
            applicationData |= type == APPLICATION_DATA;
        }
        return Found.RECORD;
    }

    /** True if at least one whole header was read. */
    boolean sawRecord() {
        return records > 0;
    }

    boolean sawApplicationData() {
        return applicationData;
    }

    /** True between records if the last was an alert, as close_notify is before TLS 1.3. */
    boolean isClosed() {
        return records > 0 && header == 0 && remaining == 0 && type == ALERT;
    }
}
