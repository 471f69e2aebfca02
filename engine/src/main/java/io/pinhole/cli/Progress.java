package io.pinhole.cli;

import java.io.PrintStream;

/** A progress bar on standard error, from the first second on, if that is a terminal. */
final class Progress {
    private static final long FIRST_NANOS = 1_000_000_000L;
    private static final long STEP_NANOS = 200_000_000L;
    private static final int WIDTH = 30;

    private final PrintStream err;
    private final boolean wanted;
    private final long startNanos = System.nanoTime();
    private long nextNanos = startNanos + FIRST_NANOS;
    private boolean shown;

    Progress(PrintStream err, boolean wanted) {
        this.err = err;
        this.wanted = wanted;
    }

    /**
     * Shows how far the work is; cheap enough to be called every few thousand packets.
     *
     * @param size -1 if unknown
     */
    void show(long position, long size, long packets) {
        if (!wanted) {
            return;
        }
        long now = System.nanoTime();
        if (now - nextNanos < 0) {
            return;
        }
        nextNanos = now + STEP_NANOS;
        shown = true;
        double seconds = (now - startNanos) / 1e9;
        StringBuilder line = new StringBuilder(100).append('\r');
        if (size > 0) {
            double part = Math.min(1, (double) position / size);
            int full = (int) (part * WIDTH);
            line.append('[').repeat('#', full).repeat('.', WIDTH - full).append("] ");
            line.append(String.format("%3d %%  ", (int) (part * 100)));
        }
        line.append(String.format("%,d packets  %.1f M/s", packets, packets / seconds / 1_000_000));
        err.print(line.append("\033[K"));
        err.flush();
    }

    /** Wipes the bar. */
    void clear() {
        if (shown) {
            err.print("\r\033[K");
            err.flush();
            shown = false;
        }
    }
}
