package io.pinhole.ftp;

import org.jspecify.annotations.Nullable;

/** What the server says of itself in the lines of its greeting. */
final class Greeting {
    private static final int LONGEST = 256;

    private boolean over;
    private @Nullable String text;
    private @Nullable String software;

    /** True once its last line was read, or if it cannot be expected any more. */
    boolean isOver() {
        return over;
    }

    void over() {
        over = true;
    }

    /** 120 may come first: ready in a while. */
    static boolean isCode(int code) {
        return code == Replies.READY || code == Replies.READY_LATER;
    }

    /** Any line of a reply with this code. */
    void line(int code, Line line) {
        if (over || !isCode(code) || !line.isWhole()) {
            return;
        }
        String said = line.printable(4, LONGEST);
        text = text == null ? said : text;
        software = software == null ? ServerSoftware.in(said) : software;
    }

    /** The first line's text. */
    @Nullable String text() {
        return text;
    }

    @Nullable String software() {
        return software;
    }
}
