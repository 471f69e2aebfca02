package io.pinhole.core;

import java.util.Locale;

/** How a pinhole ended. */
public enum PinholeOutcome {
    /** Its data connection came. */
    USED,
    /** Still waiting at the end of the input. */
    UNUSED,
    /** Its deadline passed. */
    EXPIRED,
    /** A newer announcement on the same control connection took its place. */
    REPLACED,
    /** Its control connection ended. */
    CLOSED,
    /** Never opened; the event's reason says why. */
    REFUSED;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** Lower-case name as in JSON. */
    public String label() {
        return label;
    }
}
