package io.pinhole.cli;

import io.pinhole.gateway.EventRenderer;
import io.pinhole.path.Event;
import io.pinhole.report.JsonReport;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Events of a running gateway in the words of {@code analyze --json}. */
final class LiveEvents implements EventRenderer {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final JsonReport report = new JsonReport(out, false);
    private int files;

    LiveEvents(String name) {
        beginFile(0, name);
    }

    @Override
    public void beginFile(int index, String name) {
        if (index >= files) {
            report.beginFile(files++, name, 9);
        }
    }

    @Override
    public List<String> render(Event event) {
        report.event(event);
        report.flush();
        String text = out.toString(StandardCharsets.UTF_8);
        out.reset();
        return text.lines().toList();
    }

    @Override
    public String text(String diagnosis) {
        JsonNode d = JsonMapper.shared().readTree(diagnosis);
        JsonNode control = d.path("control");
        String session =
                control.isMissingNode()
                        ? ""
                        : " control=%s > %s".formatted(end(control, "src"), end(control, "dst"));
        return "diagnosis %s%s: %s. Cure: %s"
                .formatted(
                        d.path("cause").asString(),
                        session,
                        d.path("detail").asString(),
                        d.path("cure").asString());
    }

    private static String end(JsonNode flow, String side) {
        String address = flow.path(side).asString();
        return (address.contains(":") ? "[" + address + "]" : address)
                + ":"
                + flow.path(side.charAt(0) + "port").asInt();
    }
}
