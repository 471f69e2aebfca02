package io.pinhole.rule.iptables;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Range;
import java.util.ArrayList;
import java.util.List;

/** Numbers, addresses and ports as iptables and ipset write them. */
final class Parse {
    static final String NOT_EVALUATED = "valid iptables, not evaluated by Pinhole";
    static final long MAX_U32 = 0xffff_ffffL;

    private Parse() {}

    /** Decimal, 0x… or 0…, as strtoul reads them. */
    static long number(String text, long max, Word at) {
        boolean hex = text.startsWith("0x") || text.startsWith("0X");
        boolean octal = !hex && text.length() > 1 && text.startsWith("0");
        String digits = hex ? text.substring(2) : text;
        long value;
        try {
            value = Long.parseLong(digits, hex ? 16 : octal ? 8 : 10);
        } catch (NumberFormatException e) {
            throw at.fault("expected a number, found " + at.found());
        }
        if (value < 0 || value > max || digits.startsWith("+")) {
            throw at.fault("expected a number between 0 and " + max + ", found " + at.found());
        }
        return value;
    }

    /** A number or one of the type's names. */
    static long symbol(String text, DataType type, Word at) {
        Integer known = type.symbols().get(text);
        if (known == null) {
            known = type.symbols().get(text.toLowerCase(java.util.Locale.ROOT));
        }
        if (known != null) {
            return Integer.toUnsignedLong(known);
        }
        if (text.isEmpty() || text.charAt(0) < '0' || text.charAt(0) > '9') {
            throw at.fault("expected " + type.text() + ", found " + at.found());
        }
        return number(text, type.maxLow(), at);
    }

    /** {@code 21}, {@code ftp}, {@code 20:21}, {@code :1023}, {@code 1024:}. */
    static Range ports(String text, char between, Word at) {
        int colon = text.indexOf(between);
        boolean named = between == '-' && DataType.INET_SERVICE.symbols().containsKey(text);
        if (colon < 0 || named) {
            return Range.of(symbol(text, DataType.INET_SERVICE, at));
        }
        String low = text.substring(0, colon);
        String high = text.substring(colon + 1);
        long from = low.isEmpty() ? 0 : symbol(low, DataType.INET_SERVICE, at);
        long to = high.isEmpty() ? 65_535 : symbol(high, DataType.INET_SERVICE, at);
        if (from > to) {
            throw at.fault("range ends before it starts");
        }
        return Range.between(from, to);
    }

    static List<Range> portList(Word word) {
        List<Range> out = new ArrayList<>();
        for (String part : word.text().split(",", -1)) {
            out.add(ports(part, ':', word));
        }
        return out;
    }

    /** {@code a:b} of numbers, {@code a} alone too. */
    static Range numbers(Word word, long max) {
        String text = word.text();
        int colon = text.indexOf(':');
        if (colon < 0) {
            return Range.of(number(text, max, word));
        }
        String high = text.substring(colon + 1);
        long from = colon == 0 ? 0 : number(text.substring(0, colon), max, word);
        long to = high.isEmpty() ? max : number(high, max, word);
        if (from > to) {
            throw word.fault("range ends before it starts");
        }
        return Range.between(from, to);
    }

    /** An address under a mask. */
    record Masked(long high, long low, long maskHigh, long maskLow) {
        boolean isPrefix() {
            long inverseHigh = ~maskHigh;
            long inverseLow = ~maskLow;
            boolean lowOk = (inverseLow & inverseLow + 1) == 0;
            boolean highOk = (inverseHigh & inverseHigh + 1) == 0;
            return inverseHigh == 0 ? lowOk : inverseLow == -1 && highOk;
        }

        Range range() {
            return new Range(high & maskHigh, low & maskLow, high | ~maskHigh, low | ~maskLow);
        }
    }

    /** {@code 10.0.0.0/8}, {@code 10.0.0.0/255.0.0.0}, {@code fe80::/10}. */
    static Masked masked(String text, int version, Word at) {
        int slash = text.indexOf('/');
        long[] address = address(slash < 0 ? text : text.substring(0, slash), version, at);
        int bits = version == 4 ? 32 : 128;
        long maskHigh;
        long maskLow;
        String mask = slash < 0 ? "" + bits : text.substring(slash + 1);
        if (mask.indexOf('.') >= 0 || mask.indexOf(':') >= 0) {
            long[] of = address(mask, version, at);
            maskHigh = version == 4 ? -1 : of[0];
            maskLow = version == 4 ? of[1] | ~0xffff_ffffL : of[1];
        } else {
            int length = (int) number(mask, bits, at);
            int free = bits - length;
            maskLow = free >= 64 ? 0 : -1L << free;
            maskHigh = free <= 64 ? -1 : free == 128 ? 0 : -1L << free - 64;
        }
        return new Masked(address[0], address[1], maskHigh, maskLow);
    }

    /** High and low half of a number; IPv4 addresses in the lowest 32 bits. */
    static long[] address(String text, int version, Word at) {
        IpAddress address = IpAddress.parse(text);
        if (address == null) {
            boolean name = !text.isEmpty() && text.chars().noneMatch(c -> c == ':' || c == '/');
            throw at.fault(
                    "expected an IPv"
                            + version
                            + " address, found "
                            + at.found()
                            + (name ? "; host names are " + NOT_EVALUATED : ""));
        }
        if (address.isV4() != (version == 4)) {
            throw at.fault(
                    "expected an IPv"
                            + version
                            + " address, found one of IPv"
                            + (version == 4 ? 6 : 4));
        }
        return version == 4
                ? new long[] {0, address.v4Bits() & 0xffff_ffffL}
                : new long[] {address.high(), address.low()};
    }

    /** {@code a-b}, or one address. */
    static Range addresses(String text, int version, Word at) {
        int dash = text.indexOf('-');
        if (dash < 0) {
            Masked masked = masked(text, version, at);
            if (!masked.isPrefix()) {
                throw at.fault("expected a prefix, found " + at.found());
            }
            return masked.range();
        }
        long[] low = address(text.substring(0, dash), version, at);
        long[] high = address(text.substring(dash + 1), version, at);
        Range range = new Range(low[0], low[1], high[0], high[1]);
        if (range.isEmpty()) {
            throw at.fault("range ends before it starts");
        }
        return range;
    }

    /** {@code 00:11:22:33:44:55}. */
    static long mac(String text, Word at) {
        String[] groups = text.split(":", -1);
        long bits = 0;
        boolean good = groups.length == 6;
        for (String group : groups) {
            good = good && group.matches("[0-9A-Fa-f]{1,2}");
            bits = good ? bits << 8 | Integer.parseInt(group, 16) : 0;
        }
        if (!good) {
            throw at.fault("expected an Ethernet address, found " + at.found());
        }
        return bits;
    }

    /** {@code value[/mask]}; the mask is all ones where it is left out. */
    static long[] valueAndMask(Word word) {
        String text = word.text();
        int slash = text.indexOf('/');
        long value = number(slash < 0 ? text : text.substring(0, slash), MAX_U32, word);
        long mask = slash < 0 ? MAX_U32 : number(text.substring(slash + 1), MAX_U32, word);
        return new long[] {value, mask};
    }

    /** {@code eth0}, or {@code eth+} for every name that starts so. */
    static Range interfaces(String text, Word at) {
        boolean prefix = text.endsWith("+");
        String name = prefix ? text.substring(0, text.length() - 1) : text;
        if (name.length() > DataType.MAX_NAME || (name.isEmpty() && !prefix)) {
            throw at.fault("an interface name has 1 to " + DataType.MAX_NAME + " characters");
        }
        if (name.chars().anyMatch(c -> c <= ' ' || c > 0xff || c == '/')) {
            throw at.fault(at.found() + " is no interface name");
        }
        long high = DataType.nameHigh(name);
        long low = DataType.nameLow(name);
        if (!prefix) {
            return Range.of(high, low);
        }
        int free = (16 - name.length()) * 8;
        long maskLow = free >= 64 ? -1 : (1L << free) - 1;
        long maskHigh = free <= 64 ? 0 : free == 128 ? -1 : (1L << free - 64) - 1;
        return new Range(high, low, high | maskHigh, low | maskLow);
    }
}
