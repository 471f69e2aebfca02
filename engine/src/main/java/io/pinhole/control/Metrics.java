package io.pinhole.control;

import io.pinhole.control.api.Stats;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Counters in the Prometheus text format, version 0.0.4. */
final class Metrics {
    static final String TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private final StringBuilder out = new StringBuilder(4096);

    private Metrics() {}

    static String text(Stats s, int readers) {
        Metrics m = new Metrics();
        m.family(
                "pinhole_packets_total",
                "counter",
                "Packets judged, by verdict.",
                "verdict",
                s.packets());
        m.one("pinhole_bytes_total", "counter", "IP bytes judged.", s.bytes());
        m.one("pinhole_flows", "gauge", "Flows tracked now.", s.flows());
        m.one("pinhole_sessions", "gauge", "FTP control connections read now.", s.sessions());
        m.one("pinhole_pinholes", "gauge", "Pinholes waiting now.", s.pinholes());
        m.one("pinhole_offloaded", "gauge", "Flows that the kernel carries now.", s.offloaded());
        m.one(
                "pinhole_uninspected_total",
                "counter",
                "Packets that passed without being judged.",
                s.uninspected());
        m.one("pinhole_lost_total", "counter", "Packets dropped unjudged.", s.lost());
        m.family(
                "pinhole_pinholes_ended_total",
                "counter",
                "Pinholes that ended, by outcome.",
                "outcome",
                s.pinholeOutcomes());
        m.family(
                "pinhole_anomalies_total",
                "counter",
                "Anomalies, by name; docs/anomalies.md lists them.",
                "anomaly",
                s.anomalies());
        m.family("pinhole_events_total", "counter", "What else is counted.", "name", s.counters());
        m.queues(s);
        m.one("pinhole_rules_generation", "gauge", "Rule sets put in force.", s.generation());
        m.one("pinhole_start_time_seconds", "gauge", "Start, Unix time.", s.startMillis() / 1000);
        m.one("pinhole_event_readers", "gauge", "Clients of /v1/events.", readers);
        return m.out.toString();
    }

    private void queues(Stats s) {
        Map<String, Long> received = new TreeMap<>();
        Map<String, Long> lost = new TreeMap<>();
        Map<String, Long> overflows = new TreeMap<>();
        for (Stats.Queue queue : s.queues()) {
            received.put(queue.name(), queue.received());
            lost.put(queue.name(), queue.lost());
            overflows.put(queue.name(), queue.overflows());
        }
        family("pinhole_queue_received_total", "counter", "Packets by queue.", "queue", received);
        family("pinhole_queue_lost_total", "counter", "Packets lost, by queue.", "queue", lost);
        family(
                "pinhole_queue_overflows_total",
                "counter",
                "How often a queue's buffer was full.",
                "queue",
                overflows);
    }

    private void head(String name, String type, String help) {
        out.append("# HELP ").append(name).append(' ').append(help).append('\n');
        out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private void one(String name, String type, String help, long value) {
        head(name, type, help);
        out.append(name).append(' ').append(value).append('\n');
    }

    private void family(
            String name, String type, String help, String label, Map<String, Long> values) {
        head(name, type, help);
        new TreeMap<>(values)
                .forEach(
                        (key, value) ->
                                out.append(name)
                                        .append('{')
                                        .append(label)
                                        .append("=\"")
                                        .append(escaped(key))
                                        .append("\"} ")
                                        .append(value)
                                        .append('\n'));
    }

    private static String escaped(String value) {
        return value.toLowerCase(Locale.ROOT)
                .replace("\\", "\\\\")
                .replace("\"", "\\\"")
                .replace("\n", "\\n");
    }
}
