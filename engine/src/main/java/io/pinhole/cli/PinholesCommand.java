package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code pinhole pinholes}: what a running gateway waits for, as conntrack -L expect prints it. */
@Command(
        name = "pinholes",
        description = "List the pinholes of a running gateway that wait for their connection.",
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole pinholes",
            "  pinhole pinholes --delete tcp,198.51.100.7,0,203.0.113.10,50123",
            "",
            "Exit status: 0 fine, 1 no such pinhole to close, 2 no gateway answers."
        })
final class PinholesCommand implements Callable<Integer> {
    @Option(
            names = "--delete",
            paramLabel = "ID",
            description = "Close a pinhole; --json shows each one's id.")
    private @Nullable String delete;

    @Mixin private ControlClientOptions options = new ControlClientOptions();

    @Override
    public Integer call() throws Exception {
        try (ControlClient client = options.client()) {
            if (delete != null) {
                return GatewayAnswers.delete(client, "/v1/pinholes/", delete);
            }
            GatewayAnswers.pinholes(client, options.json);
        }
        return 0;
    }
}
