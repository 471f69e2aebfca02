package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import io.pinhole.control.ControlException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code pinhole events}: what happens at a running gateway, as conntrack -E. */
@Command(
        name = "events",
        description = "Print what happens at a running gateway, until interrupted.",
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole events",
            "  pinhole events --kind alert,pinhole --json",
            "",
            "Exit status: 0 the gateway ended, 2 no gateway answers."
        })
final class EventsCommand implements Callable<Integer> {
    private static final String DATA = "data: ";
    private static final String EVENT = "event: ";

    @Option(
            names = "--kind",
            split = ",",
            paramLabel = "KIND",
            description = "Only these: control, pinhole, data, alert, reload, overflow, …")
    private List<String> kinds = new ArrayList<>();

    @Mixin private ControlClientOptions options = new ControlClientOptions();

    @Override
    public Integer call() throws Exception {
        String query =
                kinds.isEmpty()
                        ? ""
                        : "?kind="
                                + URLEncoder.encode(
                                        String.join(",", kinds), StandardCharsets.UTF_8);
        try (ControlClient client = options.client();
                BufferedReader in =
                        new BufferedReader(
                                new InputStreamReader(
                                        client.stream("/v1/events" + query),
                                        StandardCharsets.UTF_8))) {
            String kind = "";
            String line;
            while ((line = in.readLine()) != null) {
                if (line.startsWith(EVENT)) {
                    kind = line.substring(EVENT.length());
                } else if (line.startsWith(DATA)) {
                    String data = line.substring(DATA.length());
                    System.out.println(options.json ? data : GatewayAnswers.event(kind, data));
                    if (System.out.checkError()) {
                        break;
                    }
                }
            }
        } catch (ControlException e) {
            throw ControlClientOptions.told(e);
        } catch (IOException e) {
            throw new UserError("the connection to the gateway ended: " + e.getMessage());
        }
        return 0;
    }
}
