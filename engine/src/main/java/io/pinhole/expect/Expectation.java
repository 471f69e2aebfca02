package io.pinhole.expect;

import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * A TCP connection that a control connection may have opened once. What the operator sees of it is
 * a pinhole. Its end points never change; where it stands belongs to {@link ExpectationTable}.
 */
public class Expectation {
    /** Where an expectation stands. */
    public enum Status {
        /** In no table: not entered yet, or taken out. */
        OUT,
        /** Waiting for its flow. */
        WAITING,
        /** Its flow came; kept for a while so that a second attempt can be named. */
        USED
    }

    private final IpAddress source;
    private final int sourcePort;
    private final IpAddress destination;
    private final int destinationPort;
    private final long deadlineNanos;

    Status status = Status.OUT;
    @Nullable Expectation earlier;
    @Nullable Expectation later;

    /**
     * @param source who may connect
     * @param sourcePort from which port; 0 for any
     * @param destination where the connection may lead
     * @param destinationPort 1..65535
     * @param deadlineNanos packet time; dead at or after it
     */
    public Expectation(
            IpAddress source,
            int sourcePort,
            IpAddress destination,
            int destinationPort,
            long deadlineNanos) {
        if (destinationPort < 1 || destinationPort > 65_535) {
            throw new IllegalArgumentException("destination port " + destinationPort);
        }
        if (sourcePort < 0 || sourcePort > 65_535) {
            throw new IllegalArgumentException("source port " + sourcePort);
        }
        if (source.version() != destination.version()) {
            throw new IllegalArgumentException("IP versions differ");
        }
        this.source = source;
        this.sourcePort = sourcePort;
        this.destination = destination;
        this.destinationPort = destinationPort;
        this.deadlineNanos = deadlineNanos;
    }

    public final IpAddress source() {
        return source;
    }

    /** From which port; 0 for any. */
    public final int sourcePort() {
        return sourcePort;
    }

    public final IpAddress destination() {
        return destination;
    }

    public final int destinationPort() {
        return destinationPort;
    }

    public final long deadlineNanos() {
        return deadlineNanos;
    }

    public final Status status() {
        return status;
    }

    final boolean deadAt(long nowNanos) {
        return nowNanos - deadlineNanos >= 0;
    }

    final boolean leadsTo(int version, long high, long low, int port) {
        return destinationPort == port
                && destination.low() == low
                && destination.high() == high
                && destination.version() == version;
    }

    /** Whether a connection from there may use it. */
    public final boolean admits(long high, long low, int port) {
        return source.low() == low
                && source.high() == high
                && (sourcePort == 0 || sourcePort == port);
    }
}
