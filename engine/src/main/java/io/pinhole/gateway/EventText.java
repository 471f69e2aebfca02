package io.pinhole.gateway;

import io.pinhole.path.Event;

/** Events as one line for a log. */
final class EventText {
    private EventText() {}

    static String kind(Event event) {
        return switch (event) {
            case Event.Control _ -> "control";
            case Event.Pinhole _ -> "pinhole";
            case Event.Data _ -> "data";
            case Event.Alert _ -> "alert";
            case Event.Elsewhere _ -> "elsewhere";
        };
    }

    static String line(Event event) {
        return switch (event) {
            case Event.Control c ->
                    "control %s closed=%s user=%s commands=%d%s"
                            .formatted(
                                    c.flow(),
                                    c.closed().label(),
                                    c.user() == null ? "-" : c.user(),
                                    c.commands(),
                                    c.encryptedAt() == 0 ? "" : " encrypted");
            case Event.Pinhole p ->
                    "pinhole %s %s > %s:%d %s%s control=%s"
                            .formatted(
                                    p.mode().label(),
                                    p.source(),
                                    p.destination() == null ? "-" : p.destination(),
                                    p.destinationPort(),
                                    p.outcome().label(),
                                    p.reason() == null ? "" : " reason=\"" + p.reason() + '"',
                                    p.control());
            case Event.Data d ->
                    "data %s %s %s bytes=%d %s %s"
                            .formatted(
                                    d.flow(),
                                    d.mode().label(),
                                    d.command() == null ? "-" : d.command(),
                                    d.bytes(),
                                    d.complete() ? "complete" : "incomplete",
                                    d.verdict().label());
            case Event.Alert a ->
                    "alert %s %s \"%s\"".formatted(a.kind().label(), a.flow(), a.detail());
            case Event.Elsewhere e ->
                    "elsewhere %s%s".formatted(e.flow(), e.encrypted() ? " encrypted" : "");
        };
    }
}
