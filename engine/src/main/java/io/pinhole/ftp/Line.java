package io.pinhole.ftp;

import io.pinhole.core.MemoryBudget;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One control line without telnet sequences and without its end. Reused: valid until its reader
 * takes the next byte. Grows to the limit it was made with and no further.
 */
final class Line {
    private static final int SMALL = 128;

    /** A buffer larger than this is given back with its line. */
    private static final int LARGE = 1_024;

    private final int limit;
    private final MemoryBudget.Account memory;
    private byte[] bytes;
    private int length;

    /** Number of the packet with the line's first byte, and of that with its LF. */
    long first;

    long last;

    /** Longer than the limit; only its beginning is kept. */
    boolean overlong;

    /** Carried a NUL, which is left out. */
    boolean nul;

    /** Ended by LF without CR. */
    boolean bareLf;

    /** Had telnet sequences in it, which are left out. */
    boolean telnet;

    Line(int limit) {
        this(limit, MemoryBudget.unlimited());
    }

    /**
     * @param memory asked for what a buffer holds beyond the first {@value #SMALL} bytes; where it
     *     has no more, the line counts as overlong
     */
    Line(int limit, MemoryBudget.Account memory) {
        this.limit = limit;
        this.memory = memory;
        this.bytes = new byte[Math.min(SMALL, limit)];
    }

    void append(byte b) {
        if (length == limit) {
            overlong = true;
            return;
        }
        if (length == bytes.length) {
            int size = (int) Math.min(limit, 2L * length);
            if (!memory.take(size - length)) {
                overlong = true;
                return;
            }
            byte[] larger = new byte[size];
            System.arraycopy(bytes, 0, larger, 0, length);
            Arrays.fill(bytes, (byte) 0);
            bytes = larger;
        }
        bytes[length++] = b;
    }

    /** Forgets the line; what it held may have been a password. */
    void clear() {
        Arrays.fill(bytes, 0, length, (byte) 0);
        if (bytes.length > LARGE) {
            int small = Math.min(SMALL, limit);
            memory.give(bytes.length - small);
            bytes = new byte[small];
        }
        length = 0;
        overlong = false;
        nul = false;
        bareLf = false;
        telnet = false;
    }

    int length() {
        return length;
    }

    /** What it holds in memory, also behind the line's end. */
    byte[] buffer() {
        return bytes;
    }

    /** True if the line may be acted on: every byte of it is known and stands for itself. */
    boolean isWhole() {
        return !overlong && !nul;
    }

    /** The byte at {@code index} as 0..255, or -1 past the end. */
    int at(int index) {
        return index < length ? bytes[index] & 0xff : -1;
    }

    /** Index of the first byte from {@code index} on that is no blank. */
    int skipBlanks(int index) {
        int i = index;
        while (i < length && isBlank(bytes[i])) {
            i++;
        }
        return i;
    }

    /** Index of the first blank or of the end from {@code index} on. */
    int wordEnd(int index) {
        int i = index;
        while (i < length && !isBlank(bytes[i])) {
            i++;
        }
        return i;
    }

    /** RFC 959 section 5.3: three or four letters; true also for verbs that nobody knows. */
    boolean isVerb(int start, int end) {
        for (int i = start; i < end; i++) {
            int lower = bytes[i] | 0x20;
            if (lower < 'a' || lower > 'z') {
                return false;
            }
        }
        return end - start == 3 || end - start == 4;
    }

    /** Three digits at the line's start, the first of them 1..6 (RFC 959 section 4.2), or -1. */
    int code() {
        if (length < 3 || bytes[0] < '1' || bytes[0] > '6' || !digit(1) || !digit(2)) {
            return -1;
        }
        return (bytes[0] - '0') * 100 + (bytes[1] - '0') * 10 + bytes[2] - '0';
    }

    private boolean digit(int index) {
        return bytes[index] >= '0' && bytes[index] <= '9';
    }

    /** The bytes as characters 0..255. */
    String latin1(int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }

    /**
     * Bytes from {@code from} up to the first CR, as people may see them. What stands behind a
     * stray CR may be meant as another line, and that one hold a password.
     */
    String printableToCr(int from, int maxChars) {
        int to = from;
        while (to < length && bytes[to] != '\r') {
            to++;
        }
        return Printable.of(bytes, from, to, maxChars);
    }

    /** Bytes from {@code from} on as people may see them; see {@link Printable}. */
    String printable(int from, int maxChars) {
        return Printable.of(bytes, Math.min(from, length), length, maxChars);
    }

    /** Space, tab, and the CR that some clients send twice. */
    private static boolean isBlank(byte b) {
        return b == ' ' || b == '\t' || b == '\r';
    }
}
