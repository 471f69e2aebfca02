package io.pinhole.report;

/**
 * Strings from the network, made safe for a terminal: nothing that moves the cursor, reorders text
 * (bidirectional controls and letters) or hides (zero width) comes through as it is.
 */
public final class Printable {
    private Printable() {}

    /**
     * Escapes what is not plainly printable, a byte as {@code \xNN} and the rest by code point, and
     * cuts the result to {@code columns} of a terminal; a cut is shown as an ellipsis.
     */
    public static String clip(String text, int columns) {
        StringBuilder out = new StringBuilder(Math.min(text.length(), columns));
        int width = 0;
        int fits = 0; // length of out that leaves room for the ellipsis
        int i = 0;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (isPlain(c)) {
                out.appendCodePoint(c);
                width += width(c);
            } else {
                int before = out.length();
                escape(out, c);
                width += out.length() - before;
            }
            if (width > columns) {
                out.setLength(fits);
                return out.append('…').toString();
            }
            if (width < columns) {
                fits = out.length();
            }
        }
        return out.toString();
    }

    private static void escape(StringBuilder out, int c) {
        if (c > 0xff) {
            out.append("\\u{").append(Integer.toHexString(c)).append('}');
            return;
        }
        out.append("\\x")
                .append(Character.forDigit(c >> 4, 16))
                .append(Character.forDigit(c & 0xf, 16));
    }

    private static boolean isPlain(int c) {
        if (c < 0x7f) {
            return c >= ' ';
        }
        if (c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0) {
            return false; // Hangul fillers: letters that show nothing
        }
        return switch (Character.getDirectionality(c)) {
            case Character.DIRECTIONALITY_RIGHT_TO_LEFT,
                    Character.DIRECTIONALITY_RIGHT_TO_LEFT_ARABIC,
                    Character.DIRECTIONALITY_ARABIC_NUMBER ->
                    false;
            default -> isGraphic(Character.getType(c)) && !(c > 0x1160 && c <= 0x11ff);
        };
    }

    /**
     * Letters, numbers, punctuation and symbols: neither marks, spaces, controls nor unassigned.
     */
    private static boolean isGraphic(int type) {
        return switch (type) {
            case Character.UPPERCASE_LETTER,
                    Character.LOWERCASE_LETTER,
                    Character.TITLECASE_LETTER,
                    Character.MODIFIER_LETTER,
                    Character.OTHER_LETTER,
                    Character.DECIMAL_DIGIT_NUMBER,
                    Character.LETTER_NUMBER,
                    Character.OTHER_NUMBER,
                    Character.CONNECTOR_PUNCTUATION,
                    Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION,
                    Character.MATH_SYMBOL,
                    Character.CURRENCY_SYMBOL,
                    Character.MODIFIER_SYMBOL,
                    Character.OTHER_SYMBOL ->
                    true;
            default -> false;
        };
    }

    /** Columns of a graphic character: 2 for East Asian wide ones and pictographs (UAX #11). */
    static int width(int c) {
        boolean wide =
                c >= 0x1100
                        && (c <= 0x115f
                                || c >= 0x2e80 && c <= 0xa4cf
                                || c >= 0xa960 && c <= 0xa97f
                                || c >= 0xac00 && c <= 0xd7a3
                                || c >= 0xf900 && c <= 0xfaff
                                || c >= 0xfe30 && c <= 0xfe6f
                                || c >= 0xff00 && c <= 0xff60
                                || c >= 0xffe0 && c <= 0xffe6
                                || c >= 0x16fe0 && c <= 0x1b2ff
                                || c >= 0x1f004 && c <= 0x1faff
                                || c >= 0x20000);
        return wide ? 2 : 1;
    }

    /**
     * Hides what follows PASS or ACCT in a quoted control line. The dialogue hands out no
     * passwords; this is the second lock on that door.
     */
    static String withoutPassword(String text) {
        for (int i = 0; i + 5 < text.length(); i++) {
            if ((text.regionMatches(true, i, "PASS", 0, 4)
                            || text.regionMatches(true, i, "ACCT", 0, 4))
                    && (text.charAt(i + 4) == ' ' || text.charAt(i + 4) == '\t')
                    && (i == 0 || !Character.isLetterOrDigit(text.charAt(i - 1)))) {
                return text.substring(0, i + 5) + "***";
            }
        }
        return text;
    }
}
