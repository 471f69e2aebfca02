package io.pinhole;

import java.util.Random;

/**
 * Where generated tests take their seed from: the same one in every run, so that a change is never
 * refused for what another brought in. {@code -Dpinhole.seed=random} tries new ground and {@code
 * -Dpinhole.seed=N} repeats what a failure printed.
 */
public final class Seeds {
    private static final long USUAL = 20_261_125;

    private Seeds() {}

    public static long seed() {
        String given = System.getProperty("pinhole.seed", "" + USUAL);
        return given.equals("random") ? new Random().nextLong() : Long.parseLong(given);
    }
}
