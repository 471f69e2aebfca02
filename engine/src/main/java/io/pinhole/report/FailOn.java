package io.pinhole.report;

import java.util.Locale;

/** What {@code --fail-on} may name: a finding that turns the exit status into 1. */
public enum FailOn {
    /** A packet was dropped or rejected. */
    DROP,
    /** An alert was raised. */
    ALERT,
    /** An announced data connection did not come to its end. */
    INCOMPLETE;

    /** Lower-case name as on the command line. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    public boolean matches(Totals totals) {
        Totals.Counts all = totals.all();
        return switch (this) {
            case DROP -> all.dropped() + all.rejected() > 0;
            case ALERT -> all.alerts() > 0;
            case INCOMPLETE -> all.incomplete() > 0;
        };
    }
}
