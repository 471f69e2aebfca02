package io.pinhole.rule;

/**
 * Values from low to high, both included, as unsigned 128-bit numbers. Addresses are their number
 * (IPv4 in the lowest 32 bits), names their bytes padded with zeros to 16. An empty range has low
 * above high and contains nothing.
 */
public record Range(long lowHigh, long lowLow, long highHigh, long highLow) {
    /** Contains nothing, as {@code tcp dport > 65535}. */
    public static final Range EMPTY = new Range(0, 1, 0, 0);

    public static Range of(long high, long low) {
        return new Range(high, low, high, low);
    }

    public static Range of(long low) {
        return of(0, low);
    }

    public static Range between(long low, long high) {
        return new Range(0, low, 0, high);
    }

    public boolean isSingle() {
        return lowHigh == highHigh && lowLow == highLow;
    }

    public boolean isEmpty() {
        return compare(lowHigh, lowLow, highHigh, highLow) > 0;
    }

    public boolean contains(long high, long low) {
        return compare(lowHigh, lowLow, high, low) <= 0
                && compare(high, low, highHigh, highLow) <= 0;
    }

    public boolean overlaps(Range other) {
        return compare(lowHigh, lowLow, other.highHigh, other.highLow) <= 0
                && compare(other.lowHigh, other.lowLow, highHigh, highLow) <= 0;
    }

    /** Unsigned comparison of two 128-bit numbers. */
    public static int compare(long aHigh, long aLow, long bHigh, long bLow) {
        int high = Long.compareUnsigned(aHigh, bHigh);
        return high != 0 ? high : Long.compareUnsigned(aLow, bLow);
    }
}
