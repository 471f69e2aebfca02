package io.pinhole.rule.text;

import java.util.Collection;

/** "Did you mean". */
public final class Words {
    private static final int MAX_COMPARED = 40;

    private Words() {}

    /** {@code ; did you mean 'x'?} for the nearest of the known words, else nothing. */
    public static String hint(String word, Collection<String> known) {
        if (word.length() > MAX_COMPARED) {
            return "";
        }
        String best = null;
        int bestDistance = Math.max(1, word.length() / 3) + 1;
        for (String candidate : known) {
            if (Math.abs(candidate.length() - word.length()) >= bestDistance) {
                continue;
            }
            int d = distance(word, candidate);
            if (d < bestDistance
                    || (d == bestDistance && best != null && candidate.compareTo(best) < 0)) {
                best = candidate;
                bestDistance = d;
            }
        }
        return best == null || best.equals(word) ? "" : "; did you mean '" + best + "'?";
    }

    /** Edits, counting the swap of two neighbours as one. */
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] =
                        Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
                if (i > 1
                        && j > 1
                        && a.charAt(i - 1) == b.charAt(j - 2)
                        && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
