package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.Verdict;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The whole path for a packet of an FTP control connection, in the mean over whole dialogues:
 * handshakes, banners, commands, replies, announcements, acknowledgements, ends. A thousand of them
 * go on at a time.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 2,
        jvmArgsAppend = {"-Xmx3g", "-XX:+UseSerialGC"})
public class ControlBenchmark {
    private static final int PACKETS = 400_000;
    private static final long STEP = 10_000;

    /** After a pass every flow of it has expired, so that the next is like the first. */
    private static final long SIX_DAYS = 6L * 86_400 * 1_000_000_000;

    private Path path = new Path(new AcceptAll());
    private PacketArray packets = PacketArray.first(1, 1);
    private int next;
    private long now;

    @Setup
    public void setup() {
        path = new Path(Rules.load("ftp-gateway"));
        packets = PacketArray.control(PACKETS, 1);
    }

    @Benchmark
    public long packet() {
        int i = next;
        if (i == packets.count()) {
            i = 0;
            now += SIX_DAYS;
        }
        next = i + 1;
        now += STEP;
        return path.process(packets, i, now);
    }

    /** Refuses figures of another path than the one that was meant. */
    @TearDown
    public void check() {
        if (path.events() == 0 || path.count(Verdict.ACCEPT) < path.packets() * 99 / 100) {
            throw new IllegalStateException(
                    "%,d events, %,d of %,d packets accepted"
                            .formatted(path.events(), path.count(Verdict.ACCEPT), path.packets()));
        }
    }
}
