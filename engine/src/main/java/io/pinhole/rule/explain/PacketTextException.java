package io.pinhole.rule.explain;

/** Why a packet's description cannot be read. */
public final class PacketTextException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String text;
    private final int column;
    private final int width;

    /**
     * @param column 1-based
     * @param width of the offending text, at least 1
     */
    PacketTextException(String message, String text, int column, int width) {
        super(message);
        this.text = text;
        this.column = column;
        this.width = width;
    }

    /** 1-based column of the offending text. */
    public int column() {
        return column;
    }

    /** The message, the text, and carets under what is wrong. */
    public String[] format() {
        return new String[] {
            "packet, column " + column + ": " + getMessage(),
            text,
            " ".repeat(column - 1) + "^".repeat(Math.max(1, width))
        };
    }
}
