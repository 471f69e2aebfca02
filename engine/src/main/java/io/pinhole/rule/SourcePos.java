package io.pinhole.rule;

import org.jspecify.annotations.Nullable;

/**
 * A place in rule text.
 *
 * @param file name as given by the user, with directories
 * @param line 1-based
 * @param column 1-based, in UTF-16 units
 * @param label what to call the place where lines say nothing, as in JSON: {@code table/chain#4}
 */
public record SourcePos(String file, int line, int column, @Nullable String label) {
    public SourcePos(String file, int line, int column) {
        this(file, line, column, null);
    }

    /** {@code FILE:LINE} or {@code FILE:LABEL}, the file name without directories. */
    public String shortText() {
        return file.substring(file.lastIndexOf('/') + 1) + ":" + (label == null ? line : label);
    }

    @Override
    public String toString() {
        return file + ":" + line + ":" + column;
    }
}
