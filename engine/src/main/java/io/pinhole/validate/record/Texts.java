package io.pinhole.validate.record;

import io.pinhole.core.CtState;
import io.pinhole.validate.scenario.Bytes;
import io.pinhole.validate.scenario.Expected;
import org.jspecify.annotations.Nullable;

/** Pieces of scenario lines. */
final class Texts {
    private static final long MILLI = 1_000_000;
    private static final long SECOND = 1_000 * MILLI;

    private Texts() {}

    /** Bytes as text with escapes; in quotes, quotes are escaped too. */
    static String escaped(byte[] bytes, int length, boolean quoted) {
        StringBuilder out = new StringBuilder(length + 8);
        for (int i = 0; i < length; i++) {
            int b = bytes[i] & 0xff;
            switch (b) {
                case '\r' -> out.append("\\r");
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                case '"' -> out.append(quoted ? "\\\"" : "\"");
                default -> {
                    if (b >= ' ' && b < 0x7f) {
                        out.append((char) b);
                    } else {
                        out.append("\\x")
                                .append(Character.forDigit(b >> 4, 16))
                                .append(Character.forDigit(b & 0xf, 16));
                    }
                }
            }
        }
        return out.toString();
    }

    /** What follows {@code C: }: without its CRLF, or with {@code \c} where there is none. */
    static String said(Bytes payload) {
        byte[] bytes = payload.toArray();
        int n = bytes.length;
        if (n >= 2 && bytes[n - 2] == '\r' && bytes[n - 1] == '\n') {
            String text = escaped(bytes, n - 2, false);
            // Blanks at the end of a line do not count in a scenario.
            return text.endsWith(" ") ? text.substring(0, text.length() - 1) + "\\x20" : text;
        }
        return escaped(bytes, n, false) + "\\c";
    }

    static String expected(@Nullable Expected e) {
        if (e == null) {
            return "unfiltered";
        }
        CtState ct = e.ct();
        return e.verdict().label() + (ct == null ? "" : " " + ct.label());
    }

    /** {@code 3s}, {@code 1500ms}, {@code 250us}. */
    static String duration(long nanos) {
        if (nanos % SECOND == 0) {
            return nanos / SECOND + "s";
        }
        return nanos % MILLI == 0 ? nanos / MILLI + "ms" : nanos / 1000 + "us";
    }
}
