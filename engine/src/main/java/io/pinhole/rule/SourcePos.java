package io.pinhole.rule;

/**
 * A place in rule text.
 *
 * @param file name as given by the user, with directories
 * @param line 1-based
 * @param column 1-based, in UTF-16 units
 */
public record SourcePos(String file, int line, int column) {
    /** {@code FILE:LINE}, the file name without directories. */
    public String shortText() {
        return file.substring(file.lastIndexOf('/') + 1) + ":" + line;
    }

    @Override
    public String toString() {
        return file + ":" + line + ":" + column;
    }
}
