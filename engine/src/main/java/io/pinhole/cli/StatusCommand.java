package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code pinhole status}: how a running gateway does. */
@Command(
        name = "status",
        description = "Say how a running gateway does.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole status",
            "  pinhole status --json",
            "",
            "Exit status: 0 it runs, 2 no gateway answers."
        })
final class StatusCommand implements Callable<Integer> {
    @Mixin private ControlClientOptions options = new ControlClientOptions();

    @Override
    public Integer call() throws Exception {
        try (ControlClient client = options.client()) {
            GatewayAnswers.status(client, options.json);
        }
        return 0;
    }
}
