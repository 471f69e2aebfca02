package io.pinhole.rule.nft;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import org.jspecify.annotations.Nullable;

/**
 * Text to tokens, one at a time, with one token of lookahead. Words, strings and numbers are those
 * of nft's scanner; a newline is a token where statements end and blank inside braces.
 */
final class Lexer {
    private static final int MAX_WORD = 1024;
    private static final int MAX_ADDRESS = 45;

    private final SourceText source;
    private final String text;
    private int offset;
    private int line = 1;
    private int lineStart;
    private int blankNewlines;
    private int depth;
    private @Nullable Token peeked;

    Lexer(SourceText source) {
        this.source = source;
        text = source.text;
    }

    /** Where reading can start again. */
    record Mark(SourceText source, int offset, int line, int lineStart) {}

    Lexer(Mark mark) {
        this(mark.source);
        offset = mark.offset;
        line = mark.line;
        lineStart = mark.lineStart;
    }

    Mark mark() {
        Token token = peeked;
        return token == null
                ? new Mark(source, offset, line, lineStart)
                : new Mark(
                        source,
                        token.at().offset(),
                        token.at().line(),
                        token.at().offset() - token.at().column() + 1);
    }

    /**
     * Newlines are blanks, until {@link #blankDepth(int)} says otherwise. Call right behind a
     * brace.
     */
    void beginBlank() {
        blankNewlines++;
    }

    int blankDepth() {
        return blankNewlines;
    }

    void blankDepth(int depth) {
        blankNewlines = depth;
    }

    Token peek() {
        Token token = peeked;
        if (token == null) {
            token = read();
            peeked = token;
        }
        return token;
    }

    Token next() {
        Token token = peek();
        peeked = null;
        if (token.kind() == Token.Kind.SYMBOL) {
            depth = Math.max(0, depth + (token.is("{") ? 1 : token.is("}") ? -1 : 0));
        }
        return token;
    }

    /** Gives the last token back; nothing may have been read since, and it is no brace. */
    void back(Token token) {
        peeked = token;
    }

    /** Braces that are open. */
    int depth() {
        return depth;
    }

    private Span span(int start, int width) {
        return new Span(source, start, line, start - lineStart + 1, Math.max(1, width));
    }

    private Token token(Token.Kind kind, int start, String of) {
        return new Token(kind, of, 0, null, span(start, offset - start));
    }

    private int at(int i) {
        return i < text.length() ? text.charAt(i) : -1;
    }

    private void newline() {
        line++;
        lineStart = offset;
    }

    private Token read() {
        while (true) {
            int c = at(offset);
            if (c == -1) {
                return new Token(Token.Kind.END, "", 0, null, span(offset, 1));
            }
            if (c == ' ' || c == '\t' || c == '\r') {
                offset++;
            } else if (c == '\\' && continues(offset + 1)) {
                offset = text.indexOf('\n', offset) + 1;
                newline();
            } else if (c == '#') {
                while (at(offset) != -1 && at(offset) != '\n') {
                    offset++;
                }
            } else if (c == '\n') {
                Token end = token(Token.Kind.SEPARATOR, offset, "\n");
                offset++;
                newline();
                if (blankNewlines == 0) {
                    return end;
                }
            } else {
                return significant(c);
            }
        }
    }

    private boolean continues(int from) {
        int i = from;
        while (at(i) == ' ' || at(i) == '\t' || at(i) == '\r') {
            i++;
        }
        return at(i) == '\n';
    }

    private Token significant(int c) {
        int start = offset;
        if (c == '"') {
            return string(start);
        }
        if (isHex(c) || c == ':') {
            Token address = colonAddress(start);
            if (address != null) {
                return address;
            }
        }
        if (c >= '0' && c <= '9') {
            return number(start);
        }
        if (isLetter(c)) {
            return word(start);
        }
        String two = text.substring(start, Math.min(start + 2, text.length()));
        switch (two) {
            case "==", "!=", "<=", ">=", "<<", ">>", "&&" -> {
                offset += 2;
                return token(Token.Kind.SYMBOL, start, two);
            }
            default -> {}
        }
        offset++;
        if (c == ';') {
            return token(Token.Kind.SEPARATOR, start, ";");
        }
        if ("{}(),:=<>!&|^+-/.*@$[]".indexOf(c) >= 0) {
            return token(Token.Kind.SYMBOL, start, String.valueOf((char) c));
        }
        if (Character.isHighSurrogate((char) c) && offset < text.length()) {
            offset++;
        }
        int shown = text.codePointAt(start);
        throw span(start, 1)
                .fault(
                        shown < ' ' || (shown >= 0x7f && shown < 0xa0)
                                ? String.format("unexpected character U+%04X", shown)
                                : "unexpected character '" + Character.toString(shown) + "'");
    }

    private Token string(int start) {
        int end = start + 1;
        while (at(end) != '"') {
            if (at(end) == -1 || at(end) == '\n') {
                offset = end;
                throw span(start, end - start).fault("string has no closing quote on its line");
            }
            end++;
        }
        offset = end + 1;
        return token(Token.Kind.STRING, start, text.substring(start + 1, end));
    }

    /** IPv6 address or MAC: the longest run of hex digits, colons and dots that is one. */
    private @Nullable Token colonAddress(int start) {
        int end = start;
        int colons = 0;
        while (end - start <= MAX_ADDRESS && (isHex(at(end)) || at(end) == ':' || at(end) == '.')) {
            if (at(end) == ':') {
                colons++;
            }
            end++;
        }
        if (colons < 2) {
            return null;
        }
        for (int to = end; to > start + 1; to--) {
            String candidate = text.substring(start, to);
            IpAddress address = IpAddress.parse(candidate);
            if (address != null && !address.isV4() && !isWordPart(at(to))) {
                offset = to;
                return new Token(
                        Token.Kind.ADDRESS, candidate, 0, address, span(start, to - start));
            }
            long mac = mac(candidate);
            if (mac >= 0) {
                offset = to;
                return new Token(Token.Kind.MAC, candidate, mac, null, span(start, to - start));
            }
        }
        return null;
    }

    /** Six groups of one or two hex digits, or -1. */
    static long mac(String candidate) {
        if (candidate.length() < 11 || candidate.length() > 17) {
            return -1;
        }
        long bits = 0;
        int groups = 0;
        int digits = 0;
        long group = 0;
        for (int i = 0; i <= candidate.length(); i++) {
            int c = i < candidate.length() ? candidate.charAt(i) : ':';
            if (c == ':') {
                if (digits == 0 || digits > 2) {
                    return -1;
                }
                bits = bits << 8 | group;
                groups++;
                digits = 0;
                group = 0;
            } else if (isHex(c)) {
                group = group << 4 | Character.digit(c, 16);
                digits++;
            } else {
                return -1;
            }
        }
        return groups == 6 ? bits : -1;
    }

    private Token number(int start) {
        int end = start;
        while (end - start <= MAX_WORD && (isWordPart(at(end)) || at(end) == '.')) {
            end++;
        }
        // The blanks round the dot of a concatenation are customary, not required.
        String whole = text.substring(start, end);
        while (whole.endsWith(".")) {
            whole = whole.substring(0, whole.length() - 1);
        }
        offset = start + whole.length();
        Span at = span(start, whole.length());
        IpAddress address = IpAddress.parse(whole);
        if (address != null) {
            return new Token(Token.Kind.ADDRESS, whole, 0, address, at);
        }
        long value = parseNumber(whole);
        if (value >= 0) {
            return new Token(Token.Kind.NUMBER, whole, value, null, at);
        }
        long millis = parseTime(whole);
        if (millis >= 0) {
            return new Token(Token.Kind.TIME, whole, millis, null, at);
        }
        throw at.fault(
                whole.chars().allMatch(c -> c >= '0' && c <= '9')
                        ? "number is too large"
                        : "'"
                                + (whole.length() > 60 ? whole.substring(0, 60) + "…" : whole)
                                + "' is neither a number, nor an address, nor a time");
    }

    /**
     * Decimal, 0x… or 0… as nft's strtoull reads them; -1 if it is none or needs more than 63 bits.
     */
    static long parseNumber(String digits) {
        boolean hex = digits.startsWith("0x") || digits.startsWith("0X");
        String body = hex ? digits.substring(2) : digits;
        if (body.isEmpty() || body.length() > 19) {
            return -1;
        }
        for (int i = 0; i < body.length(); i++) {
            char c = body.charAt(i);
            if (hex ? !isHex(c) : c < '0' || c > '9') {
                return -1;
            }
        }
        try {
            boolean octal = !hex && body.length() > 1 && body.charAt(0) == '0';
            return Long.parseLong(body, hex ? 16 : octal ? 8 : 10);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** {@code 1d2h3m4s500ms} in milliseconds, each unit at most once and in this order; else -1. */
    static long parseTime(String of) {
        String[] units = {"d", "h", "m", "s", "ms"};
        long[] millis = {86_400_000, 3_600_000, 60_000, 1000, 1};
        long total = 0;
        int i = 0;
        int unit = 0;
        while (i < of.length()) {
            int digits = i;
            while (i < of.length() && of.charAt(i) >= '0' && of.charAt(i) <= '9') {
                i++;
            }
            int letters = i;
            while (i < of.length() && of.charAt(i) >= 'a' && of.charAt(i) <= 'z') {
                i++;
            }
            if (letters == digits || i == letters || letters - digits > 9) {
                return -1;
            }
            String name = of.substring(letters, i);
            while (unit < units.length && !units[unit].equals(name)) {
                unit++;
            }
            if (unit == units.length) {
                return -1;
            }
            total += Long.parseLong(of.substring(digits, letters)) * millis[unit];
            unit++;
        }
        return of.isEmpty() ? -1 : total;
    }

    private Token word(int start) {
        int end = start;
        while (isWordPart(at(end)) || at(end) == '-' || at(end) == '.' || at(end) == '/') {
            if (end - start > MAX_WORD) {
                offset = end;
                throw span(start, 1).fault("word is longer than " + MAX_WORD + " characters");
            }
            end++;
        }
        // A concatenation's dot or a range's dash that touches the word is not part of it.
        while (at(end - 1) == '-' || at(end - 1) == '.' || at(end - 1) == '/') {
            end--;
        }
        if (at(end) == '*' && !isWordPart(at(end + 1))) {
            end++;
        }
        offset = end;
        return token(Token.Kind.WORD, start, text.substring(start, end));
    }

    private static boolean isHex(int c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }

    private static boolean isLetter(int c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    }

    private static boolean isWordPart(int c) {
        return isLetter(c) || (c >= '0' && c <= '9');
    }
}
