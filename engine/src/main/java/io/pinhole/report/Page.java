package io.pinhole.report;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Lines of at most {@link #WIDTH} columns, UTF-8, coloured where wanted. A longer line is broken at
 * blanks, a longer word anywhere.
 */
public final class Page {
    static final int WIDTH = 100;
    private static final int BUFFER = 1 << 13;

    /** How a piece of text looks, as SGR parameters (ECMA-48 section 8.3.117). */
    public enum Style {
        PLAIN(""),
        BOLD("1"),
        DIM("2"),
        GOOD("32"),
        WARN("33"),
        BAD("31"),
        CODE("36");

        private final String sgr;

        Style(String sgr) {
            this.sgr = sgr;
        }
    }

    private final OutputStream out;
    private final boolean colour;
    private final StringBuilder written = new StringBuilder();
    private final StringBuilder line = new StringBuilder();
    private Style[] styles = new Style[256]; // of each char of the line

    public Page(OutputStream out, boolean colour) {
        this.out = out;
        this.colour = colour;
    }

    public Page put(String text) {
        return put(Style.PLAIN, text);
    }

    /** Adds to the line; {@code text} is printable. */
    public Page put(Style style, String text) {
        int from = line.length();
        line.append(text);
        if (line.length() > styles.length) {
            styles = Arrays.copyOf(styles, line.length() * 2);
        }
        Arrays.fill(styles, from, line.length(), style);
        return this;
    }

    /** Columns of the line so far. */
    public int column() {
        return line.codePoints().map(Printable::width).sum();
    }

    /** Fills up with blanks to this column; at least {@code gap} of them on a line with text. */
    public Page to(int column, int gap) {
        return put(" ".repeat(Math.max(line.isEmpty() ? 0 : gap, column - column())));
    }

    public void blank() {
        written.append('\n');
    }

    public void end() {
        end(2);
    }

    /** Ends the line; what does not fit goes on at column {@code hang}. */
    public void end(int hang) {
        int from = 0;
        int indent = 0;
        while (true) {
            int to = fit(from, WIDTH - indent);
            written.repeat(' ', indent);
            emit(from, to);
            written.append('\n');
            while (to < line.length() && line.charAt(to) == ' ') {
                to++;
            }
            if (to >= line.length()) {
                break;
            }
            from = to;
            indent = hang;
        }
        line.setLength(0);
        if (written.length() >= BUFFER) {
            flush();
        }
    }

    /** Where a line that starts at {@code from} must end. */
    private int fit(int from, int columns) {
        int width = 0;
        int blank = -1;
        boolean text = false;
        int i = from;
        while (i < line.length()) {
            int c = line.codePointAt(i);
            if (c == ' ') {
                if (text && !isInsideFlow(i)) {
                    blank = i;
                }
            } else {
                text = true;
            }
            width += Printable.width(c);
            if (width > columns) {
                return blank > from ? blank : i;
            }
            i += Character.charCount(c);
        }
        return i;
    }

    /** {@code A > B} stays on one line: the blank before or after its sign. */
    private boolean isInsideFlow(int blank) {
        return line.charAt(blank - 1) == '>'
                || (blank + 2 < line.length()
                        && line.charAt(blank + 1) == '>'
                        && line.charAt(blank + 2) == ' ');
    }

    private void emit(int from, int to) {
        int end = to;
        while (end > from && line.charAt(end - 1) == ' ') {
            end--;
        }
        Style now = Style.PLAIN;
        for (int i = from; i < end; i++) {
            Style style = styles[i];
            if (colour && style != now && line.charAt(i) != ' ') {
                change(now, style);
                now = style;
            }
            written.append(line.charAt(i));
        }
        change(now, Style.PLAIN);
    }

    private void change(Style from, Style to) {
        if (from != Style.PLAIN) {
            written.append("\u001b[0m");
        }
        if (to != Style.PLAIN) {
            written.append("\u001b[").append(to.sgr).append('m');
        }
    }

    public void flush() {
        try {
            out.write(written.toString().getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        written.setLength(0);
    }
}
