package io.pinhole.cli;

import io.pinhole.control.ControlClient;
import io.pinhole.control.ControlException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a running gateway answers, for the terminal. Apart from the commands: whoever asks none of
 * them need not load a JSON reader.
 */
final class GatewayAnswers {
    private static final JsonMapper JSON = new JsonMapper();

    private GatewayAnswers() {}

    /** Asks, and reads the JSON that comes; an answer of one of these statuses is one. */
    private static JsonNode ask(ControlClient client, String method, String path, int... statuses)
            throws UserError, InterruptedException {
        try {
            ControlClient.Reply reply = client.ask(method, path);
            JsonNode body =
                    reply.body().isEmpty() ? JSON.createObjectNode() : JSON.readTree(reply.body());
            for (int status : statuses) {
                if (reply.status() == status) {
                    return body;
                }
            }
            throw new UserError(
                    "the gateway answers "
                            + reply.status()
                            + ": "
                            + SettingsText.visible(body.path("error").asString("")));
        } catch (ControlException e) {
            throw ControlClientOptions.told(e);
        } catch (JacksonException e) {
            throw new UserError("what answers there is no Pinhole gateway");
        }
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** Exit status of a deletion. */
    static int delete(ControlClient client, String path, String id)
            throws UserError, InterruptedException {
        return told(ask(client, "DELETE", path + encoded(id), 204, 404));
    }

    static void status(ControlClient client, boolean json) throws UserError, InterruptedException {
        JsonNode s = ask(client, "GET", "/v1/stats", 200);
        if (json) {
            System.out.println(s);
        } else {
            print(s);
        }
    }

    static void flows(ControlClient client, String filter, boolean json)
            throws UserError, InterruptedException {
        pages(client, "flows", filter, json, GatewayAnswers::flowLine);
    }

    static void pinholes(ControlClient client, boolean json)
            throws UserError, InterruptedException {
        pages(client, "pinholes", "", json, GatewayAnswers::pinhole);
    }

    private static void pages(
            ControlClient client,
            String table,
            String filter,
            boolean json,
            Function<JsonNode, String> line)
            throws UserError, InterruptedException {
        String cursor = "";
        do {
            JsonNode page =
                    ask(client, "GET", "/v1/" + table + "?limit=1000" + filter + cursor, 200);
            for (JsonNode row : page.path(table)) {
                System.out.println(json ? row.toString() : line.apply(row));
            }
            String next = page.path("next").asString("");
            cursor = next.isEmpty() ? "" : "&cursor=" + encoded(next);
        } while (!cursor.isEmpty());
    }

    /** Exit status of a reload. */
    static int reload(ControlClient client, boolean dryRun, boolean json)
            throws UserError, InterruptedException {
        String path = "/v1/reload" + (dryRun ? "?dry-run=true" : "");
        JsonNode r = ask(client, "POST", path, 200, 422);
        boolean refused = r.path("refused").asBoolean();
        if (json) {
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

    /** {@code 12:00:01 pinhole 198.51.100.7 > 203.0.113.10:50123 mode=passive outcome=used}. */
    static String event(String kind, String data) {
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
            // A transfer's file is worth telling; the capture's name is not.
            boolean transfer = field.getKey().equals("file") && event.has("capture");
            switch (transfer ? "transfer" : field.getKey()) {
                case "event", "time", "flow", "packet", "file", "capture" -> {}
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

    private static void print(JsonNode s) {
        row(
                "gateway",
                String.format(
                        Locale.ROOT,
                        "%s, fail %s, since %s",
                        s.path("mode").asString(),
                        s.path("fail").asString(),
                        s.path("start").asString()));
        row(
                "rules",
                String.format(
                        Locale.ROOT,
                        "%s, generation %d",
                        s.path("rules").asString(),
                        s.path("generation").asInt()));
        row(
                "packets",
                String.format(
                        Locale.ROOT,
                        "%s; %,d bytes",
                        counts(s.path("packets")),
                        s.path("bytes").asLong()));
        row(
                "now",
                String.format(
                        Locale.ROOT,
                        "%,d flows, %,d FTP sessions, %,d pinholes waiting, %,d flows carried by"
                                + " the kernel",
                        s.path("flows").asLong(),
                        s.path("sessions").asLong(),
                        s.path("pinholes").asLong(),
                        s.path("offloaded").asLong()));
        row("pinholes", String.format(Locale.ROOT, "%s", counts(s.path("pinholeOutcomes"))));
        row("anomalies", String.format(Locale.ROOT, "%s", counts(s.path("anomalies"))));
        row(
                "not judged",
                String.format(
                        Locale.ROOT,
                        "%,d passed uninspected, %,d lost",
                        s.path("uninspected").asLong(),
                        s.path("lost").asLong()));
        for (JsonNode queue : s.path("queues")) {
            row(
                    queue.path("name").asString(),
                    String.format(
                            Locale.ROOT,
                            "%,d received, %,d lost, %,d overflows",
                            queue.path("received").asLong(),
                            queue.path("lost").asLong(),
                            queue.path("overflows").asLong()));
        }
    }

    private static void row(String name, String text) {
        System.out.printf("%-11s %s%n", SettingsText.visible(name), SettingsText.visible(text));
    }

    private static String counts(JsonNode counts) {
        String text =
                counts.properties().stream()
                        .filter(e -> e.getValue().asLong() > 0)
                        .sorted(Map.Entry.comparingByKey())
                        .map(
                                e ->
                                        String.format(
                                                Locale.ROOT,
                                                "%,d %s",
                                                e.getValue().asLong(),
                                                e.getKey()))
                        .collect(Collectors.joining(", "));
        return text.isEmpty() ? "none" : text;
    }

    private static int told(JsonNode answer) {
        String error = answer.path("error").asString("");
        if (error.isEmpty()) {
            return 0;
        }
        System.err.println("pinhole: " + SettingsText.visible(error));
        return Main.EXIT_NO;
    }

    private static String flowLine(JsonNode f) {
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

    private static String pinhole(JsonNode p) {
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
