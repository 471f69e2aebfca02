package io.pinhole.validate.scenario;

import io.pinhole.core.IpAddress;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Numbers, sizes, times, texts and end points as lines write them. */
final class Values {
    private static final Map<String, Long> BYTES =
            Map.of(
                    "B",
                    1L,
                    "byte",
                    1L,
                    "bytes",
                    1L,
                    "kB",
                    1_000L,
                    "KB",
                    1_000L,
                    "MB",
                    1_000_000L,
                    "GB",
                    1_000_000_000L,
                    "KiB",
                    1L << 10,
                    "MiB",
                    1L << 20,
                    "GiB",
                    1L << 30);
    private static final Map<String, Long> NANOS =
            Map.of(
                    "us",
                    1_000L,
                    "ms",
                    1_000_000L,
                    "s",
                    1_000_000_000L,
                    "min",
                    60_000_000_000L,
                    "m",
                    60_000_000_000L,
                    "h",
                    3_600_000_000_000L,
                    "d",
                    86_400_000_000_000L);

    private Values() {}

    /** A number in decimal digits. */
    static long number(Token token, String what, long min, long max) throws Fault {
        Long value = digits(token.text());
        if (value == null || value < min || value > max) {
            throw token.expected(what + " from " + min + " to " + max);
        }
        return value;
    }

    /** Null if it is no number or one of more than 18 digits. */
    static @Nullable Long digits(String text) {
        if (text.isEmpty() || text.length() > 18) {
            return null;
        }
        long value = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return null;
            }
            value = value * 10 + c - '0';
        }
        return value;
    }

    static boolean startsWithDigit(Token token) {
        return token.kind() == Token.Kind.WORD
                && !token.text().isEmpty()
                && token.text().charAt(0) >= '0'
                && token.text().charAt(0) <= '9';
    }

    /** {@code 1448}, {@code 1 MB}, {@code 64KiB}. */
    static long size(Line line, long max) throws Fault {
        return quantity(line, "a size such as 1448, 64 kB or 1 MB", BYTES, 1, max);
    }

    /** {@code 30s}, {@code 5 min}, in nanoseconds. */
    static long duration(Line line, long max) throws Fault {
        return quantity(line, "a time such as 30s, 500ms, 5 min or 2h", NANOS, 0, max);
    }

    /**
     * @param unitless factor of a number without a unit; 0 if there must be one
     */
    private static long quantity(
            Line line, String what, Map<String, Long> units, long unitless, long max) throws Fault {
        Token token = line.word(what);
        int digits = 0;
        String text = token.text();
        while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
            digits++;
        }
        Long value = digits(text.substring(0, digits));
        if (value == null) {
            throw token.expected(what);
        }
        Long unit = unitless;
        if (digits < text.length()) {
            unit = units.get(text.substring(digits));
        } else if (line.peek().kind() == Token.Kind.WORD && units.containsKey(line.peek().text())) {
            unit = units.get(line.next().text());
        }
        if (unit == null || unit == 0) {
            throw token.expected(what);
        }
        if (value > max / unit) {
            throw token.fault("too much: at most " + max / unit + " of this unit");
        }
        return value * unit;
    }

    /**
     * Text with escapes as bytes: {@code \r \n \t \0 \\ \" \xHH}; anything beyond ASCII is UTF-8.
     *
     * @param start offset of {@code text} in its line, for faults
     */
    static byte[] bytes(String text, int start) throws Fault {
        ByteArrayOutputStream out = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); ) {
            char c = text.charAt(i);
            if (c != '\\') {
                int point = text.codePointAt(i);
                byte[] utf8 = Character.toString(point).getBytes(StandardCharsets.UTF_8);
                out.write(utf8, 0, utf8.length);
                i += Character.charCount(point);
                continue;
            }
            char what = i + 1 < text.length() ? text.charAt(i + 1) : ' ';
            i += 2;
            switch (what) {
                case 'r' -> out.write('\r');
                case 'n' -> out.write('\n');
                case 't' -> out.write('\t');
                case '0' -> out.write(0);
                case '\\' -> out.write('\\');
                case '"' -> out.write('"');
                case 'x' -> {
                    int high = i < text.length() ? Character.digit(text.charAt(i), 16) : -1;
                    int low = i + 1 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
                    if (high < 0 || low < 0) {
                        throw new Fault(
                                start + i - 2,
                                start + i,
                                "expected two hexadecimal digits after \\x");
                    }
                    out.write(high << 4 | low);
                    i += 2;
                }
                default ->
                        throw new Fault(
                                start + i - 2,
                                start + i,
                                "unknown escape; known are \\r \\n \\t \\0 \\\\ \\\" \\xHH");
            }
        }
        return out.toByteArray();
    }

    /** A string token as text: no escapes but {@code \"} and {@code \\}, nothing invisible. */
    static String name(Token token, String what) throws Fault {
        if (token.kind() != Token.Kind.STRING) {
            throw token.expected(what + " in quotes");
        }
        String text = token.text().replaceAll("\\\\(.)", "$1");
        if (text.isBlank()) {
            throw token.fault(what + " must not be empty");
        }
        if (text.codePoints().anyMatch(Values::isHidden)) {
            throw token.fault(what + " holds a character that cannot be seen");
        }
        return text;
    }

    private static boolean isHidden(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED ->
                    true;
            default -> false;
        };
    }

    /**
     * {@code server}, {@code server:21}, {@code 192.0.2.1:21}, {@code [2001:db8::1]:21}, {@code
     * any}.
     *
     * @param anyAllowed whether {@code any} and {@code any:21} may stand here
     */
    static Endpoint endpoint(Token token, Map<String, IpAddress> hosts, boolean anyAllowed)
            throws Fault {
        if (token.kind() != Token.Kind.WORD) {
            throw token.expected("a host");
        }
        String text = token.text();
        String host = text;
        String port = null;
        if (text.startsWith("[")) {
            int close = text.indexOf(']');
            if (close < 0) {
                throw token.fault("the address has no closing bracket");
            }
            host = text.substring(1, close);
            String behind = text.substring(close + 1);
            if (!behind.isEmpty() && !behind.startsWith(":")) {
                throw token.fault("expected ':' and a port behind the bracket");
            }
            port = behind.isEmpty() ? null : behind.substring(1);
        } else {
            int colon = text.indexOf(':');
            boolean v6 = colon >= 0 && text.indexOf(':', colon + 1) >= 0;
            if (colon >= 0 && !v6) {
                host = text.substring(0, colon);
                port = text.substring(colon + 1);
            }
        }
        int number = Endpoint.NO_PORT;
        if (port != null) {
            Long value = digits(port);
            if (value == null || value > 65_535) {
                int start = token.end() - port.length();
                throw new Fault(start, token.end(), "expected a port from 0 to 65535");
            }
            number = value.intValue();
        }
        if (host.equals("any")) {
            if (!anyAllowed) {
                throw token.fault("'any' is for never and always: a packet has one sender");
            }
            return new Endpoint("any", null, number);
        }
        IpAddress address = hosts.get(host);
        if (address == null) {
            address = IpAddress.parse(host);
        }
        if (address == null) {
            String meant = Line.meant(host, hosts.keySet());
            throw token.fault(
                    "no host is called '"
                            + host
                            + "'"
                            + (meant != null
                                    ? "; did you mean " + meant + "?"
                                    : "; say which with: host " + host + " ADDRESS"));
        }
        return new Endpoint(host, address, number);
    }
}
