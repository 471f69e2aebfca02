package io.pinhole.rule.nft;

/** Ends the reading of one statement; {@link Errors} keeps it and reading goes on behind it. */
@SuppressWarnings("serial")
final class Fault extends RuntimeException {
    final transient Span at;
    final String text;

    Fault(Span at, String text) {
        super(text, null, false, false);
        this.at = at;
        this.text = text;
    }
}
