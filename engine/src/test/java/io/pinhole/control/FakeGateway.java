package io.pinhole.control;

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
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A gateway that answers from its fields. */
final class FakeGateway implements Gateway {
    static final FlowKey CONTROL = FlowKey.tcp(ip("198.51.100.7"), 41022, ip("203.0.113.10"), 21);

    final List<Queue> subscriptions = new CopyOnWriteArrayList<>();
    volatile boolean busy;
    volatile FlowFilter asked = FlowFilter.ALL;
    volatile List<String> errors = List.of();

    static IpAddress ip(String text) {
        return Objects.requireNonNull(IpAddress.parse(text));
    }

    @Override
    public Stats stats() {
        return new Stats(
                "nfqueue",
                "a \"quoted\" set.nft",
                3,
                1_700_000_000_000L,
                false,
                Map.of("accept", 10L, "drop", 2L),
                1234,
                Map.of("bounce", 1L),
                Map.of("used", 4L),
                5,
                1,
                1,
                2,
                0,
                7,
                Map.of("offloads", 9L),
                List.of(new Stats.Queue("queue 0", 12, 7, 1)));
    }

    private void check() {
        if (busy) {
            throw new GatewayBusyException("stopping");
        }
    }

    @Override
    public Page<Flow> flows(FlowFilter filter, String cursor, int limit) {
        check();
        asked = filter;
        Flow flow =
                new Flow(
                        CONTROL,
                        "ESTABLISHED",
                        "control",
                        true,
                        true,
                        false,
                        431_999,
                        12,
                        900,
                        10,
                        1100,
                        -1);
        return cursor.isEmpty() ? new Page<>(List.of(flow), "0:17") : new Page<>(List.of(), "");
    }

    @Override
    public Page<Pinhole> pinholes(String cursor, int limit) {
        check();
        return new Page<>(
                List.of(
                        new Pinhole(
                                CONTROL,
                                "passive",
                                CONTROL.source(),
                                CONTROL.destination(),
                                50_123,
                                299)),
                "");
    }

    @Override
    public List<RuleCounters> rules() {
        return List.of(new RuleCounters("ftp.nft:14", "ct state <established> accept", 8, 800));
    }

    @Override
    public Subscription subscribe(int capacity) {
        Queue queue = new Queue(capacity);
        subscriptions.add(queue);
        return queue;
    }

    void say(String kind, String json) {
        subscriptions.forEach(q -> q.offer(kind, json));
    }

    @Override
    public ReloadResult reload(boolean dryRun) {
        return new ReloadResult(dryRun, errors, 5, 2, 1);
    }

    @Override
    public boolean deleteFlow(String id) {
        return CONTROL.equals(Flow.parse(id));
    }

    @Override
    public boolean deletePinhole(String id) {
        return id.endsWith(",50123");
    }

    final class Queue implements Subscription {
        private final BlockingQueue<Item> items;
        private final AtomicLong dropped = new AtomicLong();
        private long number;

        Queue(int capacity) {
            items = new ArrayBlockingQueue<>(capacity);
        }

        synchronized void offer(String kind, String json) {
            if (!items.offer(new Item(++number, kind, json))) {
                dropped.incrementAndGet();
            }
        }

        @Override
        public Item next(Duration timeout) throws InterruptedException {
            return items.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        public long dropped() {
            return dropped.get();
        }

        @Override
        public void close() {
            subscriptions.remove(this);
        }
    }
}
