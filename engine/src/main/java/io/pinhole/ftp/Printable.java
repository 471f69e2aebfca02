package io.pinhole.ftp;

import java.nio.charset.StandardCharsets;

/** Makes text from the network fit for logs, terminals and JSON. */
final class Printable {
    private Printable() {}

    /**
     * Reads UTF-8; what is not UTF-8, and whatever could steer a terminal or reorder text, becomes
     * a question mark.
     *
     * @param maxChars the result is cut to this many chars, the last of them then an ellipsis
     */
    static String of(byte[] bytes, int from, int to, int maxChars) {
        // One char is at most four bytes: what lies behind cannot show.
        boolean cut = to - from > 4 * maxChars;
        int end = cut ? from + 4 * maxChars : to;
        String text = new String(bytes, from, end - from, StandardCharsets.UTF_8);
        StringBuilder out = new StringBuilder(Math.min(text.length(), maxChars));
        int i = 0;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            int shown = isPlain(c) ? c : '?';
            if (out.length() + Character.charCount(shown) > maxChars) {
                cut = true;
                break;
            }
            out.appendCodePoint(shown);
            i += Character.charCount(c);
        }
        if (cut) {
            out.setLength(Math.min(out.length(), maxChars - 1));
            if (!out.isEmpty() && Character.isHighSurrogate(out.charAt(out.length() - 1))) {
                out.setLength(out.length() - 1);
            }
            out.append('…');
        }
        return out.toString();
    }

    private static boolean isPlain(int c) {
        if (c < 0x7f) {
            return c >= ' ';
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            default -> c != 0xfffd;
        };
    }
}
