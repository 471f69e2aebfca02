package io.pinhole.control.api;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A reader's queue of events. One reader. */
public interface Subscription extends AutoCloseable {
    /**
     * One event.
     *
     * @param number rises by one for each event of the gateway
     * @param kind {@code control}, {@code pinhole}, {@code data}, {@code alert}, {@code reload},
     *     {@code overflow}, …
     * @param json one JSON object on one line, as {@code analyze --json} writes it
     */
    record Item(long number, String kind, String json) {}

    /** The next event, or null if none comes in time. */
    @Nullable Item next(Duration timeout) throws InterruptedException;

    /** Events that did not fit since the subscription began. */
    long dropped();

    @Override
    void close();
}
