package io.pinhole.ftp;

import org.jspecify.annotations.Nullable;

/** Who is logged in, as far as the replies tell (RFC 959 section 5.4). No password comes here. */
final class Login {
    private @Nullable String user;
    private boolean complete;
    private boolean refused;

    @Nullable String user() {
        return user;
    }

    /** True once a reply said so; false also if the login was not seen. */
    boolean isComplete() {
        return complete;
    }

    /** True if the last attempt failed. */
    boolean isRefused() {
        return refused;
    }

    /** The name is shown from USER on, so that a failed login still has one. */
    void userSent(@Nullable String name) {
        if (!complete) {
            user = name;
        }
    }

    /** A server may refuse another USER (530) and leave the login as it was. */
    void userAnswered(@Nullable String name, int code) {
        switch (code) {
            case 230, 232 -> {
                user = name;
                complete = true;
                refused = false;
            }
            case 331, 332, 336 -> {
                user = name;
                complete = false;
            }
            default -> {}
        }
    }

    /** 202 says that the command was superfluous; 332 asks for ACCT. */
    void secretAnswered(int code) {
        if (code == 230 || code == 202) {
            complete = true;
        }
        refused = !complete && Replies.isFailure(code);
    }

    void reset() {
        user = null;
        complete = false;
        refused = false;
    }
}
