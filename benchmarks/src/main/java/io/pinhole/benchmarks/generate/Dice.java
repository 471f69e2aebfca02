package io.pinhole.benchmarks.generate;

import java.util.List;

/**
 * Random numbers that are the same for a seed under every Java: SplitMix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014).
 */
final class Dice {
    private long state;

    Dice(long seed) {
        state = seed;
    }

    long bits() {
        state += 0x9e37_79b9_7f4a_7c15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        z = (z ^ z >>> 27) * 0x94d0_49bb_1331_11ebL;
        return z ^ z >>> 31;
    }

    /** From 0 to {@code bound} - 1. */
    int below(int bound) {
        return (int) ((bits() >>> 32) * bound >>> 32);
    }

    /** From {@code low} to {@code high}, both included. */
    int between(int low, int high) {
        return low + below(high - low + 1);
    }

    /** Small numbers as often as large ones, order of magnitude by order of magnitude. */
    int spread(int low, int high) {
        int most = 31 - Integer.numberOfLeadingZeros(Math.max(1, high - low));
        long reach = 2L << between(0, most);
        return (int) Math.min(high, low + ((bits() >>> 33) * reach >>> 31));
    }

    boolean percent(int chance) {
        return below(100) < chance;
    }

    boolean permille(int chance) {
        return below(1000) < chance;
    }

    /** A delay around {@code mean}: from a half of it to one and a half. */
    long around(long mean) {
        return mean / 2 + (mean == 0 ? 0 : (bits() >>> 1) % mean);
    }

    <T> T oneOf(List<T> things) {
        return things.get(below(things.size()));
    }

    <T> T oneOf(T[] things) {
        return things[below(things.length)];
    }
}
