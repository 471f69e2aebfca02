package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code pinhole flows}: the flow table of a running gateway, as conntrack -L prints it. */
@Command(
        name = "flows",
        description = "List the flows of a running gateway, as 'conntrack -L' does.",
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole flows --port 21",
            "  pinhole flows --address 198.51.100.7 --json",
            "  pinhole flows --delete tcp,198.51.100.7,41022,203.0.113.10,21",
            "",
            "Exit status: 0 fine, 1 no such flow to delete, 2 no gateway answers."
        })
final class FlowsCommand implements Callable<Integer> {
    @Option(names = "--address", paramLabel = "ADDR", description = "Only those of this host.")
    private @Nullable String address;

    @Option(names = "--port", paramLabel = "PORT", description = "Only those with this port.")
    private int port;

    @Option(names = "--offloaded", description = "Only those that the kernel carries.")
    private boolean offloaded;

    @Option(
            names = "--delete",
            paramLabel = "ID",
            description = "Remove a flow; --json shows each one's id.")
    private @Nullable String delete;

    @Mixin private ControlClientOptions options = new ControlClientOptions();

    @Override
    public Integer call() throws Exception {
        try (ControlClient client = options.client()) {
            if (delete != null) {
                return GatewayAnswers.delete(client, "/v1/flows/", delete);
            }
            String filter =
                    (address == null ? "" : "&address=" + GatewayAnswers.encoded(address))
                            + (port == 0 ? "" : "&port=" + port)
                            + (offloaded ? "&offloaded=true" : "");
            GatewayAnswers.flows(client, filter, options.json);
        }
        return 0;
    }
}
