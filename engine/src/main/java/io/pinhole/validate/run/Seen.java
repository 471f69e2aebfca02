package io.pinhole.validate.run;

import io.pinhole.path.Event;
import io.pinhole.path.OpenPinhole;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What happened up to an {@code expect} line. */
sealed interface Seen {
    List<Event> events();

    List<OpenPinhole> pinholes();

    Lab.Totals totals();

    Tally tally();

    /** Transfers that steps made: in all, and those that came to their end. */
    final class Tally {
        int begun;
        int complete;
    }

    /** The test so far. */
    record Live(Lab lab, Tally tally) implements Seen {
        @Override
        public List<Event> events() {
            return lab.events();
        }

        @Override
        public List<OpenPinhole> pinholes() {
            return lab.pinholes();
        }

        @Override
        public Lab.Totals totals() {
            return lab.totals();
        }
    }

    /**
     * A capture, after its end.
     *
     * @param pinholes that waited after its last packet
     * @param verdicts of the packets that the test asks for
     */
    record Capture(
            List<Event> events,
            List<OpenPinhole> pinholes,
            Lab.Totals totals,
            Map<Long, Judged> verdicts,
            long packets,
            Tally tally)
            implements Seen {}

    /** The verdict of a captured packet; null if there is none of this number. */
    default @Nullable Judged verdict(long number) {
        return this instanceof Capture c ? c.verdicts().get(number) : null;
    }
}
