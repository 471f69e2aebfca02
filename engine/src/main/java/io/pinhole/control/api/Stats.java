package io.pinhole.control.api;

import java.util.List;
import java.util.Map;

/**
 * Counters since the start, and gauges.
 *
 * @param mode {@code nfqueue} or {@code bridge}
 * @param rules name of the rule set in force
 * @param generation 1 for the rule set of the start, one more for each reload
 * @param packets judged, by verdict: accept, drop, reject, unfiltered, undecodable
 * @param bytes judged, IP bytes
 * @param anomalies named reasons, by label
 * @param flows tracked now
 * @param sessions control connections read now
 * @param pinholes waiting now
 * @param offloaded flows that the kernel carries now
 * @param uninspected packets that passed without being judged (fail-open)
 * @param lost packets that were dropped because they could not be queued (fail-closed)
 * @param counters everything else that is counted, by name, for {@code /metrics}
 */
public record Stats(
        String mode,
        String rules,
        int generation,
        long startMillis,
        boolean failOpen,
        Map<String, Long> packets,
        long bytes,
        Map<String, Long> anomalies,
        Map<String, Long> pinholeOutcomes,
        long flows,
        long sessions,
        long pinholes,
        long offloaded,
        long uninspected,
        long lost,
        Map<String, Long> counters,
        List<Queue> queues) {
    /**
     * One queue or port with its shard.
     *
     * @param overflows how often its buffer was full
     */
    public record Queue(String name, long received, long lost, long overflows) {}

    public Stats {
        packets = Map.copyOf(packets);
        anomalies = Map.copyOf(anomalies);
        pinholeOutcomes = Map.copyOf(pinholeOutcomes);
        counters = Map.copyOf(counters);
        queues = List.copyOf(queues);
    }
}
