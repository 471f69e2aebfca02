package io.pinhole.report;

import io.pinhole.path.EventSink;
import io.pinhole.path.VerdictSink;

/**
 * Tells what happened in a run. Not thread-safe.
 *
 * <p>Order of calls: {@link #beginFile}; for each packet {@link #packet}, then its verdict, at once
 * or later (fragments); {@link #endFile}; the next file; after the last one the events of what is
 * still open; {@link #finish}. Events may come at any time between.
 *
 * <p>Every method throws {@link java.io.UncheckedIOException} if the output cannot be written.
 */
public interface Report extends VerdictSink, EventSink {
    /**
     * A file begins.
     *
     * @param index 0-based; files begin in order
     * @param name as given on the command line
     * @param timeDigits decimal digits of its time stamps after the second, cut to 0..9
     */
    void beginFile(int index, String name, int timeDigits);

    /**
     * A packet is about to be judged.
     *
     * @param position larger than that of every packet before
     * @param timeNanos since the epoch
     * @param wireBytes its length on the wire
     * @param flow asked, during a verdict on this very packet, for its key; seldom
     */
    void packet(long position, long timeNanos, int wireBytes, FlowSource flow);

    /**
     * The current file ends.
     *
     * @param truncated true if it ends in damage
     */
    void endFile(boolean truncated);

    /** Nothing follows: writes summaries and flushes. */
    void finish();

    /** Passes on what is buffered; for inputs that come slowly. */
    void flush();

    /** What was counted so far; live. */
    Totals totals();
}
