package io.pinhole.rule.text;

/** Ends the reading of one statement; {@link Errors} keeps it and reading goes on behind it. */
@SuppressWarnings("serial")
public final class Fault extends RuntimeException {
    public final transient Span at;
    public final String text;

    Fault(Span at, String text) {
        super(text, null, false, false);
        this.at = at;
        this.text = text;
    }
}
