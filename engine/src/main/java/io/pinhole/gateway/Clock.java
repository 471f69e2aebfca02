package io.pinhole.gateway;

/** Wall-clock time in nanoseconds that never runs backwards, also where the clock is set back. */
final class Clock {
    private final long wall = System.currentTimeMillis() * 1_000_000;
    private final long start = System.nanoTime();

    long nanos() {
        return wall + (System.nanoTime() - start);
    }
}
