package io.pinhole.validate.check;

import static io.pinhole.validate.check.Severity.ERROR;
import static io.pinhole.validate.check.Severity.INFO;
import static io.pinhole.validate.check.Severity.WARNING;

import java.util.Locale;

/**
 * What {@code pinhole check} looks for: the catalogue of its findings. The constant in lower case
 * with hyphens is the id in JSON and SARIF.
 */
public enum Problem {
    CONTRADICTION(ERROR, "the rule's conditions exclude each other: no packet matches"),
    SHADOWED(ERROR, "never matches: earlier rules decide otherwise on all its packets"),
    COVERED(WARNING, "never matches: earlier rules already decide the same for all its packets"),
    UNREACHABLE(WARNING, "never matches: no such packet comes to this chain"),
    REDUNDANT(WARNING, "changes nothing: without it its packets meet the same verdict"),
    UNUSED_CHAIN(WARNING, "no rule jumps to this chain"),
    OVERLAPPING_ELEMENTS(WARNING, "elements of the set overlap"),

    HELPER_NEVER_ASSIGNED(
            ERROR,
            "the rule set matches the FTP helper, but no rule assigns it: FTP data is blocked"),
    HELPER_TOO_LATE(ERROR, "the helper can never be assigned here"),
    HELPER_WRONG_PORT(
            WARNING, "the helper is assigned for connections that the rules do not let in"),
    CONTROL_WITHOUT_HELPER(
            WARNING,
            "FTP control connections are let in, but get no helper: their data is blocked"),
    RELATED_NOT_ACCEPTED(
            ERROR, "the helper opens pinholes, but the rules drop what comes through them"),
    RELATED_TOO_WIDE(INFO, "everything related is accepted, whatever made it so"),
    RETURN_DIRECTION_MISSING(
            ERROR, "connections are let in, but the packets back are not: nothing can be said"),
    HIGH_PORTS_OPEN(
            WARNING,
            "all high ports are open, although pinholes would open the one that is needed"),
    HELPER_ON_IMPLICIT_TLS(
            WARNING, "the helper reads a port where the dialogue is encrypted from the first byte");

    private final Severity severity;
    private final String text;
    private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

    Problem(Severity severity, String text) {
        this.severity = severity;
        this.text = text;
    }

    public Severity severity() {
        return severity;
    }

    /** One sentence. */
    public String text() {
        return text;
    }

    public String label() {
        return label;
    }
}
