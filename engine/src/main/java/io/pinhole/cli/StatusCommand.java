package io.pinhole.cli;

import io.pinhole.control.ControlClient;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

import tools.jackson.databind.JsonNode;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

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
            JsonNode s = ControlClientOptions.ask(client, "GET", "/v1/stats", 200);
            if (options.json) {
                System.out.println(s);
            } else {
                print(s);
            }
        }
        return 0;
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
}
