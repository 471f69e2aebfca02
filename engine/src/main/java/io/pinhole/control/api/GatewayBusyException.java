package io.pinhole.control.api;

/** The gateway did not take a command in time, or is stopping; try again. */
public final class GatewayBusyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public GatewayBusyException(String message) {
        super(message);
    }
}
