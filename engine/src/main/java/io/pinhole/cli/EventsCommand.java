package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import io.pinhole.control.ControlException;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

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
    private static final JsonMapper JSON = new JsonMapper();
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
                    System.out.println(options.json ? data : text(kind, data));
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

    /** {@code 12:00:01 pinhole 198.51.100.7 > 203.0.113.10:50123 mode=passive outcome=used}. */
    private static String text(String kind, String data) {
        JsonNode event;
        try {
            event = JSON.readTree(data);
        } catch (JacksonException e) {
            return SettingsText.visible(kind + " " + data);
        }
        StringBuilder out = new StringBuilder();
        String time = event.path("time").asString("");
        int t = time.indexOf('T');
        out.append(t > 0 && time.length() >= t + 9 ? time.substring(t + 1, t + 9) + " " : "");
        out.append(String.format(Locale.ROOT, "%-9s", kind));
        if (event.path("flow").isObject()) {
            out.append(' ').append(flow(event.path("flow")));
        }
        for (Map.Entry<String, JsonNode> field : event.properties()) {
            JsonNode value = field.getValue();
            switch (field.getKey()) {
                case "event", "time", "flow", "packet", "file" -> {}
                default ->
                        out.append(' ')
                                .append(field.getKey())
                                .append('=')
                                .append(value.isObject() ? flow(value) : value.asString());
            }
        }
        return SettingsText.visible(out.toString());
    }

    private static String flow(JsonNode f) {
        return f.has("src")
                ? end(f.path("src").asString(), f.path("sport").asInt())
                        + " > "
                        + end(f.path("dst").asString(), f.path("dport").asInt())
                : f.toString();
    }

    private static String end(String address, int port) {
        return address.contains(":") ? "[" + address + "]:" + port : address + ":" + port;
    }
}
