package io.pinhole.ftp;

/** Reply codes that mean something to a firewall (RFC 959 section 4.2, and others as named). */
final class Replies {
    static final int READY_LATER = 120;
    static final int READY = 220;
    static final int GOODBYE = 221;
    static final int ABORT_DONE = 225;
    static final int TRANSFER_DONE = 226;
    static final int PASSIVE = 227;

    /** RFC 1639. */
    static final int LONG_PASSIVE = 228;

    /** RFC 2428. */
    static final int EXTENDED_PASSIVE = 229;

    /** RFC 4217: AUTH accepted, TLS follows. RFC 2228: security data exchange complete. */
    static final int AUTH_ACCEPTED = 234;

    static final int LOGGED_IN = 230;
    static final int AUTH_DATA_ACCEPTED = 235;
    static final int AUTH_DATA_WANTED = 334;
    static final int AUTH_DATA_CONTINUES = 335;
    static final int CLOSING = 421;

    private Replies() {}

    /** 1yz: another reply to the same command follows. */
    static boolean isPreliminary(int code) {
        return code / 100 == 1;
    }

    /** 2yz. */
    static boolean isSuccess(int code) {
        return code / 100 == 2;
    }

    /** 4yz and 5yz. */
    static boolean isFailure(int code) {
        return code / 100 == 4 || code / 100 == 5;
    }

    /** 227, 228, 229. */
    static boolean isAnnouncing(int code) {
        return code >= PASSIVE && code <= EXTENDED_PASSIVE;
    }

    /** 211 to 213: system, directory or file status, what STAT is answered with. */
    static boolean isStatus(int code) {
        return code >= 211 && code <= 213;
    }
}
