package io.pinhole.rule;

/**
 * Why a rule file was refused.
 *
 * @param file name as given by the user
 * @param line 1-based; 0 where no line is to blame
 * @param column 1-based, in UTF-16 units
 * @param message one sentence without a full stop; what was expected
 * @param lineText the offending line, or a window of a very long one
 * @param caret 1-based column of the offending text in {@code lineText}
 * @param width length of the offending text, at least 1
 */
public record RuleError(
        String file, int line, int column, String message, String lineText, int caret, int width) {

    public RuleError(String file, int line, int column, String message, String lineText) {
        this(file, line, column, message, lineText, column, 1);
    }

    /**
     * Three lines: {@code FILE:LINE:COLUMN: error: MESSAGE}, the line itself, and carets under the
     * offending text. Tabs before the carets are kept, so that they line up on any terminal.
     */
    public String format() {
        StringBuilder out = new StringBuilder(file);
        if (line == 0) {
            return out.append(": error: ").append(message).toString();
        }
        out.append(':').append(line).append(':').append(column);
        out.append(": error: ").append(message).append('\n').append(lineText).append('\n');
        for (int i = 0; i < caret - 1; i++) {
            out.append(i < lineText.length() && lineText.charAt(i) == '\t' ? '\t' : ' ');
        }
        int shown = Math.min(width, lineText.length() - caret + 1);
        return out.append("^".repeat(Math.max(1, shown))).toString();
    }
}
