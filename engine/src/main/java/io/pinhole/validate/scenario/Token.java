package io.pinhole.validate.scenario;

/**
 * A piece of a line.
 *
 * @param text without its quotes
 * @param start offset of its first character in the line
 * @param end offset behind its last
 */
record Token(Kind kind, String text, int start, int end) {
    enum Kind {
        WORD,
        STRING,
        ARROW,
        END
    }

    boolean is(String word) {
        return kind == Kind.WORD && text.equals(word);
    }

    boolean isEnd() {
        return kind == Kind.END;
    }

    /** For "expected …, found …". */
    String found() {
        return switch (kind) {
            case WORD -> "'" + text + "'";
            case STRING -> "a string";
            case ARROW -> "'->'";
            case END -> "the end of the line";
        };
    }

    Fault fault(String message) {
        return new Fault(start, end, message);
    }

    Fault expected(String what) {
        return fault("expected " + what + ", found " + found());
    }
}
