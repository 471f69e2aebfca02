package io.pinhole.cli;

import io.pinhole.control.ControlClient;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import tools.jackson.databind.JsonNode;

import java.util.Locale;
import java.util.concurrent.Callable;

/** {@code pinhole reload}: a running gateway reads its rules again. */
@Command(
        name = "reload",
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
        JsonNode r;
        try (ControlClient client = options.client()) {
            r =
                    ControlClientOptions.ask(
                            client,
                            "POST",
                            "/v1/reload" + (dryRun ? "?dry-run=true" : ""),
                            200,
                            422);
        }
        boolean refused = r.path("refused").asBoolean();
        if (options.json) {
            System.out.println(r);
        } else if (refused) {
            System.err.println("pinhole: refused, the old rules stay in force:");
            for (JsonNode error : r.path("errors")) {
                System.err.println(SettingsText.visible(error.asString()));
            }
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%s: of %,d flows %,d %s forbidden, %,d of them %s back from the kernel%n",
                    dryRun ? "would be in force" : "in force",
                    r.path("flows").asLong(),
                    r.path("forbidden").asLong(),
                    dryRun ? "would be" : "are",
                    r.path("recalled").asLong(),
                    dryRun ? "would come" : "came");
        }
        return refused ? Main.EXIT_NO : 0;
    }
}
