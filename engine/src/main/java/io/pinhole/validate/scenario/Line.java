package io.pinhole.validate.scenario;

import io.pinhole.rule.SourcePos;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One line and how far it was read. Blanks and tabs separate words; {@code #} begins a comment
 * where a word could begin.
 */
final class Line {
    final String file;
    final int number;
    final String text;
    private int at;
    private @Nullable Token peeked;

    Line(String file, int number, String text) {
        this.file = file;
        this.number = number;
        this.text = text;
    }

    SourcePos pos() {
        Token token = firstOf();
        return new SourcePos(file, number, token.start() + 1);
    }

    private Token firstOf() {
        int i = skipBlanks(0);
        return new Token(Token.Kind.END, "", i, i + 1);
    }

    private int skipBlanks(int from) {
        int i = from;
        while (i < text.length() && isBlank(text.charAt(i))) {
            i++;
        }
        return i;
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t';
    }

    boolean isEmpty() {
        int i = skipBlanks(0);
        return i == text.length() || text.charAt(i) == '#';
    }

    Token peek() throws Fault {
        Token token = peeked;
        if (token == null) {
            token = read();
            peeked = token;
        }
        return token;
    }

    Token next() throws Fault {
        Token token = peek();
        peeked = null;
        at = token.end();
        return token;
    }

    /** Takes the next word if it is this one. */
    boolean take(String word) throws Fault {
        if (!peek().is(word)) {
            return false;
        }
        next();
        return true;
    }

    Token word(String what) throws Fault {
        Token token = next();
        if (token.kind() != Token.Kind.WORD) {
            throw token.expected(what);
        }
        return token;
    }

    void arrow() throws Fault {
        Token token = next();
        if (token.kind() != Token.Kind.ARROW) {
            throw token.expected("'->'");
        }
    }

    void end() throws Fault {
        Token token = peek();
        if (!token.isEnd()) {
            throw token.expected("the end of the line");
        }
    }

    /** What is left of the line, without a comment and the blanks around it. */
    Token rest() {
        int start = skipBlanks(at);
        int end = start;
        boolean quoted = false;
        while (end < text.length()) {
            char c = text.charAt(end);
            if (c == '"') {
                quoted = !quoted;
            } else if (c == '#' && !quoted && (end == start || isBlank(text.charAt(end - 1)))) {
                break;
            }
            end++;
        }
        int behind = end;
        while (behind > start && isBlank(text.charAt(behind - 1))) {
            behind--;
        }
        at = text.length();
        peeked = null;
        return behind == start
                ? new Token(Token.Kind.END, "", start, start + 1)
                : new Token(Token.Kind.WORD, text.substring(start, behind), start, behind);
    }

    /** Offset behind what was read. */
    int offset() {
        return at;
    }

    private Token read() throws Fault {
        int i = skipBlanks(at);
        if (i == text.length() || text.charAt(i) == '#') {
            return new Token(Token.Kind.END, "", i, i + 1);
        }
        if (text.charAt(i) == '"') {
            return string(i);
        }
        if (text.startsWith("->", i)) {
            return new Token(Token.Kind.ARROW, "->", i, i + 2);
        }
        int end = i;
        while (end < text.length()
                && !isBlank(text.charAt(end))
                && text.charAt(end) != '"'
                && !text.startsWith("->", end)) {
            end++;
        }
        return new Token(Token.Kind.WORD, text.substring(i, end), i, end);
    }

    private Token string(int start) throws Fault {
        int i = start + 1;
        while (i < text.length() && text.charAt(i) != '"') {
            i += text.charAt(i) == '\\' ? 2 : 1;
        }
        if (i >= text.length()) {
            throw new Fault(start, text.length(), "the string has no closing quote");
        }
        return new Token(Token.Kind.STRING, text.substring(start + 1, i), start, i + 1);
    }

    /** {@code one of a, b or c}, for messages. */
    static String oneOf(List<String> words) {
        int n = words.size();
        return n == 1
                ? words.getFirst()
                : String.join(", ", words.subList(0, n - 1)) + " or " + words.getLast();
    }

    /** The word that was probably meant, or null. */
    static @Nullable String meant(String word, Iterable<String> known) {
        String best = null;
        int bestDistance = Math.min(3, 1 + word.length() / 3);
        for (String k : known) {
            int d = distance(word, k);
            if (d < bestDistance) {
                bestDistance = d;
                best = k;
            }
        }
        return best;
    }

    /** Edits between two words, of which long ones are not worth the time. */
    private static int distance(String a, String b) {
        if (a.length() > 40 || b.length() > 40) {
            return Integer.MAX_VALUE;
        }
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
