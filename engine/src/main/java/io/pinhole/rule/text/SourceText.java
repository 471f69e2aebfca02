package io.pinhole.rule.text;

import io.pinhole.rule.RuleError;

/** The text of one file, and how errors quote it. */
public final class SourceText {
    /** Longer lines are quoted in part. */
    private static final int MAX_QUOTED = 160;

    public final String name;
    public final String text;

    public SourceText(String name, String text) {
        this.name = name;
        this.text = text;
    }

    public RuleError error(Span at, String message) {
        int offset = Math.min(at.offset(), text.length());
        int start = offset;
        while (start > 0 && text.charAt(start - 1) != '\n') {
            start--;
        }
        int end = offset;
        while (end < text.length() && text.charAt(end) != '\n' && end - start < 1 << 20) {
            end++;
        }
        if (end > start && text.charAt(end - 1) == '\r') {
            end--;
        }
        int from = start;
        int to = Math.max(end, offset);
        if (to - from > MAX_QUOTED) {
            from = Math.max(start, offset - MAX_QUOTED / 2);
            to = Math.min(to, from + MAX_QUOTED);
        }
        String line = (from > start ? "…" : "") + printable(text.substring(from, to));
        int caret = offset - from + 1 + (from > start ? 1 : 0);
        return new RuleError(
                name,
                at.line(),
                at.column(),
                printable(message),
                line,
                caret,
                Math.max(1, at.width()));
    }

    /** Control characters of a hostile file do not reach the terminal. */
    public static String printable(String text) {
        StringBuilder out = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c < ' ' && c != '\t') || (c >= 0x7f && c < 0xa0)) {
                if (out == null) {
                    out = new StringBuilder(text);
                }
                out.setCharAt(i, '\ufffd');
            }
        }
        return out == null ? text : out.toString();
    }
}
