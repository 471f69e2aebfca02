package io.pinhole.report;

import io.pinhole.core.FlowKey;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes JSON objects (RFC 8259), one a line, into a buffer that is re-used. Numbers and prepared
 * bytes cost no allocation.
 *
 * <p>Text is UTF-8; controls, DEL, C1, line separators and format characters (bidirectional
 * overrides) are escaped, so that a line can be shown on a terminal; half a surrogate pair becomes
 * U+FFFD.
 */
public final class JsonLine {
    /** Longest string written, in chars; more comes from no line a limit lets through. */
    static final int MAX_STRING = 1 << 14;

    private static final int FLUSH_AT = 1 << 16;
    private static final byte[] HEX = ascii("0123456789abcdef");

    private final OutputStream out;
    private byte[] buffer = new byte[FLUSH_AT + (1 << 13)];
    private int length;
    private boolean first = true;

    public JsonLine(OutputStream out) {
        this.out = out;
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** A string as it stands in JSON, quotes included. */
    public static byte[] quoted(String text) {
        JsonLine line = new JsonLine(OutputStream.nullOutputStream());
        line.string(text);
        return Arrays.copyOf(line.buffer, line.length);
    }

    public JsonLine open() {
        put('{');
        first = true;
        return this;
    }

    public JsonLine close() {
        put('}');
        first = false;
        return this;
    }

    public void endLine() {
        put('\n');
        if (length >= FLUSH_AT) {
            write();
        }
    }

    /** A field's name, with the comma before it; {@code name} needs no escaping. */
    public JsonLine name(String name) {
        if (!first) {
            put(',');
        }
        first = false;
        put('"');
        for (int i = 0; i < name.length(); i++) {
            put(name.charAt(i));
        }
        put('"');
        put(':');
        return this;
    }

    public JsonLine field(String name, String value) {
        name(name);
        string(value);
        return this;
    }

    public JsonLine field(String name, long value) {
        name(name);
        number(value);
        return this;
    }

    public JsonLine field(String name, boolean value) {
        name(name);
        raw(value ? "true" : "false");
        return this;
    }

    /** {@code "flow":{"proto":"tcp","src":…,"sport":…,"dst":…,"dport":…}}. */
    public JsonLine field(String name, FlowKey flow) {
        name(name).open();
        field("proto", flow.protocolName());
        field("src", flow.source().toString());
        boolean ports = flow.sourcePort() != 0 || flow.destinationPort() != 0;
        if (ports) {
            field("sport", flow.sourcePort());
        }
        field("dst", flow.destination().toString());
        if (ports) {
            field("dport", flow.destinationPort());
        }
        return close();
    }

    public void number(long value) {
        reserve(20);
        length = digits(buffer, length, value);
    }

    /** Writes a decimal number at {@code at}; returns the offset behind it. */
    private static int digits(byte[] to, int at, long value) {
        if (value < 0) {
            if (value == Long.MIN_VALUE) {
                byte[] text = ascii(Long.toString(value));
                System.arraycopy(text, 0, to, at, text.length);
                return at + text.length;
            }
            to[at++] = '-';
            value = -value;
        }
        int end = at + 1;
        for (long v = value; v >= 10; v /= 10) {
            end++;
        }
        for (int i = end - 1; i >= at; i--) {
            to[i] = (byte) ('0' + value % 10);
            value /= 10;
        }
        return end;
    }

    public void raw(String ascii) {
        for (int i = 0; i < ascii.length(); i++) {
            put(ascii.charAt(i));
        }
    }

    public void raw(byte[] bytes) {
        raw(bytes, bytes.length);
    }

    public void raw(byte[] bytes, int count) {
        reserve(count);
        System.arraycopy(bytes, 0, buffer, length, count);
        length += count;
    }

    private void string(String text) {
        put('"');
        int n = Math.min(text.length(), MAX_STRING);
        int i = 0;
        while (i < n) {
            char c = text.charAt(i);
            if (c >= ' ' && c < 0x7f) {
                if (c == '"' || c == '\\') {
                    put('\\');
                }
                put(c);
                i++;
                continue;
            }
            int point = text.codePointAt(i);
            i += Character.charCount(point);
            special(point);
        }
        if (n < text.length()) {
            raw(new byte[] {(byte) 0xe2, (byte) 0x80, (byte) 0xa6}); // an ellipsis
        }
        put('"');
    }

    private void special(int c) {
        switch (c) {
            case '\b' -> raw("\\b");
            case '\t' -> raw("\\t");
            case '\n' -> raw("\\n");
            case '\f' -> raw("\\f");
            case '\r' -> raw("\\r");
            default -> {
                switch (Character.getType(c)) {
                    case Character.CONTROL,
                            Character.FORMAT,
                            Character.LINE_SEPARATOR,
                            Character.PARAGRAPH_SEPARATOR -> {
                        if (c > 0xffff) {
                            unicode(Character.highSurrogate(c));
                            unicode(Character.lowSurrogate(c));
                        } else {
                            unicode(c);
                        }
                    }
                    case Character.SURROGATE -> utf8(0xfffd);
                    default -> utf8(c);
                }
            }
        }
    }

    private void unicode(int unit) {
        raw("\\u");
        for (int shift = 12; shift >= 0; shift -= 4) {
            put(HEX[unit >> shift & 0xf]);
        }
    }

    private void utf8(int c) {
        if (c < 0x800) {
            put(0xc0 | c >> 6);
        } else if (c < 0x10000) {
            put(0xe0 | c >> 12);
            put(0x80 | c >> 6 & 0x3f);
        } else {
            put(0xf0 | c >> 18);
            put(0x80 | c >> 12 & 0x3f);
            put(0x80 | c >> 6 & 0x3f);
        }
        put(0x80 | c & 0x3f);
    }

    private void put(int b) {
        reserve(1);
        buffer[length++] = (byte) b;
    }

    private void reserve(int bytes) {
        if (buffer.length - length < bytes) {
            buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, length + bytes));
        }
    }

    private void write() {
        try {
            out.write(buffer, 0, length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        length = 0;
    }

    public void flush() {
        write();
        try {
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
