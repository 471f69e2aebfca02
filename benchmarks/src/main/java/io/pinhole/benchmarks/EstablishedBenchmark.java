package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.CtState;
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
        jvmArgsAppend = {"-Xmx3g", "-XX:+UseSerialGC"})
public class EstablishedBenchmark {
    private static final int PACKETS = 1 << 21;
    private static final long STEP = 1000;

    @Param({"10000", "100000", "1000000"})
    private int flows;

    @Param({"accept-all", "office"})
    private String rules = "";

    private Path path = new Path(new AcceptAll());
    private PacketArray packets = PacketArray.first(1, 1);
    private int next;
    private long now;

    @Setup
    public void setup() {
        path = new Path(Rules.load(rules));
        PacketArray.Load load = PacketArray.established(flows, PACKETS, 1);
        for (int i = 0; i < load.opening().count(); i++) {
            path.process(load.opening(), i, now);
        }
        packets = load.traffic();
    }

    @Benchmark
    public long packet() {
        int i = next == packets.count() ? 0 : next;
        next = i + 1;
        now += STEP;
        return path.process(packets, i, now);
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
