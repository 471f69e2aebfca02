package io.pinhole.rule.iptables;

import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.List;

/** One word of a line, without its quotes. */
record Word(String text, Span at) {
    private static final int MAX_WORD = 4096;

    boolean is(String other) {
        return text.equals(other);
    }

    Fault fault(String message) {
        return at.fault(message);
    }

    /** For "expected …, found …". */
    String found() {
        String clean = SourceText.printable(text);
        return "'" + (clean.length() > 60 ? clean.substring(0, 60) + "…" : clean) + "'";
    }

    /**
     * The words of one line, as iptables-restore splits them: blanks between, double quotes round,
     * a backslash before a quote or a backslash within.
     *
     * @param start offset of the line's first character
     * @param end offset behind its last
     * @param line 1-based
     */
    static List<Word> split(SourceText source, int start, int end, int line) {
        List<Word> words = new ArrayList<>();
        String all = source.text;
        int i = start;
        while (i < end) {
            char c = all.charAt(i);
            if (c == ' ' || c == '\t' || c == '\r') {
                i++;
                continue;
            }
            int from = i;
            StringBuilder word = new StringBuilder();
            boolean quoted = false;
            while (i < end && (quoted || !isBlank(all.charAt(i)))) {
                char d = all.charAt(i);
                if (d == '"') {
                    quoted = !quoted;
                } else if (d == '\\' && quoted && i + 1 < end) {
                    i++;
                    word.append(all.charAt(i));
                } else {
                    word.append(d);
                }
                i++;
            }
            Span at = new Span(source, from, line, from - start + 1, i - from);
            if (quoted) {
                throw at.fault("string has no closing quote on its line");
            }
            if (word.length() > MAX_WORD) {
                throw at.fault("word is longer than " + MAX_WORD + " characters");
            }
            if (word.indexOf("\0") >= 0) {
                throw at.fault("a NUL character stands here");
            }
            words.add(new Word(word.toString(), at));
        }
        return words;
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
    }
}
