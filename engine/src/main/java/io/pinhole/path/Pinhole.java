package io.pinhole.path;

import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.expect.Expectation;
import io.pinhole.ftp.Announcement;
import io.pinhole.rule.RuleOrigin;
import org.jspecify.annotations.Nullable;

/** One announcement from the line that made it to what became of it. Owned by its session. */
final class Pinhole {
    /** The permission itself; knows its way back. */
    static final class Permission extends Expectation {
        final Pinhole pinhole;

        Permission(
                Pinhole pinhole,
                IpAddress source,
                int sourcePort,
                IpAddress destination,
                int destinationPort,
                long deadlineNanos) {
            super(source, sourcePort, destination, destinationPort, deadlineNanos);
            this.pinhole = pinhole;
        }
    }

    final ControlSession session;
    final Announcement announcement;
    final long timeNanos;

    /** False where only the observer saw it. */
    final boolean helper;

    /** The server has said yes. */
    boolean confirmed;

    @Nullable Permission permission;
    @Nullable PinholeOutcome outcome;
    @Nullable DataConnection data;
    @Nullable RuleOrigin blockedBy;
    @Nullable String command;
    @Nullable String file;

    /** Under --compat=linux: where Linux's helper leads it, null if that opened nothing. */
    @Nullable IpAddress linuxTarget;

    int linuxPort;

    /** Under --compat=linux: why Pinhole would refuse it; Linux does not ask. */
    @Nullable String refusal;

    /** Final reply to the transfer command, 0 while there is none. */
    int replyCode;

    /** Mark of the control flow, which its data flow inherits. */
    int mark;

    Pinhole(ControlSession session, Announcement announcement, long timeNanos, boolean helper) {
        this.session = session;
        this.announcement = announcement;
        this.timeNanos = timeNanos;
        this.helper = helper;
    }

    /** Whether a helper opened it, Pinhole's or the one of --compat=linux. */
    boolean isOpened() {
        return helper || linuxTarget != null;
    }

    boolean isWaiting() {
        Permission p = permission;
        return p != null && p.status() == Expectation.Status.WAITING;
    }
}
