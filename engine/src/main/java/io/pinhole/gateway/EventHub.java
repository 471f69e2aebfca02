package io.pinhole.gateway;

import io.pinhole.control.api.Subscription;
import io.pinhole.path.Event;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes events from the packet threads and hands them to the log and to subscribers, on a thread of
 * its own. A packet thread never waits: what does not fit is dropped and counted.
 */
final class EventHub implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("pinhole.events");
    private static final int CAPACITY = 16_384;

    /** Lines a second; more are counted and told as a number. */
    private static final int MAX_LINES = 200;

    private static final long SECOND = 1_000_000_000L;

    private sealed interface Work {
        record Happened(Event event) implements Work {}

        record File(int index, String name) implements Work {}

        record Told(String kind, String text, String json) implements Work {}

        record End() implements Work {}
    }

    private final ArrayBlockingQueue<Work> waiting = new ArrayBlockingQueue<>(CAPACITY);
    private final CopyOnWriteArrayList<Queue> subscribers = new CopyOnWriteArrayList<>();
    private final Map<String, Long> outcomes = new ConcurrentHashMap<>();
    private final Map<String, Long> alerts = new ConcurrentHashMap<>();
    private final EventRenderer renderer;
    private final boolean jsonLog;
    private final AtomicLong dropped = new AtomicLong();
    private final Thread thread;
    private long number;
    private long second;
    private int lines;
    private long suppressed;

    /**
     * @param jsonLog whether the log has the JSON lines instead of text
     */
    EventHub(EventRenderer renderer, boolean jsonLog) {
        this.renderer = renderer;
        this.jsonLog = jsonLog;
        thread = Thread.ofPlatform().daemon().name("pinhole-events").start(this::run);
    }

    /** From any thread; never waits. */
    void event(Event event) {
        offer(new Work.Happened(event));
    }

    void beginFile(int index, String name) {
        offer(new Work.File(index, name));
    }

    /**
     * Something of the gateway itself.
     *
     * @param json one object
     */
    void told(String kind, String text, String json) {
        offer(new Work.Told(kind, text, json));
    }

    private void offer(Work item) {
        if (!waiting.offer(item)) {
            dropped.incrementAndGet();
        }
    }

    /** Events that no one was told of because there were too many. */
    long dropped() {
        return dropped.get();
    }

    private void run() {
        try {
            while (true) {
                switch (waiting.take()) {
                    case Work.Happened(Event event) -> happened(event);
                    case Work.File(int index, String name) -> renderer.beginFile(index, name);
                    case Work.Told(String kind, String text, String json) -> {
                        log(kind, text, json);
                        publish(kind, json);
                    }
                    case Work.End() -> {
                        logSuppressed();
                        return;
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** How pinholes ended, by outcome. */
    Map<String, Long> outcomes() {
        return Map.copyOf(outcomes);
    }

    /** Alerts by kind. */
    Map<String, Long> alerts() {
        return Map.copyOf(alerts);
    }

    private void happened(Event event) {
        if (event instanceof Event.Alert alert) {
            alerts.merge(alert.kind().label(), 1L, Long::sum);
        }
        if (event instanceof Event.Pinhole p && p.helper()) {
            outcomes.merge(p.outcome().label(), 1L, Long::sum);
        }
        List<String> json = renderer.render(event);
        if (json.isEmpty()) {
            return;
        }
        String kind = EventText.kind(event);
        log(kind, jsonLog ? "" : EventText.line(event), json.getFirst());
        publish(kind, json.getFirst());
        for (String more : json.subList(1, json.size())) {
            log("diagnosis", jsonLog ? "" : renderer.text(more), more);
            publish("diagnosis", more);
        }
    }

    private void log(String kind, String text, String json) {
        long now = System.nanoTime();
        if (now - second >= SECOND) {
            logSuppressed();
            second = now;
            lines = 0;
        }
        // What the gateway says of itself is never one of too many.
        boolean own = kind.equals("reload") || kind.equals("overflow");
        if (lines >= MAX_LINES && !own) {
            suppressed++;
            return;
        }
        lines++;
        String line = jsonLog ? json : text;
        if (kind.equals("alert") || kind.equals("overflow") || kind.equals("diagnosis")) {
            LOG.warn(line);
        } else {
            LOG.info(line);
        }
    }

    private void logSuppressed() {
        if (suppressed > 0) {
            LOG.warn(
                    jsonLog
                            ? "{\"event\":\"suppressed\",\"lines\":" + suppressed + "}"
                            : suppressed + " more lines in that second are not shown");
            suppressed = 0;
        }
    }

    private void publish(String kind, String json) {
        Subscription.Item item = new Subscription.Item(++number, kind, json);
        for (Queue subscriber : subscribers) {
            subscriber.put(item);
        }
    }

    Subscription subscribe(int capacity) {
        if (capacity < 1 || capacity > 65_536) {
            throw new IllegalArgumentException("capacity " + capacity);
        }
        Queue queue = new Queue(capacity);
        subscribers.add(queue);
        return queue;
    }

    private final class Queue implements Subscription {
        private final ArrayBlockingQueue<Item> items;
        private final AtomicLong missed = new AtomicLong();

        Queue(int capacity) {
            items = new ArrayBlockingQueue<>(capacity);
        }

        void put(Item item) {
            if (!items.offer(item)) {
                missed.incrementAndGet();
            }
        }

        @Override
        public @Nullable Item next(Duration timeout) throws InterruptedException {
            return items.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        }

        @Override
        public long dropped() {
            return missed.get();
        }

        @Override
        public void close() {
            subscribers.remove(this);
        }
    }

    /** Tells what waits, then ends. */
    @Override
    public void close() {
        try {
            waiting.offer(new Work.End(), 2, TimeUnit.SECONDS);
            thread.join(5000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
