package io.pinhole.capture;

import org.jspecify.annotations.Nullable;

/**
 * What was handed out of one file.
 *
 * @param packets packets handed out
 * @param bytes their bytes on the wire
 * @param unsupportedLinks packets among them whose link type cannot be decoded
 * @param damage why reading ended before the end of the file, for people; null if it did not
 */
public record FileTotals(long packets, long bytes, long unsupportedLinks, @Nullable String damage) {
    /** Whether packets may be missing at the end. */
    public boolean truncated() {
        return damage != null;
    }
}
