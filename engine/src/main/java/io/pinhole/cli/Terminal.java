package io.pinhole.cli;

/**
 * What the launcher found out about standard output and standard error: only it can ask without a
 * system call of our own.
 */
final class Terminal {
    private Terminal() {}

    static boolean isOutTerminal() {
        return Boolean.getBoolean("pinhole.tty.out");
    }

    static boolean isErrTerminal() {
        return Boolean.getBoolean("pinhole.tty.err");
    }
}
