package io.pinhole.benchmarks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What one read of a word costs before C2 has compiled it: run with {@code -jvmArgsAppend -Xint} or
 * {@code -XX:TieredStopAtLevel=3}, 2 and 1.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class SegmentReadBenchmark {
    private static final int READS = 64;

    private final MemorySegment segment = Arena.ofAuto().allocate(READS * Long.BYTES);
    private final long[] array = new long[READS];

    @Benchmark
    @OperationsPerInvocation(READS)
    public long segment() {
        long sum = 0;
        for (long at = 0; at < READS * Long.BYTES; at += Long.BYTES) {
            sum ^= segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(READS)
    public long array() {
        long sum = 0;
        for (int i = 0; i < READS; i++) {
            sum ^= array[i];
        }
        return sum;
    }
}
