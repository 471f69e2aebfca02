package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.CtState;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The whole path for a packet of an established flow, flows in random order. After the first pass
 * the packets repeat old sequence numbers: valid, and tracked as far as new ones are.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 2,
        jvmArgsAppend = {"-Xmx6g", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"})
public class EstablishedBenchmark {
    private static final int PACKETS = 1 << 21;
    private static final int BATCH = 1024;
    private static final long STEP = 1000;

    @Param({"10000", "100000", "1000000", "10000000"})
    private int flows;

    @Param({"office"})
    private String rules = "";

    private BatchedPath path = new BatchedPath(new AcceptAll(), 1 << 16);
    private PacketArray packets = PacketArray.first(1, 1);
    private int next;
    private long now;

    @Setup
    public void setup() {
        path = new BatchedPath(Rules.load(rules), 2 * flows);
        PacketArray.Load load = PacketArray.established(flows, PACKETS, 1);
        path.process(load.opening(), 0, load.opening().count(), now, 0);
        packets = load.traffic();
    }

    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void packet() {
        int i = next + BATCH > packets.count() ? 0 : next;
        next = i + BATCH;
        path.process(packets, i, BATCH, now, STEP);
        now += BATCH * STEP;
    }

    /** Refuses figures of another path than the one that was meant. */
    @TearDown
    public void check() {
        long others = path.packets() - path.count(CtState.ESTABLISHED);
        if (path.flows() != flows || others != flows) {
            throw new IllegalStateException(
                    "%,d flows, %,d packets not established".formatted(path.flows(), others));
        }
    }
}
