package io.pinhole.ftp;

import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * Outcome of reading an announcement's host and port, and the grammars that read them. Every method
 * takes text of chars 0..255 of any length, works in linear time and never throws.
 *
 * <p>A number is one to three decimal digits, at most 255 (a port of RFC 2428: one to five digits,
 * 1 to 65535). Leading zeros are read as decimal, as servers do with {@code atoi}. No sign. Port 0
 * is malformed everywhere.
 */
sealed interface HostPort {
    /**
     * @param host null where the announcement names none and the control connection's host is meant
     * @param port 1..65535
     * @param odd readable, but not in the exact grammar of its RFC
     */
    record Found(@Nullable IpAddress host, int port, boolean odd) implements HostPort {}

    /**
     * @param why for people, without any byte from the network
     */
    record Malformed(String why) implements HostPort {}

    HostPort UNREADABLE = new Malformed("too long, or with a NUL");
    HostPort NO_ADDRESS = new Malformed("no address in it");
    HostPort BAD_NUMBERS = new Malformed("not six comma-separated numbers up to 255");
    HostPort PORT_ZERO = new Malformed("port 0");
    HostPort BAD_EPRT = new Malformed("not <d>af<d>address<d>port<d>");
    HostPort BAD_PORT = new Malformed("port is not a number from 1 to 65535");
    HostPort BAD_LONG = new Malformed("not a long host-port of RFC 1639");

    /** Longest text of an address: an IPv6 address with an embedded IPv4 tail. */
    int LONGEST_ADDRESS = 45;

    /**
     * Reads {@code h1,h2,h3,h4,p1,p2}, the argument of PORT. Blanks around the numbers are odd;
     * anything else before, between or after them is malformed.
     *
     * @see <a href="https://www.rfc-editor.org/rfc/rfc959">RFC 959 section 5.3.2</a>
     */
    static HostPort port(String argument) {
        Numbers numbers = new Numbers(argument, 0);
        numbers.skipBlanks();
        if (!numbers.read(6) || !numbers.atEnd()) {
            return BAD_NUMBERS;
        }
        return numbers.host959();
    }

    /**
     * Finds six numbers in the text of a 227 reply, in parentheses or not: the first run of six
     * numbers with nothing but commas and blanks between them.
     *
     * @see <a href="https://www.rfc-editor.org/rfc/rfc1123">RFC 1123 section 4.1.2.6</a>
     */
    static HostPort reply227(String text) {
        boolean digitsBefore = false;
        for (int i = 0; i < text.length(); i++) {
            if (!startsNumber(text, i)) {
                continue;
            }
            Numbers numbers = new Numbers(text, i);
            if (numbers.findRun(6)) {
                if (numbers.outOfRange || numbers.goesOn()) {
                    return BAD_NUMBERS;
                }
                numbers.odd |= digitsBefore;
                return numbers.host959();
            }
            digitsBefore = true;
        }
        return NO_ADDRESS;
    }

    /**
     * Reads {@code <d>af<d>address<d>port<d>}, the argument of EPRT. The delimiter is any printable
     * character that is no digit.
     *
     * @return an IPv4-mapped address as the IPv4 address it stands for
     * @see <a href="https://www.rfc-editor.org/rfc/rfc2428">RFC 2428 section 2</a>
     */
    static HostPort eprt(String argument) {
        int start = skipBlanks(argument, 0);
        if (start == argument.length() || !isDelimiter(argument.charAt(start))) {
            return BAD_EPRT;
        }
        char d = argument.charAt(start);
        int addressAt = field(argument, start + 1, d, 1);
        int portAt = addressAt < 0 ? -1 : field(argument, addressAt, d, LONGEST_ADDRESS);
        int end = portAt < 0 ? -1 : field(argument, portAt, d, 5);
        if (end < 0 || !isBlank(argument, end, argument.length())) {
            return BAD_EPRT;
        }
        IpAddress host = IpAddress.parse(argument.substring(addressAt, portAt - 1));
        int version = version(argument.charAt(start + 1));
        if (host == null || addressAt != start + 3 || host.version() != version) {
            return BAD_EPRT;
        }
        int port = number(argument, portAt, end - 1, 65_535);
        if (port <= 0) {
            return BAD_PORT;
        }
        boolean odd = start > 0 || end < argument.length() || argument.charAt(portAt) == '0';
        return new Found(host.unmapped(), port, odd);
    }

    /**
     * Finds {@code (<d>[af]<d>[address]<d>port<d>)} in the text of a 229 reply. Odd: text in
     * parentheses before it, the last delimiter or a parenthesis missing.
     *
     * @return a host only if the reply names one, which RFC 2428 allows and no client needs
     * @see <a href="https://www.rfc-editor.org/rfc/rfc2428">RFC 2428 section 3</a>
     */
    static HostPort reply229(String text) {
        boolean odd = false;
        for (int i = text.indexOf('('); i >= 0; i = text.indexOf('(', i + 1)) {
            HostPort found = extended(text, i + 1, odd);
            if (found != null) {
                return found;
            }
            odd = true;
        }
        int bare = text.indexOf("|||");
        HostPort found = bare < 0 ? null : extended(text, bare, true);
        return found == null ? NO_ADDRESS : found;
    }

    private static @Nullable HostPort extended(String text, int at, boolean oddBefore) {
        if (at >= text.length() || !isDelimiter(text.charAt(at))) {
            return null;
        }
        char d = text.charAt(at);
        int addressAt = field(text, at + 1, d, 1);
        int portAt = addressAt < 0 ? -1 : field(text, addressAt, d, LONGEST_ADDRESS);
        if (portAt < 0) {
            return null;
        }
        int end = portAt;
        while (end < text.length() && isDigit(text.charAt(end))) {
            end++;
        }
        IpAddress host = null;
        if (portAt - addressAt > 1) {
            host = IpAddress.parse(text.substring(addressAt, portAt - 1));
            if (host == null) {
                return null;
            }
        }
        int version = addressAt - at == 3 ? version(text.charAt(at + 1)) : 0;
        if (version < 0 || host != null && version != 0 && version != host.version()) {
            return null;
        }
        if (end == portAt) {
            return null;
        }
        boolean closed = end < text.length() && text.charAt(end) == d;
        boolean shut = closed ? text.startsWith(")", end + 1) : text.startsWith(")", end);
        if (!closed && !shut) {
            return null;
        }
        int port = number(text, portAt, end, 65_535);
        if (port <= 0) {
            return BAD_PORT;
        }
        boolean odd = oddBefore || !closed || !shut || text.charAt(portAt) == '0';
        return new Found(host == null ? null : host.unmapped(), port, odd);
    }

    /**
     * Reads {@code 4,4,h1..h4,2,p1,p2} or {@code 6,16,h1..h16,2,p1,p2}, the argument of LPRT.
     *
     * @see <a href="https://www.rfc-editor.org/rfc/rfc1639">RFC 1639 section 2</a>
     */
    static HostPort lprt(String argument) {
        Numbers numbers = new Numbers(argument, 0);
        numbers.skipBlanks();
        return numbers.readLong() && numbers.atEnd() ? numbers.host1639() : BAD_LONG;
    }

    /**
     * Finds a long host-port in the text of a 228 reply.
     *
     * @see <a href="https://www.rfc-editor.org/rfc/rfc1639">RFC 1639 section 3</a>
     */
    static HostPort reply228(String text) {
        boolean digitsBefore = false;
        for (int i = 0; i < text.length(); i++) {
            if (!startsNumber(text, i)) {
                continue;
            }
            Numbers numbers = new Numbers(text, i);
            if (numbers.readLong() && !numbers.goesOn()) {
                numbers.odd |= digitsBefore;
                return numbers.host1639();
            }
            digitsBefore = true;
        }
        return NO_ADDRESS;
    }

    /** Index after the delimiter that ends a field of at most {@code longest} chars, or -1. */
    private static int field(String text, int from, char delimiter, int longest) {
        int limit = Math.min(text.length(), from + longest + 1);
        for (int i = from; i < limit; i++) {
            if (text.charAt(i) == delimiter) {
                return i + 1;
            }
        }
        return -1;
    }

    /** RFC 2428 section 2: 33 to 126; a digit could not be told from a field. */
    private static boolean isDelimiter(char c) {
        return c >= 33 && c <= 126 && !isDigit(c);
    }

    /** IP version of an address family number of RFC 2428, or -1. */
    private static int version(char family) {
        return switch (family) {
            case '1' -> 4;
            case '2' -> 6;
            default -> -1;
        };
    }

    /** The decimal number in {@code text}, or -1. */
    private static int number(String text, int from, int to, int highest) {
        if (to <= from || to - from > 5) {
            return -1;
        }
        int value = 0;
        for (int i = from; i < to; i++) {
            if (!isDigit(text.charAt(i))) {
                return -1;
            }
            value = value * 10 + text.charAt(i) - '0';
        }
        return value <= highest ? value : -1;
    }

    private static boolean startsNumber(String text, int i) {
        return isDigit(text.charAt(i)) && (i == 0 || !isDigit(text.charAt(i - 1)));
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    /** Space, tab, and the CR that some clients send twice. */
    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
    }

    private static boolean isBlank(String text, int from, int to) {
        return skipBlanks(text, from) >= to;
    }

    private static int skipBlanks(String text, int from) {
        int i = from;
        while (i < text.length() && isBlank(text.charAt(i))) {
            i++;
        }
        return i;
    }

    /** Reads comma-separated numbers, each one to three digits and at most 255. */
    final class Numbers {
        private static final int LONGEST = 2 + 16 + 3;

        private final String text;
        private final int[] values = new int[LONGEST];
        private int count;
        private int at;
        private boolean odd;
        private boolean outOfRange;

        private Numbers(String text, int at) {
            this.text = text;
            this.at = at;
        }

        private void skipBlanks() {
            int to = HostPort.skipBlanks(text, at);
            odd |= to > at;
            at = to;
        }

        /** Reads until {@code wanted} numbers are there, all of them in range. */
        private boolean read(int wanted) {
            return findRun(wanted) && !outOfRange;
        }

        /** Reads until {@code wanted} numbers are there, in range or not. */
        private boolean findRun(int wanted) {
            while (count < wanted) {
                if (count > 0) {
                    skipBlanks();
                    if (at == text.length() || text.charAt(at) != ',') {
                        return false;
                    }
                    at++;
                    skipBlanks();
                }
                int start = at;
                while (at < text.length() && isDigit(text.charAt(at))) {
                    at++;
                }
                if (at == start) {
                    return false;
                }
                int value = at - start > 3 ? -1 : number(text, start, at, 255);
                outOfRange |= value < 0;
                odd |= at - start > 1 && text.charAt(start) == '0';
                values[count++] = value;
            }
            return true;
        }

        private boolean readLong() {
            if (!read(2)) {
                return false;
            }
            int length = values[1];
            boolean known = values[0] == 4 && length == 4 || values[0] == 6 && length == 16;
            return known && read(2 + length + 1) && values[2 + length] == 2 && read(count + 2);
        }

        /** True if nothing but blanks follows. */
        private boolean atEnd() {
            skipBlanks();
            return at == text.length();
        }

        /** True if more of the list follows, so that nobody can say which part was meant. */
        private boolean goesOn() {
            int comma = HostPort.skipBlanks(text, at);
            if (comma == text.length() || text.charAt(comma) != ',') {
                return false;
            }
            int next = HostPort.skipBlanks(text, comma + 1);
            return next < text.length() && isDigit(text.charAt(next));
        }

        private HostPort host959() {
            int bits = values[0] << 24 | values[1] << 16 | values[2] << 8 | values[3];
            return found(IpAddress.v4(bits), values[4], values[5]);
        }

        private HostPort host1639() {
            int length = values[1];
            long high = 0;
            long low = 0;
            for (int i = 0; i < length; i++) {
                high = high << 8 | low >>> 56;
                low = low << 8 | values[2 + i];
            }
            IpAddress host = length == 4 ? IpAddress.v4((int) low) : IpAddress.v6(high, low);
            return found(host.unmapped(), values[3 + length], values[4 + length]);
        }

        private HostPort found(IpAddress host, int portHigh, int portLow) {
            int port = portHigh << 8 | portLow;
            return port == 0 ? PORT_ZERO : new Found(host, port, odd);
        }
    }
}
