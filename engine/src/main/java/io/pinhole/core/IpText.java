package io.pinhole.core;

import org.jspecify.annotations.Nullable;

/** Text form of addresses: RFC 5952 out, RFC 4291 section 2.2 in. */
final class IpText {
    private IpText() {}

    static String format(IpAddress a) {
        StringBuilder out = new StringBuilder(39);
        if (a.isV4()) {
            quad(out, a.v4Bits());
            return out.toString();
        }
        if (a.high() == 0 && a.low() >>> 32 == 0xffff) {
            out.append("::ffff:");
            quad(out, (int) a.low());
            return out.toString();
        }
        int[] groups = new int[8];
        for (int i = 0; i < 4; i++) {
            groups[i] = (int) (a.high() >>> 48 - 16 * i) & 0xffff;
            groups[i + 4] = (int) (a.low() >>> 48 - 16 * i) & 0xffff;
        }
        // RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals.
        int bestStart = -1;
        int bestLength = 1;
        for (int i = 0; i < 8; i++) {
            int n = 0;
            while (i + n < 8 && groups[i + n] == 0) {
                n++;
            }
            if (n > bestLength) {
                bestStart = i;
                bestLength = n;
            }
            i += Math.max(0, n - 1);
        }
        for (int i = 0; i < 8; i++) {
            if (i == bestStart) {
                out.append(i == 0 ? "::" : ":");
                i += bestLength - 1;
                continue;
            }
            out.append(Integer.toHexString(groups[i]));
            if (i < 7) {
                out.append(':');
            }
        }
        return out.toString();
    }

    private static void quad(StringBuilder out, int bits) {
        out.append(bits >>> 24).append('.').append(bits >>> 16 & 0xff);
        out.append('.').append(bits >>> 8 & 0xff).append('.').append(bits & 0xff);
    }

    static @Nullable IpAddress parse(CharSequence text) {
        int n = text.length();
        if (n < 2 || n > 45) {
            return null;
        }
        for (int i = 0; i < n; i++) {
            if (text.charAt(i) == ':') {
                return parseV6(text, n);
            }
        }
        long quad = parseQuad(text, 0, n);
        return quad < 0 ? null : IpAddress.v4((int) quad);
    }

    /**
     * The 32 bits of a dotted quad, or -1. Leading zeros are refused: they read as octal elsewhere.
     */
    private static long parseQuad(CharSequence text, int from, int to) {
        long bits = 0;
        int octets = 0;
        int i = from;
        while (true) {
            int value = 0;
            int digits = 0;
            while (i < to && text.charAt(i) >= '0' && text.charAt(i) <= '9' && digits < 4) {
                value = value * 10 + text.charAt(i++) - '0';
                digits++;
            }
            if (digits == 0 || digits > 3 || value > 255) {
                return -1;
            }
            if (digits > 1 && text.charAt(i - digits) == '0') {
                return -1;
            }
            bits = bits << 8 | value;
            if (++octets == 4) {
                return i == to ? bits : -1;
            }
            if (i >= to || text.charAt(i++) != '.') {
                return -1;
            }
        }
    }

    private static @Nullable IpAddress parseV6(CharSequence text, int n) {
        int[] groups = new int[8];
        int count = 0;
        int gap = -1;
        int i = 0;
        if (text.charAt(0) == ':') {
            if (text.charAt(1) != ':') {
                return null;
            }
            gap = 0;
            i = 2;
        }
        while (i < n) {
            if (count == 8) {
                return null;
            }
            int start = i;
            int value = 0;
            while (i < n && i - start < 5) {
                int digit = Character.digit(text.charAt(i), 16);
                if (digit < 0 || text.charAt(i) > 'f') {
                    break;
                }
                value = value << 4 | digit;
                i++;
            }
            if (i < n && text.charAt(i) == '.') {
                long quad = parseQuad(text, start, n);
                if (quad < 0 || count > 6) {
                    return null;
                }
                groups[count++] = (int) (quad >>> 16);
                groups[count++] = (int) quad & 0xffff;
                i = n;
                break;
            }
            if (i == start || i - start > 4) {
                return null;
            }
            groups[count++] = value;
            if (i == n) {
                break;
            }
            if (text.charAt(i++) != ':') {
                return null;
            }
            if (i < n && text.charAt(i) == ':') {
                if (gap >= 0) {
                    return null;
                }
                gap = count;
                i++;
            } else if (i == n) {
                return null;
            }
        }
        if (gap < 0 ? count != 8 : count > 7) {
            return null;
        }
        long[] bits = new long[2];
        for (int g = 0; g < 8; g++) {
            int value;
            if (gap < 0 || g < gap) {
                value = groups[g];
            } else {
                int fromEnd = 8 - g;
                value = fromEnd <= count - gap ? groups[count - fromEnd] : 0;
            }
            bits[g >> 2] = bits[g >> 2] << 16 | value;
        }
        return IpAddress.v6(bits[0], bits[1]);
    }
}
