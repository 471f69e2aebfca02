package io.pinhole.cli;

import io.pinhole.control.ControlClient;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import tools.jackson.databind.JsonNode;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Callable;

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
                String path = "/v1/pinholes/" + URLEncoder.encode(delete, StandardCharsets.UTF_8);
                return FlowsCommand.told(
                        ControlClientOptions.ask(client, "DELETE", path, 204, 404));
            }
            String cursor = "";
            do {
                JsonNode page =
                        ControlClientOptions.ask(
                                client, "GET", "/v1/pinholes?limit=1000" + cursor, 200);
                for (JsonNode pinhole : page.path("pinholes")) {
                    System.out.println(options.json ? pinhole.toString() : line(pinhole));
                }
                String next = page.path("next").asString("");
                cursor =
                        next.isEmpty()
                                ? ""
                                : "&cursor=" + URLEncoder.encode(next, StandardCharsets.UTF_8);
            } while (!cursor.isEmpty());
        }
        return 0;
    }

    private static String line(JsonNode p) {
        JsonNode control = p.path("control");
        return SettingsText.visible(
                String.format(
                        Locale.ROOT,
                        "%d tcp src=%s dst=%s dport=%d mode=%s master src=%s dst=%s sport=%d"
                                + " dport=%d",
                        p.path("secondsLeft").asLong(),
                        p.path("src").asString(),
                        p.path("dst").asString(),
                        p.path("dport").asInt(),
                        p.path("mode").asString(),
                        control.path("src").asString(),
                        control.path("dst").asString(),
                        control.path("sport").asInt(),
                        control.path("dport").asInt()));
    }
}
