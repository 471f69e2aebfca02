package io.pinhole.ftp;

/**
 * AUTH and ADAT: what they make of the stream (RFC 2228 section 3, RFC 4217 section 4). 234 accepts
 * at once; 334 asks for ADAT, which 335 prolongs and 235 ends.
 */
final class SecurityExchange {
    /** What the stream has become. */
    enum Outcome {
        CLEAR,
        /** TLS records follow in both directions. */
        TLS,
        /** Something else that cannot be read, such as Kerberos. */
        OTHER
    }

    private boolean dataExpected;
    private Outcome outcome = Outcome.CLEAR;

    Outcome outcome() {
        return outcome;
    }

    void authAnswered(boolean tls, int code) {
        if (code == Replies.AUTH_ACCEPTED) {
            outcome = tls ? Outcome.TLS : Outcome.OTHER;
        } else {
            dataExpected = code == Replies.AUTH_DATA_WANTED;
        }
    }

    void dataAnswered(int code) {
        boolean accepted = code == Replies.AUTH_DATA_ACCEPTED || code == Replies.AUTH_ACCEPTED;
        if (accepted && dataExpected) {
            outcome = Outcome.OTHER;
        } else {
            dataExpected &= code == Replies.AUTH_DATA_CONTINUES;
        }
    }

    void reset() {
        dataExpected = false;
        outcome = Outcome.CLEAR;
    }
}
