package io.pinhole.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Of a flow that is not in the table yet nf_ct_expires reads the timeout as if it were a point in
 * time: what is left of it by the kernel's clock of ticks, which starts five minutes before 0. In
 * the first fifteen minutes after boot (five, and the longest first timeout, ten) that is more than
 * nothing, and means nothing.
 */
final class KernelClock {
    private static final double SETTLED_SECONDS = 16 * 60;

    private KernelClock() {}

    static boolean isYoung() {
        try {
            String uptime = Files.readString(Path.of("/proc/uptime"));
            return Double.parseDouble(uptime.substring(0, uptime.indexOf(' '))) < SETTLED_SECONDS;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
