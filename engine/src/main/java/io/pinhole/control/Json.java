package io.pinhole.control;

import io.pinhole.control.api.Flow;
import io.pinhole.control.api.Page;
import io.pinhole.control.api.Pinhole;
import io.pinhole.control.api.ReloadResult;
import io.pinhole.control.api.RuleCounters;
import io.pinhole.control.api.Stats;
import io.pinhole.core.FlowKey;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Snapshots as JSON; names as in the events of {@code analyze --json}. */
final class Json {
    private Json() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static String stats(Stats s) {
        ObjectNode out = object();
        out.put("mode", s.mode());
        out.put("rules", s.rules());
        out.put("generation", s.generation());
        out.put("start", Instant.ofEpochMilli(s.startMillis()).toString());
        out.put("fail", s.failOpen() ? "open" : "closed");
        counts(out.putObject("packets"), s.packets());
        out.put("bytes", s.bytes());
        out.put("flows", s.flows());
        out.put("sessions", s.sessions());
        out.put("pinholes", s.pinholes());
        out.put("offloaded", s.offloaded());
        out.put("uninspected", s.uninspected());
        out.put("lost", s.lost());
        counts(out.putObject("pinholeOutcomes"), s.pinholeOutcomes());
        counts(out.putObject("anomalies"), s.anomalies());
        counts(out.putObject("counters"), s.counters());
        ArrayNode queues = out.putArray("queues");
        for (Stats.Queue queue : s.queues()) {
            queues.addObject()
                    .put("name", queue.name())
                    .put("received", queue.received())
                    .put("lost", queue.lost())
                    .put("overflows", queue.overflows());
        }
        return out.toString();
    }

    private static void counts(ObjectNode out, Map<String, Long> counts) {
        new TreeMap<>(counts).forEach(out::put);
    }

    static String flows(Page<Flow> page) {
        return page("flows", page, Json::flow);
    }

    static String pinholes(Page<Pinhole> page) {
        return page("pinholes", page, Json::pinhole);
    }

    private static <T> String page(String name, Page<T> page, BiConsumer<ObjectNode, T> row) {
        ObjectNode out = object();
        ArrayNode rows = out.putArray(name);
        page.rows().forEach(r -> row.accept(rows.addObject(), r));
        out.put("next", page.next());
        return out.toString();
    }

    private static void key(ObjectNode out, FlowKey key) {
        out.put("proto", key.protocolName());
        out.put("src", key.source().toString());
        out.put("sport", key.sourcePort());
        out.put("dst", key.destination().toString());
        out.put("dport", key.destinationPort());
    }

    private static void flow(ObjectNode out, Flow flow) {
        out.put("id", flow.id());
        key(out, flow.key());
        out.put("state", flow.state());
        out.put("role", flow.role());
        out.put("assured", flow.assured());
        out.put("seenReply", flow.seenReply());
        out.put("offloaded", flow.offloaded());
        out.put("secondsLeft", flow.secondsLeft());
        out.putObject("original")
                .put("packets", flow.originalPackets())
                .put("bytes", flow.originalBytes());
        out.putObject("reply").put("packets", flow.replyPackets()).put("bytes", flow.replyBytes());
        out.put("mark", Integer.toUnsignedLong(flow.mark()));
    }

    private static void pinhole(ObjectNode out, Pinhole pinhole) {
        out.put("id", pinhole.id());
        key(out.putObject("control"), pinhole.control());
        out.put("mode", pinhole.mode());
        out.put("src", pinhole.source().toString());
        out.put("dst", pinhole.destination().toString());
        out.put("dport", pinhole.destinationPort());
        out.put("secondsLeft", pinhole.secondsLeft());
    }

    static String rules(List<RuleCounters> rules) {
        ObjectNode out = object();
        ArrayNode rows = out.putArray("rules");
        for (RuleCounters rule : rules) {
            rows.addObject()
                    .put("place", rule.place())
                    .put("text", rule.text())
                    .put("packets", rule.packets())
                    .put("bytes", rule.bytes());
        }
        return out.toString();
    }

    static String reload(ReloadResult result) {
        ObjectNode out = object();
        out.put("dryRun", result.dryRun());
        out.put("refused", result.isRefused());
        ArrayNode errors = out.putArray("errors");
        result.errors().forEach(errors::add);
        out.put("flows", result.flows());
        out.put("forbidden", result.forbidden());
        out.put("recalled", result.recalled());
        return out.toString();
    }
}
