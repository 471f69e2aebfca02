package io.pinhole.capture.linux;

import java.io.IOException;
import java.util.Locale;

/** A system call failed; the message says what was attempted and what the kernel said. */
public final class LinuxException extends IOException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    /**
     * @param attempt what was attempted, as in "cannot bind queue 0"
     * @param errno the kernel's positive error number
     */
    public LinuxException(String attempt, int errno) {
        super(attempt + ": " + text(errno));
        this.errno = errno;
    }

    /** The kernel's positive error number. */
    public int errno() {
        return errno;
    }

    /** What errno(3) calls the numbers that matter here. */
    static String text(int errno) {
        return switch (errno) {
            case Sys.EPERM -> "operation not permitted (EPERM)";
            case 2 -> "no such entry (ENOENT)";
            case 13 -> "permission denied (EACCES)";
            case Sys.EBUSY -> "busy (EBUSY)";
            case 17 -> "exists already (EEXIST)";
            case 19 -> "no such device (ENODEV)";
            case 22 -> "invalid argument (EINVAL)";
            case 93 -> "protocol not supported by this kernel (EPROTONOSUPPORT)";
            case 95 -> "not supported by this kernel (EOPNOTSUPP)";
            case 100 -> "the network is down (ENETDOWN)";
            case Sys.ENOBUFS -> "no buffer space (ENOBUFS)";
            default -> String.format(Locale.ROOT, "errno %d", errno);
        };
    }
}
