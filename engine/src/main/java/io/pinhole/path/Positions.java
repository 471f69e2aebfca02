package io.pinhole.path;

/**
 * A packet's position in the input as one long: 0-based file above, 1-based packet number below. 0
 * is no position.
 */
public final class Positions {
    private static final int NUMBER_BITS = 44;
    private static final long NUMBER_MASK = (1L << NUMBER_BITS) - 1;

    private Positions() {}

    public static long of(int file, long number) {
        return (long) file << NUMBER_BITS | number;
    }

    public static int file(long position) {
        return (int) (position >>> NUMBER_BITS);
    }

    public static long number(long position) {
        return position & NUMBER_MASK;
    }
}
