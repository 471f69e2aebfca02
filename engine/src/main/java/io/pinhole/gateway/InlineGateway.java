package io.pinhole.gateway;

import io.pinhole.control.api.Flow;
import io.pinhole.control.api.FlowFilter;
import io.pinhole.control.api.Gateway;
import io.pinhole.control.api.GatewayBusyException;
import io.pinhole.control.api.Page;
import io.pinhole.control.api.Pinhole;
import io.pinhole.control.api.ReloadResult;
import io.pinhole.control.api.RuleCounters;
import io.pinhole.control.api.Stats;
import io.pinhole.control.api.Subscription;
import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.path.JournalEntry;
import io.pinhole.path.PathControl;
import io.pinhole.path.VerdictDigest;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleCount;
import io.pinhole.rule.RuleSet;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What both modes have in common: shards, their threads, commands from outside, reload. Callable
 * from any thread.
 */
public abstract class InlineGateway implements Gateway {
    private static final Logger LOG = LoggerFactory.getLogger("pinhole.gateway");
    private static final int ANSWER_SECONDS = 5;

    /** Places of a flow table that one command looks at: the packets wait meanwhile. */
    private static final int SLOTS = 65_536;

    final GatewayOptions options;
    final EventHub events;
    final Offloads offloads = new Offloads();
    private final RuleSource source;
    private final long startMillis = System.currentTimeMillis();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final List<Thread> threads = new ArrayList<>();
    private List<Shard> shards = List.of();
    private volatile RuleSet set;
    private volatile int generation = 1;
    private volatile boolean stopping;

    InlineGateway(GatewayOptions options, RuleSource source, RuleSet set, EventHub events) {
        this.options = options;
        this.source = source;
        this.set = set;
        this.events = events;
    }

    abstract String mode();

    /** Counters of the mode, for {@link Stats}. */
    abstract List<Stats.Queue> queues();

    abstract void counters(Map<String, Long> into);

    /** The kernel is to let go of these connections: they are seen packet by packet again. */
    abstract void recallInKernel(Set<FlowKey> keys);

    abstract void deleteInKernel(FlowKey key);

    /** What the kernel was told at the start is told again: others may have flushed its tables. */
    abstract void renewKernelRules();

    final void start(List<? extends Shard> started) {
        shards = List.copyOf(started);
        for (Shard shard : shards) {
            Thread thread =
                    Thread.ofPlatform()
                            .name("pinhole-shard-" + threads.size())
                            .start(
                                    () -> {
                                        try {
                                            shard.run();
                                        } catch (Throwable t) {
                                            LOG.error("a shard ends", t);
                                            ended.countDown();
                                            throw t;
                                        }
                                    });
            threads.add(thread);
        }
    }

    final List<Shard> shards() {
        return shards;
    }

    /** Asks the gateway to end; returns at once. */
    public final void requestStop() {
        ended.countDown();
    }

    /** Waits until {@link #requestStop}. */
    public final void await() throws InterruptedException {
        ended.await();
    }

    /**
     * @return true if it was asked to end meanwhile
     */
    public final boolean await(long millis) throws InterruptedException {
        return ended.await(millis, TimeUnit.MILLISECONDS);
    }

    final void stopShards() {
        stopping = true;
        for (Shard shard : shards) {
            shard.stop();
        }
        for (Thread thread : threads) {
            try {
                thread.join(10_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** The fingerprint of all verdicts; meaningful with a recording, after the end. */
    public final VerdictDigest digest() {
        VerdictDigest sum = new VerdictDigest();
        for (Shard shard : shards) {
            sum.add(shard.digest);
        }
        return sum;
    }

    // ---- commands ----

    final <T> List<T> askAll(Function<Shard, T> work) {
        List<Future<T>> answers = new ArrayList<>();
        for (Shard shard : shards) {
            answers.add(ask(shard, () -> work.apply(shard)));
        }
        List<T> out = new ArrayList<>();
        for (Future<T> answer : answers) {
            out.add(get(answer));
        }
        return out;
    }

    private static <T> Future<T> ask(Shard shard, java.util.function.Supplier<T> work) {
        Future<T> answer = shard.mailbox.ask(work);
        if (answer == null) {
            throw new GatewayBusyException("the gateway is busy or stopping");
        }
        return answer;
    }

    private static <T> T get(Future<T> answer) {
        try {
            return answer.get(ANSWER_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new GatewayBusyException("the gateway did not answer in time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GatewayBusyException("interrupted");
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    @Override
    public final Page<Flow> flows(FlowFilter filter, String cursor, int limit) {
        // Places that were looked at do not matter to a reader: "shard:place".
        int shard = 0;
        long place = 0;
        int colon = cursor.indexOf(':');
        if (colon > 0) {
            try {
                shard = Integer.parseInt(cursor.substring(0, colon));
                place = Long.parseLong(cursor.substring(colon + 1));
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("no cursor: " + cursor, e);
            }
        } else if (!cursor.isEmpty()) {
            throw new IllegalArgumentException("no cursor: " + cursor);
        }
        int most = Math.clamp(limit, 1, 1000);
        if (shard < 0 || shard >= shards.size() || place < 0) {
            return new Page<>(List.of(), "");
        }
        Shard of = shards.get(shard);
        long from = place;
        List<Flow> rows = new ArrayList<>();
        long next = get(ask(of, () -> page(of, filter, from, most, rows)));
        if (next >= 0) {
            return new Page<>(rows, shard + ":" + next);
        }
        return new Page<>(rows, shard + 1 < shards.size() ? (shard + 1) + ":0" : "");
    }

    private static long page(Shard of, FlowFilter filter, long from, int most, List<Flow> rows) {
        long at = from;
        long now = of.now();
        for (int looked = 0; looked < SLOTS && at >= 0 && rows.size() < most; looked += 64) {
            int slots = Math.min(64, most - rows.size());
            at =
                    of.control.flows(
                            at,
                            slots,
                            now,
                            row -> {
                                Flow flow = flow(row);
                                if (matches(filter, flow)) {
                                    rows.add(flow);
                                }
                            });
        }
        return at;
    }

    private static boolean matches(FlowFilter filter, Flow flow) {
        IpAddress address = filter.address();
        FlowKey key = flow.key();
        return (address == null
                        || key.source().equals(address)
                        || key.destination().equals(address))
                && (filter.port() == 0
                        || key.sourcePort() == filter.port()
                        || key.destinationPort() == filter.port())
                && (!filter.offloaded() || flow.offloaded());
    }

    private static Flow flow(PathControl.FlowRow row) {
        return new Flow(
                row.key(),
                row.state(),
                row.control() ? "control" : row.data() ? "data" : "other",
                row.assured(),
                row.seenReply(),
                row.offloaded(),
                row.secondsLeft(),
                row.originalPackets(),
                row.originalBytes(),
                row.replyPackets(),
                row.replyBytes(),
                row.mark());
    }

    @Override
    public final Page<Pinhole> pinholes(String cursor, int limit) {
        int from;
        try {
            from = cursor.isEmpty() ? 0 : Integer.parseInt(cursor);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("no cursor: " + cursor, e);
        }
        List<Pinhole> all = new ArrayList<>();
        for (List<Pinhole> some :
                askAll(
                        shard -> {
                            List<Pinhole> out = new ArrayList<>();
                            shard.control.pinholes(
                                    shard.now(),
                                    p ->
                                            out.add(
                                                    new Pinhole(
                                                            p.control(),
                                                            p.mode(),
                                                            p.source(),
                                                            p.destination(),
                                                            p.destinationPort(),
                                                            p.secondsLeft())));
                            return out;
                        })) {
            all.addAll(some);
        }
        int most = Math.clamp(limit, 1, 1000);
        int start = Math.clamp(from, 0, all.size());
        int end = Math.min(start + most, all.size());
        return new Page<>(all.subList(start, end), end < all.size() ? Integer.toString(end) : "");
    }

    @Override
    public final List<RuleCounters> rules() {
        List<List<RuleCount>> counts = askAll(shard -> shard.rules().counts());
        List<RuleCounters> out = new ArrayList<>();
        for (int i = 0; i < counts.getFirst().size(); i++) {
            RuleCount first = counts.getFirst().get(i);
            long packets = 0;
            long bytes = 0;
            for (List<RuleCount> of : counts) {
                packets += i < of.size() ? of.get(i).packets() : 0;
                bytes += i < of.size() ? of.get(i).bytes() : 0;
            }
            out.add(new RuleCounters(first.rule().text(), first.rule().source(), packets, bytes));
        }
        return out;
    }

    @Override
    public final Subscription subscribe(int capacity) {
        return events.subscribe(capacity);
    }

    @Override
    public final Stats stats() {
        Map<String, Long> packets = new LinkedHashMap<>();
        Map<String, Long> anomalies = new LinkedHashMap<>();
        Map<String, Long> counters = new LinkedHashMap<>();
        long bytes = 0;
        long flows = 0;
        long sessions = 0;
        long pinholes = 0;
        for (Verdict v : Verdict.values()) {
            long sum = 0;
            for (Shard shard : shards) {
                sum += shard.verdicts[v.ordinal()];
            }
            packets.put(v.label(), sum);
        }
        for (Anomaly a : Anomaly.values()) {
            long sum = 0;
            for (Shard shard : shards) {
                sum += shard.anomalies[a.ordinal()];
            }
            if (sum > 0) {
                anomalies.put(a.label(), sum);
            }
        }
        // Some alerts are about packets that were counted above, some about lines in packets.
        events.alerts().forEach((kind, alerts) -> anomalies.merge(kind, alerts, Math::max));
        long internal = 0;
        long offloadsMade = 0;
        for (Shard shard : shards) {
            bytes += shard.bytes;
            flows += shard.flows();
            sessions += shard.control.sessions();
            pinholes += shard.control.waiting();
            internal += shard.internalErrors;
            offloadsMade += shard.offloads;
        }
        counters.put("internal_errors", internal);
        counters.put("offloads", offloadsMade);
        counters.put("events_dropped", events.dropped());
        counters(counters);
        long lost = queues().stream().mapToLong(Stats.Queue::lost).sum();
        return new Stats(
                mode(),
                set.name(),
                generation,
                startMillis,
                options.failOpen(),
                packets,
                bytes,
                anomalies,
                events.outcomes(),
                flows,
                sessions,
                pinholes,
                offloads.offloaded(),
                options.failOpen() ? lost : 0,
                options.failOpen() ? 0 : lost,
                counters,
                queues());
    }

    @Override
    public final boolean deleteFlow(String id) {
        FlowKey key = Flow.parse(id);
        if (key == null) {
            return false;
        }
        boolean found = askAll(shard -> shard.remove(key)).contains(true);
        if (found) {
            offloads.remove(key);
            deleteInKernel(key);
        }
        return found;
    }

    @Override
    public final boolean deletePinhole(String id) {
        FlowKey key = Flow.parse(id);
        if (key == null) {
            return false;
        }
        return askAll(
                        shard -> {
                            int closed =
                                    shard.control.closePinholes(
                                            key.source(), key.destination(), key.destinationPort());
                            if (closed > 0) {
                                shard.note(
                                        new JournalEntry.ClosePinhole(
                                                key.source(),
                                                key.destination(),
                                                key.destinationPort()));
                            }
                            return closed > 0;
                        })
                .contains(true);
    }

    // ---- reload ----

    /** What one shard found when it asked new rules about its flows. */
    private record Asked(int flows, int forbidden, Set<FlowKey> recall) {}

    @Override
    public final synchronized ReloadResult reload(boolean dryRun) {
        RuleSource.Loaded loaded;
        try {
            loaded = source.load();
        } catch (RuleSource.Refused e) {
            return refused(dryRun, e.lines());
        }
        RuleSet next = loaded.set();
        if (next.hasGlobalState() && shards.size() > 1) {
            return refused(
                    dryRun,
                    List.of(
                            next.name()
                                    + " has limits, quotas or counts, which need one shard:"
                                    + " restart with --queues 1"));
        }
        // Asking in pieces, so that packets do not wait for long.
        int flows = 0;
        int forbidden = 0;
        Set<FlowKey> recall = new HashSet<>();
        for (Shard shard : shards) {
            CompiledRules trial = next.compile();
            long at = 0;
            while (at >= 0) {
                long from = at;
                List<Asked> piece = new ArrayList<>();
                at = get(ask(shard, () -> ask(shard, trial, from, piece)));
                for (Asked asked : piece) {
                    flows += asked.flows;
                    forbidden += asked.forbidden;
                    recall.addAll(asked.recall);
                }
            }
        }
        if (dryRun) {
            return new ReloadResult(true, List.of(), flows, forbidden, recall.size());
        }
        swap(loaded, recall);
        set = next;
        generation++;
        recallInKernel(recall);
        renewKernelRules();
        ReloadResult result = new ReloadResult(false, List.of(), flows, forbidden, recall.size());
        events.told(
                "reload",
                "reload %s generation=%d flows=%d forbidden=%d recalled=%d"
                        .formatted(next.name(), generation, flows, forbidden, recall.size()),
                ("{\"event\":\"reload\",\"generation\":%d,\"flows\":%d,\"forbidden\":%d,"
                                + "\"recalled\":%d}")
                        .formatted(generation, flows, forbidden, recall.size()));
        return result;
    }

    private ReloadResult refused(boolean dryRun, List<String> lines) {
        LOG.error("reload refused, the old rules stay in force: {}", lines.getFirst());
        return new ReloadResult(dryRun, lines, 0, 0, 0);
    }

    private long ask(Shard shard, CompiledRules trial, long from, List<Asked> into) {
        int[] flows = {0};
        int[] forbidden = {0};
        Set<FlowKey> recall = new HashSet<>();
        long now = shard.now();
        List<PathControl.FlowRow> rows = new ArrayList<>();
        long next = shard.control.flows(from, SLOTS / 16, now, rows::add);
        for (PathControl.FlowRow row : rows) {
            if (!row.state().equals("ESTABLISHED")) {
                continue;
            }
            flows[0]++;
            Offloads.Carried carried = row.offloaded() ? offloads.get(row.key()) : null;
            String input = carried == null ? "" : carried.input();
            String output = carried == null ? "" : carried.output();
            Verdict verdict =
                    shard.control.ask(
                            trial,
                            row.key(),
                            input.isEmpty() ? null : input,
                            output.isEmpty() ? null : output,
                            now);
            if (verdict != Verdict.ACCEPT) {
                forbidden[0]++;
                if (row.offloaded()) {
                    recall.add(row.key());
                }
            }
        }
        into.add(new Asked(flows[0], forbidden[0], recall));
        return next;
    }

    /** All shards change their rules at one moment of the recording. */
    private void swap(RuleSource.Loaded loaded, Set<FlowKey> recall) {
        CyclicBarrier barrier =
                new CyclicBarrier(
                        shards.size(),
                        () ->
                                shards.getFirst()
                                        .note(
                                                new JournalEntry.Reload(
                                                        loaded.set().name(), loaded.text())));
        List<Future<Boolean>> swaps = new ArrayList<>();
        for (Shard shard : shards) {
            CompiledRules compiled = loaded.set().compile();
            CompletableFuture<Boolean> swap = new CompletableFuture<>();
            boolean taken =
                    shard.mailbox.offer(
                            () -> {
                                try {
                                    barrier.await(ANSWER_SECONDS, TimeUnit.SECONDS);
                                } catch (Exception e) {
                                    swap.completeExceptionally(e);
                                    return;
                                }
                                shard.rules(compiled);
                                for (FlowKey key : recall) {
                                    if (shard.control.recall(key, shard.now())) {
                                        shard.note(new JournalEntry.Recall(key));
                                    }
                                }
                                swap.complete(true);
                            });
            if (!taken) {
                barrier.reset();
                throw new GatewayBusyException("the gateway is busy or stopping");
            }
            swaps.add(swap);
        }
        swaps.forEach(InlineGateway::get);
        recall.forEach(offloads::remove);
    }

    final RuleSet set() {
        return set;
    }

    final boolean isStopping() {
        return stopping;
    }

    /** Says whether every shard still turns over; for a watchdog. */
    public final boolean isAlive() {
        try {
            askAll(shard -> true);
            return true;
        } catch (GatewayBusyException e) {
            return false;
        }
    }
}
