package io.pinhole.report;

import java.util.Locale;

/** Numbers as people read them: {@code 1.05 MB}, {@code 420 ms}, {@code 12,345}. */
final class Units {
    private static final String[] DECIMAL = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    private static final long MILLI = 1_000_000;
    private static final long SECOND = 1_000_000_000;

    private Units() {}

    /** Three digits and an SI unit: 1 kB is 1000 bytes. */
    static String bytes(long n) {
        if (n < 1000) {
            return n + " B";
        }
        double value = n;
        int unit = 0;
        while (value >= 999.5) {
            value /= 1000;
            unit++;
        }
        return threeDigits(value) + " " + DECIMAL[unit];
    }

    static String duration(long nanos) {
        long n = Math.max(0, nanos);
        if (n < 999_500_000) {
            return threeDigits((double) n / MILLI) + " ms";
        }
        if (n < 99_950 * MILLI) {
            return String.format(Locale.ROOT, "%.1f s", (double) n / SECOND);
        }
        long s = (n + SECOND / 2) / SECOND;
        if (s < 3600) {
            return s / 60 + " min " + s % 60 + " s";
        }
        if (s < 86_400) {
            return s / 3600 + " h " + s / 60 % 60 + " min";
        }
        return s / 86_400 + " d " + s / 3600 % 24 + " h";
    }

    private static String threeDigits(double value) {
        String format = value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f";
        return String.format(Locale.ROOT, format, value);
    }

    static String count(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /** {@code 1 packet}, {@code 2 packets}. */
    static String count(long n, String noun) {
        return count(n) + " " + noun + (n == 1 ? "" : "s");
    }
}
