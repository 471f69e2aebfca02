package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code pinhole reload}: a running gateway reads its rules again. */
@Command(
        name = "reload",
        header = "Let a running gateway read its rule set again.",
        description = {
            "Let a running gateway read its rule set again. A bad one changes nothing.",
            "Established flows are judged again under the new rules."
        },
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole reload --dry-run",
            "  pinhole reload",
            "",
            "Exit status: 0 in force (or could be), 1 the rule set was refused, 2 no gateway",
            "answers."
        })
final class ReloadCommand implements Callable<Integer> {
    @Option(names = "--dry-run", description = "Only say what would happen.")
    private boolean dryRun;

    @Mixin private ControlClientOptions options = new ControlClientOptions();

    @Override
    public Integer call() throws Exception {
        try (ControlClient client = options.client()) {
            return GatewayAnswers.reload(client, dryRun, options.json);
        }
    }
}
