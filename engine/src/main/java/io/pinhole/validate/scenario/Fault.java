package io.pinhole.validate.scenario;

/** A mistake in a line; caught where the next line begins. */
final class Fault extends Exception {
    private static final long serialVersionUID = 1L;

    /** Offsets into the line. */
    final int start;

    final int end;

    Fault(int start, int end, String message) {
        super(message, null, false, false);
        this.start = start;
        this.end = Math.max(end, start + 1);
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
