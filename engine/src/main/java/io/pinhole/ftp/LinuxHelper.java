package io.pinhole.ftp;

import io.pinhole.core.IpAddress;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What Linux's nf_conntrack_ftp makes of one control connection, fault for fault (observed on
 * 6.18): it reads packets, not the stream, and only those that begin where a line began. For {@code
 * --compat=linux}.
 */
public final class LinuxHelper {
    /** What the kernel does with a segment. */
    public enum Result {
        PASS,
        /** An announcement: {@link #address()} and {@link #port()} are expected. */
        EXPECT,
        /** Looks like the beginning of an announcement: the kernel drops the segment. */
        DROP
    }

    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;

    private final IpAddress client;
    private final IpAddress server;

    // Sequence numbers after a line end, two a side, as the kernel remembers them.
    private final int[][] afterNewline = new int[2][2];
    private final int[] remembered = new int[2];

    private MemorySegment data = MemorySegment.NULL;
    private long start;
    private int length;

    private IpAddress address;
    private int port;

    public LinuxHelper(IpAddress client, IpAddress server) {
        this.client = client;
        this.server = server;
        address = server;
    }

    /** The announced address of the last {@code EXPECT}. */
    public IpAddress address() {
        return address;
    }

    /** The announced port of the last {@code EXPECT}, wrapped to 16 bits as the kernel does. */
    public int port() {
        return port;
    }

    /**
     * Reads the payload of one segment of an established control connection.
     *
     * @param sequence of its first byte
     * @param size bytes present; 0 is passed
     */
    public Result segment(Side side, int sequence, MemorySegment bytes, long offset, int size) {
        if (size == 0) {
            return Result.PASS;
        }
        data = bytes;
        start = offset;
        length = size;
        int way = side.ordinal();
        boolean endsLine = at(size - 1) == '\n';
        if (isAfterNewline(way, sequence)) {
            address = side == Side.CLIENT ? client : server;
            int found =
                    side == Side.CLIENT
                            ? first(match("PORT", ' ', '\r'), match("EPRT", ' ', '\r'))
                            : first(match("227 ", 0, 0), match("229 ", '(', ')'));
            if (found == PARTIAL) {
                return Result.DROP;
            }
            if (found == FOUND) {
                remember(endsLine, way, sequence + size);
                IpAddress speaker = side == Side.CLIENT ? client : server;
                // The kernel's "loose" is off: another host's address is passed and not expected.
                return address.equals(speaker) ? Result.EXPECT : Result.PASS;
            }
        }
        remember(endsLine, way, sequence + size);
        return Result.PASS;
    }

    // ---- where lines begin ----

    private boolean isAfterNewline(int way, int sequence) {
        for (int i = 0; i < remembered[way]; i++) {
            if (afterNewline[way][i] == sequence) {
                return true;
            }
        }
        return false;
    }

    private void remember(boolean endsLine, int way, int next) {
        if (!endsLine || isAfterNewline(way, next)) {
            return;
        }
        if (remembered[way] < 2) {
            afterNewline[way][remembered[way]++] = next;
            return;
        }
        int oldest = afterNewline[way][0] - afterNewline[way][1] < 0 ? 0 : 1;
        if (next - afterNewline[way][oldest] > 0) {
            afterNewline[way][oldest] = next;
        }
    }

    // ---- patterns ----

    private static final int NOTHING = 0;
    private static final int FOUND = 1;
    private static final int PARTIAL = -1;

    /** The kernel tries its patterns in turn and stops at the first that says anything. */
    private static int first(int one, int other) {
        return one != NOTHING ? one : other;
    }

    private int match(String pattern, int skip, int end) {
        int n = pattern.length();
        if (length <= n) {
            return startsWith(pattern, length) ? PARTIAL : NOTHING;
        }
        if (!startsWith(pattern, n)) {
            return NOTHING;
        }
        int i = n;
        if (skip != 0) {
            while (at(i) != skip) {
                if (i == length - 1) {
                    return PARTIAL;
                }
                i++;
            }
            i++;
        }
        boolean read =
                switch (pattern) {
                    case "PORT" -> rfc959(i, end);
                    case "EPRT" -> eprt(i);
                    case "227 " -> rfc1123(i);
                    default -> epsv(i);
                };
        return read ? FOUND : PARTIAL;
    }

    private boolean startsWith(String pattern, int n) {
        for (int i = 0; i < n; i++) {
            if (Character.toLowerCase((char) at(i)) != Character.toLowerCase(pattern.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    private int at(int i) {
        return Byte.toUnsignedInt(data.get(U8, start + i));
    }

    private boolean isDigit(int i) {
        return at(i) >= '0' && at(i) <= '9';
    }

    /** Numbers with separators; they wrap at 32 bits. Returns the length read, 0 if none. */
    private int numbers(int from, int[] into, int separator, int end) {
        int n = 0;
        for (int i = from; i < length; i++) {
            if (isDigit(i)) {
                into[n] = into[n] * 10 + at(i) - '0';
            } else if (at(i) == separator) {
                if (++n == into.length) {
                    return 0;
                }
            } else {
                return (at(i) == end || end == 0) && n == into.length - 1 ? i - from : 0;
            }
        }
        return 0;
    }

    private boolean rfc959(int from, int end) {
        int[] n = new int[6];
        if (numbers(from, n, ',', end) == 0) {
            return false;
        }
        address = IpAddress.v4(n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
        port = (n[4] << 8 | n[5]) & 0xffff;
        return true;
    }

    private boolean rfc1123(int from) {
        for (int i = from; i < length; i++) {
            if (isDigit(i)) {
                return rfc959(i, 0);
            }
        }
        return false;
    }

    private boolean isDelimiter(int i) {
        return !isDigit(i) && at(i) >= 33 && at(i) <= 126;
    }

    private boolean eprt(int from) {
        if (length - from <= 3 || !isDelimiter(from) || at(from + 2) != at(from)) {
            return false;
        }
        int delimiter = at(from);
        int family = at(from + 1);
        if (family != (client.isV4() ? '1' : '2')) {
            return false;
        }
        int read;
        if (family == '1') {
            int[] n = new int[4];
            read = numbers(from + 3, n, '.', delimiter);
            address = IpAddress.v4(n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
        } else {
            read = ipv6(from + 3, delimiter);
        }
        return read > 0 && port(from + 3 + read + 1, delimiter);
    }

    private int ipv6(int from, int delimiter) {
        int i = from;
        while (i < length && at(i) != delimiter) {
            i++;
        }
        if (i == length || i - from > 45) {
            return 0;
        }
        StringBuilder text = new StringBuilder(i - from);
        for (int c = from; c < i; c++) {
            text.append((char) at(c));
        }
        @Nullable IpAddress read = IpAddress.parse(text);
        if (read == null || read.isV4()) {
            return 0;
        }
        address = read;
        return i - from;
    }

    private boolean epsv(int from) {
        return length - from > 3
                && isDelimiter(from)
                && at(from + 1) == at(from)
                && at(from + 2) == at(from)
                && port(from + 3, at(from));
    }

    private boolean port(int from, int delimiter) {
        int value = 0;
        for (int i = from; i < length; i++) {
            if (at(i) == delimiter) {
                port = value;
                return value != 0;
            }
            if (!isDigit(i)) {
                return false;
            }
            value = (value * 10 + at(i) - '0') & 0xffff;
        }
        return false;
    }
}
