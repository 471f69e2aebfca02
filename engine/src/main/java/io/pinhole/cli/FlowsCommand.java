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
                String path = "/v1/flows/" + URLEncoder.encode(delete, StandardCharsets.UTF_8);
                JsonNode answer = ControlClientOptions.ask(client, "DELETE", path, 204, 404);
                return told(answer);
            }
            String query =
                    "/v1/flows?limit=1000"
                            + (address == null
                                    ? ""
                                    : "&address="
                                            + URLEncoder.encode(address, StandardCharsets.UTF_8))
                            + (port == 0 ? "" : "&port=" + port)
                            + (offloaded ? "&offloaded=true" : "");
            String cursor = "";
            do {
                JsonNode page = ControlClientOptions.ask(client, "GET", query + cursor, 200);
                for (JsonNode flow : page.path("flows")) {
                    System.out.println(options.json ? flow.toString() : line(flow));
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

    /** Exit status after a deletion. */
    static int told(JsonNode answer) {
        String error = answer.path("error").asString("");
        if (error.isEmpty()) {
            return 0;
        }
        System.err.println("pinhole: " + SettingsText.visible(error));
        return Main.EXIT_NO;
    }

    private static String line(JsonNode f) {
        String src = f.path("src").asString();
        String dst = f.path("dst").asString();
        int sport = f.path("sport").asInt();
        int dport = f.path("dport").asInt();
        String text =
                String.format(
                        Locale.ROOT,
                        "%-8s %d %s%s %s%s %s%smark=%d role=%s",
                        f.path("proto").asString(),
                        f.path("secondsLeft").asLong(),
                        f.path("state").asString().isEmpty()
                                ? ""
                                : f.path("state").asString() + " ",
                        side(src, sport, dst, dport, f.path("original")),
                        f.path("seenReply").asBoolean() ? "" : "[UNREPLIED] ",
                        side(dst, dport, src, sport, f.path("reply")),
                        f.path("assured").asBoolean() ? "[ASSURED] " : "",
                        f.path("offloaded").asBoolean() ? "[OFFLOAD] " : "",
                        f.path("mark").asLong(),
                        f.path("role").asString());
        return SettingsText.visible(text);
    }

    private static String side(String src, int sport, String dst, int dport, JsonNode counts) {
        return String.format(
                Locale.ROOT,
                "src=%s dst=%s sport=%d dport=%d packets=%d bytes=%d",
                src,
                dst,
                sport,
                dport,
                counts.path("packets").asLong(),
                counts.path("bytes").asLong());
    }
}
