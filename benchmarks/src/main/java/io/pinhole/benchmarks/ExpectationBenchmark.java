package io.pinhole.benchmarks;

import io.pinhole.core.IpAddress;
import io.pinhole.expect.Expectation;
import io.pinhole.expect.ExpectationTable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
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
import org.openjdk.jmh.annotations.Warmup;

/** The look-up that every first packet of a TCP flow makes, with and without a pinhole for it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 2,
        jvmArgsAppend = {"-Xmx1g", "-XX:+UseSerialGC"})
public class ExpectationBenchmark {
    private static final int CLIENT = 0xc612_0000;
    private static final int SERVER = 0xc613_0000;

    /** Odd, so that it leads through all of them in an order that no prefetcher knows. */
    private static final int STRIDE = 0x9e37_79b1;

    @Param({"100", "10000", "60000"})
    private int waiting;

    private ExpectationTable table = new ExpectationTable(1, 1, e -> {});
    private int next;

    @Setup
    public void setup() {
        table = new ExpectationTable(65_536, 1, e -> {});
        for (int i = 0; i < waiting; i++) {
            table.add(
                    new Expectation(
                            IpAddress.v4(CLIENT | i),
                            0,
                            IpAddress.v4(SERVER | i % 256),
                            1024 + i,
                            Long.MAX_VALUE));
        }
    }

    private @Nullable Expectation find(int from, int i) {
        return table.find(
                4,
                0,
                IpAddress.mapped(from | i),
                40_000,
                0,
                IpAddress.mapped(SERVER | i % 256),
                1024 + i,
                0);
    }

    private int random() {
        next += STRIDE;
        return (int) ((next & 0xffff_ffffL) * waiting >>> 32);
    }

    @Benchmark
    public @Nullable Expectation match() {
        return find(CLIENT, random());
    }

    /** The right port of the right server, the wrong client. */
    @Benchmark
    public @Nullable Expectation wrongSource() {
        return find(CLIENT + 0x10000, random());
    }

    /** What most connections are: nobody expects them. */
    @Benchmark
    public @Nullable Expectation noMatch() {
        return find(CLIENT, random() + waiting);
    }
}
