package io.pinhole.validate.check;

import java.util.Locale;

/** How bad a finding is; the worst last. */
public enum Severity {
    INFO,
    WARNING,
    ERROR;

    private final String label = name().toLowerCase(Locale.ROOT);

    public String label() {
        return label;
    }
}
