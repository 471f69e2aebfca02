package io.pinhole.benchmarks;

import io.pinhole.core.IpAddress;
import io.pinhole.flow.FlowTable;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Hash and look-up of IPv4 flows in random order, and their coming and going. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 2,
        jvmArgsAppend = {"-Xmx3g", "-XX:+UseSerialGC"})
public class FlowTableBenchmark {
    private static final int TCP = 6;
    private static final int SERVER = 0xc613_0001;

    /** Look-ups in the order array; more than a cache holds. */
    private static final int ORDER = 1 << 24;

    private static final int ABSENT = 1;

    @Param({"10000", "100000", "1000000"})
    private int flows;

    private final int[] order = new int[ORDER];
    private FlowTable table = new FlowTable(false, 1, 1, (t, flow, expired) -> {});
    private int next;
    private long now;

    @Setup
    public void setup() {
        table = new FlowTable(false, 1 << 22, 1, (t, flow, expired) -> {});
        for (int i = 0; i < flows; i++) {
            insert(i, Long.MAX_VALUE / 2);
        }
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < ORDER; i++) {
            order[i] = random.nextInt(flows);
        }
    }

    private void insert(int flow, long deadline) {
        table.deadline(
                table.prepare(TCP, 0, client(flow), port(flow), 0, server(flow), 443), deadline);
        table.insert();
    }

    private static long client(int flow) {
        return IpAddress.mapped(0xc612_0000 | (flow & 0xffff));
    }

    private static int port(int flow) {
        return 1024 + (flow >>> 16);
    }

    private static long server(int flow) {
        return IpAddress.mapped(SERVER + flow % 1000);
    }

    @Benchmark
    public long hit() {
        int flow = order[next++ & ORDER - 1];
        return table.find(TCP, 0, client(flow), port(flow), 0, server(flow), 443, now);
    }

    /** A packet of the other direction: the hash must be the same. */
    @Benchmark
    public long hitReply() {
        int flow = order[next++ & ORDER - 1];
        return table.find(TCP, 0, server(flow), 443, 0, client(flow), port(flow), now);
    }

    @Benchmark
    public long miss() {
        int flow = order[next++ & ORDER - 1];
        return table.find(TCP, 0, client(flow), ABSENT, 0, server(flow), 443, now);
    }

    /** One flow comes, one has expired and is swept: the table stays as large as it is. */
    @Benchmark
    public long insertAndExpire() {
        now++;
        int flow = flows + (next++ & 0xff_ffff);
        insert(flow, now + flows);
        table.sweep(now, 4);
        return table.size();
    }

    @TearDown
    public void check() {
        if (table.size() < flows || table.size() > 4L * flows) {
            throw new IllegalStateException(table.size() + " flows in the table");
        }
        table.close();
    }
}
