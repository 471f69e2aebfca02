package io.pinhole.validate.record;

/** A capture that makes no scenario. */
public final class RecordException extends Exception {
    private static final long serialVersionUID = 1L;

    RecordException(String message) {
        super(message);
    }
}
