package io.pinhole.cli;

import java.util.List;

/** Something the user can mend; {@link Main} prints its lines and exits with status 2. */
final class UserError extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<String> lines;

    UserError(String... lines) {
        super(lines.length == 0 ? "" : lines[0]);
        this.lines = List.of(lines);
    }

    /** What to print, line by line. */
    List<String> lines() {
        return lines;
    }
}
