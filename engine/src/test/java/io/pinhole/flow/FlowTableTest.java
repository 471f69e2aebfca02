package io.pinhole.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The flow table against a plain map, and what it does at its limit. */
class FlowTableTest {
    private static final long LIFE = 1000;

    /** What the table should hold: the deadline of each flow that was not told to be gone. */
    private final Map<FlowKey, Long> model = new HashMap<>();

    private final List<FlowKey> gone = new ArrayList<>();

    private FlowTable table(boolean v6, int limit, long seed, TableMemory memory) {
        return new FlowTable(
                v6,
                limit,
                seed,
                memory,
                (t, flow, expired) -> {
                    gone.add(t.key(flow));
                    model.remove(t.key(flow));
                });
    }

    private static FlowKey key(boolean v6, int n) {
        IpAddress a = v6 ? IpAddress.v6(n * 7919L, n) : IpAddress.v4(n * 7919);
        IpAddress b = v6 ? IpAddress.v6(1, n % 5) : IpAddress.v4(0x0a000000 | n % 5);
        return new FlowKey(n % 3 == 0 ? 17 : 6, a, n % 1000, b, 21);
    }

    private static long find(FlowTable t, FlowKey k, long now) {
        return t.find(
                k.protocol(),
                k.source().high(),
                k.source().low(),
                k.sourcePort(),
                k.destination().high(),
                k.destination().low(),
                k.destinationPort(),
                now);
    }

    private static long prepare(FlowTable t, FlowKey k) {
        return t.prepare(
                k.protocol(),
                k.source().high(),
                k.source().low(),
                k.sourcePort(),
                k.destination().high(),
                k.destination().low(),
                k.destinationPort());
    }

    /** As an assertion, but a hundred thousand of these take no time. */
    private static void check(Object actual, @Nullable Object expected) {
        if (!actual.equals(expected)) {
            assertThat(actual).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void holdsWhatAMapHolds(boolean v6) {
        Random random = new Random(Seeds.seed());
        TableMemory reserving = (bytes, arena) -> arena.allocate(bytes, 64);
        try (FlowTable t = table(v6, 40_000, random.nextLong(), reserving)) {
            for (long now = 0; now < 100_000; now++) {
                FlowKey k = key(v6, random.nextInt(60_000));
                boolean reply = random.nextBoolean();
                Long deadline = model.get(k);
                long flow = find(t, reply ? k.reversed() : k, now);
                check(flow != FlowTable.NONE, deadline != null && deadline > now);
                if (flow != FlowTable.NONE) {
                    check(t.key(flow), k);
                    check(t.direction(), reply ? Direction.REPLY : Direction.ORIGINAL);
                    check(t.deadline(flow), deadline);
                    if (random.nextInt(4) == 0) {
                        t.remove(flow);
                    } else {
                        long later = now + random.nextInt(1, 60_000);
                        t.deadline(flow, later);
                        model.put(k, later);
                    }
                } else if (t.hasRoom()) {
                    long later = now + random.nextInt(1, 60_000);
                    t.deadline(prepare(t, k), later);
                    if (random.nextInt(8) > 0) {
                        t.insert();
                        model.put(k, later);
                    }
                }
                t.sweep(now, 1);
                check(t.size(), model.size());
            }
            List<FlowKey> all = new ArrayList<>();
            t.forEach(flow -> all.add(t.key(flow)));
            assertThat(all).hasSameSizeAs(model.keySet());
            assertThat(new HashSet<>(all)).isEqualTo(model.keySet());
            t.sweepAll(Long.MAX_VALUE);
            assertThat(t.size()).isZero();
        }
    }

    @Test
    void aFlowKeepsItsHandleWhileTheTableGrows() {
        try (FlowTable t = table(false, 100_000, 1, TableMemory.PLAIN)) {
            List<Long> handles = new ArrayList<>();
            for (int n = 0; n < 100_000; n++) {
                t.deadline(prepare(t, key(false, n)), Long.MAX_VALUE);
                handles.add(t.insert());
            }
            for (int n = 0; n < 100_000; n++) {
                if (find(t, key(false, n), 0) != handles.get(n)) {
                    throw new AssertionError("flow " + n + " has moved");
                }
            }
            assertThat(t.memoryBytes() / 100_000).isLessThan(500); // doubled by copying
        }
    }

    @Test
    void aLargeTableTakesAtMost180BytesForEachFlow() {
        TableMemory reserving = (bytes, arena) -> arena.allocate(bytes, 64);
        try (FlowTable t = table(false, 150_000, 1, reserving)) {
            for (int n = 0; n < 150_000; n++) {
                t.deadline(prepare(t, key(false, n)), Long.MAX_VALUE);
                t.insert();
                if (n > 50_000 && n % 100 == 0) {
                    assertThat(t.memoryBytes() / t.size()).isLessThanOrEqualTo(180);
                }
            }
        }
    }

    @Test
    void aFloodEvictsTheOldestThatIsNotAssured() {
        int limit = 1000;
        try (FlowTable t = table(false, limit, 1, TableMemory.PLAIN)) {
            for (int n = 0; n < limit; n++) {
                long flow = prepare(t, key(false, n));
                t.deadline(flow, LIFE + n);
                if (n % 2 == 0) {
                    t.setFlag(flow, FlowTable.ASSURED);
                }
                t.insert();
            }
            for (int n = limit; n < 20 * limit; n++) {
                long flow = prepare(t, key(false, n));
                t.deadline(flow, LIFE + n);
                check(t.hasRoom(), false);
                check(t.evictOne(0), true);
                t.insert();
                check(t.size(), limit);
            }
            for (int n = 0; n < limit; n += 2) {
                assertThat(find(t, key(false, n), 0)).as("assured flow %d", n).isNotEqualTo(-1);
            }
            // First come, first gone: one of 500 goes when 500 have come after it.
            Map<FlowKey, Integer> number = new HashMap<>();
            for (int n = 0; n < 20 * limit; n++) {
                number.put(key(false, n), n);
            }
            for (int i = 0; i < gone.size(); i++) {
                int came = number.getOrDefault(gone.get(i), -1);
                int left = limit + i;
                assertThat(left - came).as("flow %d", came).isBetween(limit / 2, limit);
            }
        }
    }

    @Test
    void nothingIsEvictedWhereAllIsAssured() {
        try (FlowTable t = table(false, 100, 1, TableMemory.PLAIN)) {
            for (int n = 0; n < 100; n++) {
                long flow = prepare(t, key(false, n));
                t.deadline(flow, LIFE);
                t.setFlag(flow, FlowTable.ASSURED);
                t.insert();
            }
            prepare(t, key(false, 100));
            assertThat(t.evictOne(0)).isFalse();
            assertThat(t.evictOne(LIFE)).as("expired").isTrue();
        }
    }

    /** The secret of the hash decides nothing. */
    @Test
    void evictionDoesNotDependOnTheSeed() {
        List<List<FlowKey>> orders = new ArrayList<>();
        for (long seed : new long[] {1, 2, -7}) {
            gone.clear();
            try (FlowTable t = table(false, 500, seed, TableMemory.PLAIN)) {
                for (int n = 0; n < 5_000; n++) {
                    long flow = prepare(t, key(false, n));
                    t.deadline(flow, LIFE + n % 77);
                    if (!t.hasRoom()) {
                        t.evictOne(0);
                    }
                    t.insert();
                }
            }
            orders.add(List.copyOf(gone));
        }
        assertThat(orders.get(1)).isEqualTo(orders.get(0));
        assertThat(orders.get(2)).isEqualTo(orders.get(0));
    }

    @Test
    void memoryIsGivenBack() {
        Arena[] given = new Arena[1];
        TableMemory reserving =
                (bytes, arena) -> {
                    given[0] = arena;
                    return arena.allocate(bytes, 64);
                };
        FlowTable t = table(false, 50_000, 1, reserving);
        for (int n = 0; n < 50_000; n++) {
            t.deadline(prepare(t, key(false, n)), Long.MAX_VALUE);
            t.insert();
        }
        t.close();
        assertThat(given[0].scope().isAlive()).isFalse();
    }
}
