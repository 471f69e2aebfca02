package io.pinhole.control;

/** The control API cannot be served or reached; the message is for the user. */
public final class ControlException extends Exception {
    private static final long serialVersionUID = 1L;

    public ControlException(String message) {
        super(message);
    }
}
