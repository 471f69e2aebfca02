package io.pinhole.capture;

/**
 * Input that is no capture, cannot be opened, or is damaged part-way. The message is for people.
 */
public final class CaptureException extends Exception {
    private static final long serialVersionUID = 1L;

    /** What went wrong decides the exit status. */
    public enum Kind {
        /** Nothing could be read: exit status 2. */
        UNREADABLE,
        /** Damage after the header: exit status 3. */
        DAMAGED
    }

    private final Kind kind;

    public CaptureException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** One line, naming the input first. */
    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    public Kind kind() {
        return kind;
    }
}
