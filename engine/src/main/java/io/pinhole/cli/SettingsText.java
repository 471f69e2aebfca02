package io.pinhole.cli;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Text from outside, made fit for a terminal, and words close to it. */
final class SettingsText {
    private static final int QUOTED_LENGTH = 60;

    private SettingsText() {}

    /** In single quotes, at most {@value #QUOTED_LENGTH} characters, nothing a terminal obeys. */
    static String quoted(String text) {
        return "'" + cut(text) + "'";
    }

    /** As {@link #quoted}, without the quotes. */
    static String cut(String text) {
        return text.length() > QUOTED_LENGTH
                ? visible(text.substring(0, QUOTED_LENGTH)) + "…"
                : visible(text);
    }

    /** Control characters, halves of surrogate pairs and the like as {@code \}{@code uXXXX}. */
    static String visible(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints()
                .forEach(
                        c -> {
                            switch (Character.getType(c)) {
                                case Character.CONTROL,
                                        Character.FORMAT,
                                        Character.SURROGATE,
                                        Character.LINE_SEPARATOR,
                                        Character.PARAGRAPH_SEPARATOR,
                                        Character.UNASSIGNED ->
                                        out.append(String.format("\\u%04x", c));
                                default -> out.appendCodePoint(c);
                            }
                        });
        return out.toString();
    }

    /** The candidate that {@code word} is most likely a typing error of, or null. */
    static @Nullable String closest(String word, Collection<String> candidates) {
        String best = null;
        int bestDistance = Math.max(1, Math.min(word.length(), QUOTED_LENGTH) / 3) + 1;
        for (String candidate : candidates) {
            if (Math.abs(candidate.length() - word.length()) >= bestDistance) continue;
            int distance = distance(word, candidate);
            if (distance < bestDistance) {
                best = candidate;
                bestDistance = distance;
            }
        }
        return best;
    }

    /** Levenshtein distance: letters to insert, delete or change. */
    private static int distance(String a, String b) {
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
                row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
