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
 * The whole path for the first packet of a flow: looked up in vain, judged by the rules, entered.
 * Flows that were entered 120 s of packet time before expire meanwhile.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 2,
        jvmArgsAppend = {"-Xmx3g", "-XX:+UseSerialGC"})
public class FirstPacketBenchmark {
    private static final int FLOWS = 1 << 20;

    /** So that a SYN comes again 200 s after it came: its flow has expired by then. */
    private static final long STEP = 200_000_000_000L / FLOWS;

    @Param({"accept-all", "office"})
    private String rules = "";

    private Path path = new Path(new AcceptAll());
    private PacketArray packets = PacketArray.first(1, 1);
    private int next;
    private long now;

    @Setup
    public void setup() {
        path = new Path(Rules.load(rules));
        packets = PacketArray.first(FLOWS, 1);
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
        if (path.count(CtState.NEW) != path.packets()) {
            throw new IllegalStateException("some packets were not the first of a flow");
        }
    }
}
