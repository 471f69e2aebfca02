package io.pinhole.validate.scenario;

import io.pinhole.core.Anomaly;
import io.pinhole.core.PinholeOutcome;
import org.jspecify.annotations.Nullable;

/** What an {@code expect} line asks of everything that happened before it. */
public sealed interface Expectation {
    /**
     * {@code expect pinhole [A -> B:PORT]}: one waits. With an outcome: one between these ends has
     * come to it.
     *
     * @param from null for any
     * @param to null for any
     */
    record Pinhole(@Nullable Endpoint from, @Nullable Endpoint to, @Nullable PinholeOutcome outcome)
            implements Expectation {}

    /** {@code expect no pinhole [A -> B:PORT]}: none waits. */
    record NoPinhole(@Nullable Endpoint from, @Nullable Endpoint to) implements Expectation {}

    /** {@code expect alert KIND}: in the whole test so far. */
    record Alert(Anomaly kind) implements Expectation {}

    /** {@code expect no alert [KIND]}: in the whole test so far. */
    record NoAlert(@Nullable Anomaly kind) implements Expectation {}

    /** {@code expect complete}: there were transfers, and all came to their end. */
    record Complete() implements Expectation {}

    /** {@code expect incomplete}: there was a transfer that did not come to its end. */
    record Incomplete() implements Expectation {}

    /** {@code expect no drop}: every packet so far was accepted. */
    record NoDrop() implements Expectation {}

    /** {@code expect drop}: some packet so far was dropped or rejected. */
    record Drop() implements Expectation {}

    /** {@code expect packet N VERDICT …}: of the last capture. */
    record PacketVerdict(long number, Expected expected) implements Expectation {}
}
