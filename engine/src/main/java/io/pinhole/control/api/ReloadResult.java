package io.pinhole.control.api;

import java.util.List;

/**
 * What a reload did, or would do.
 *
 * @param errors why the rule set was refused, as the command line would print it; empty if it was
 *     not
 * @param flows that were asked about
 * @param forbidden established flows that the new rules stop
 * @param recalled those of them that the kernel carried and no longer does
 */
public record ReloadResult(
        boolean dryRun, List<String> errors, int flows, int forbidden, int recalled) {
    public ReloadResult {
        errors = List.copyOf(errors);
    }

    public boolean isRefused() {
        return !errors.isEmpty();
    }
}
