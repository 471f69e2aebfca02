package io.pinhole.ftp;

import io.pinhole.core.TransferMode;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A command that waits for its final reply. */
final class Pending {
    final Command command;

    /** The packet that completed it. */
    final long position;

    /** User or file name, printable; null for all other commands, above all for secrets. */
    final @Nullable String name;

    /** Its own announcement if it still may open, or the one that its transfer goes with. */
    @Nullable Announcement announcement;

    /** A preliminary reply was seen: the transfer runs. */
    boolean started;

    /** The listener was told of this transfer. */
    boolean told;

    /** EPSV ALL. */
    boolean all;

    /** Came after EPSV ALL was accepted; the alert was raised. */
    boolean afterEpsvAll;

    /**
     * Behind a blank, with telnet sequences or without a CR: some servers answer it, some do not
     * (observed: Pure-FTPd 1.0.50 ignores the first two, ProFTPD 1.3.8 and pyftpdlib 1.5.7 take the
     * third for a part of the next line).
     */
    boolean odd;

    /** AUTH with a mechanism of RFC 4217, which TLS records follow. */
    boolean tls;

    /** The most that {@link #bytes} may say. */
    static final int MAX_BYTES = 576;

    /** Bytes of memory it stands for, with the announcement and the pinhole it may make. */
    int bytes() {
        return 96 + (name == null ? 0 : name.length()) + (announcesActive() ? 480 : 0);
    }

    Pending(Command command, long position, @Nullable String name) {
        this.command = command;
        this.position = position;
        this.name = name;
    }

    /** Its announcement, if it is PORT, EPRT or LPRT and may still open. */
    @Nullable Announcement unconfirmed() {
        return announcesActive() ? announcement : null;
    }

    boolean is(Command.Role role) {
        return command.role() == role;
    }

    /** How it announces; only for announcement commands. */
    TransferMode mode() {
        return Objects.requireNonNull(command.mode());
    }

    /** True for PORT, EPRT and LPRT. */
    boolean announcesActive() {
        return is(Command.Role.ANNOUNCEMENT) && mode().serverConnects();
    }

    /** The reply code that announces what this command asked for; 0 if it asks for nothing. */
    int announcingCode() {
        if (all) {
            return 0;
        }
        return switch (command) {
            case PASV -> Replies.PASSIVE;
            case LPSV -> Replies.LONG_PASSIVE;
            case EPSV -> Replies.EXTENDED_PASSIVE;
            default -> 0;
        };
    }
}
