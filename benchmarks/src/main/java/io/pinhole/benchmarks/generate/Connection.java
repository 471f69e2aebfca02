package io.pinhole.benchmarks.generate;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;

/**
 * A control or data connection, as the truth or {@code pinhole analyze --json} tells of it.
 *
 * @param packet number of its first packet
 * @param flow in the direction of that packet
 * @param control the control connection, from client to server; null for a control connection
 * @param mode lower-case name of the announcement; null for a control connection
 */
record Connection(long packet, FlowKey flow, @Nullable FlowKey control, @Nullable String mode) {
    private static final ObjectMapper JSON = JsonMapper.shared();

    static Connection control(long packet, FlowKey flow) {
        return new Connection(packet, flow, null, null);
    }

    static Connection data(long packet, FlowKey flow, FlowKey control, String mode) {
        return new Connection(packet, flow, control, mode);
    }

    /**
     * Reads one line.
     *
     * @return null if it is another event
     * @throws IllegalArgumentException if it is no event at all
     */
    static @Nullable Connection of(JsonNode line) {
        return switch (line.path("event").asString("")) {
            case "control" -> control(line.path("packet").asLong(0), flow(line.path("flow")));
            case "data" ->
                    data(
                            line.path("packet").asLong(0),
                            flow(line.path("flow")),
                            flow(line.path("control")),
                            line.path("mode").asString(""));
            case "" -> throw new IllegalArgumentException("no event: " + line);
            default -> null;
        };
    }

    static JsonNode parse(String line) {
        return JSON.readTree(line);
    }

    private static FlowKey flow(JsonNode flow) {
        return FlowKey.tcp(
                address(flow.path("src")),
                flow.path("sport").asInt(0),
                address(flow.path("dst")),
                flow.path("dport").asInt(0));
    }

    private static IpAddress address(JsonNode text) {
        IpAddress address = IpAddress.parse(text.asString(""));
        if (address == null) {
            throw new IllegalArgumentException("no address: " + text);
        }
        return address;
    }

    @Override
    public String toString() {
        return mode == null
                ? "packet %d: control %s".formatted(packet, flow)
                : "packet %d: %s data %s of %s".formatted(packet, mode, flow, control);
    }
}
