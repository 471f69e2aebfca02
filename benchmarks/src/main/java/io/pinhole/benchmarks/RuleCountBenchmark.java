package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.CtState;
import io.pinhole.core.Verdict;
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
 * What rules that do not match cost: the whole path for first packets of flows and for packets of
 * established ones, with 10, 1,000 and 10,000 rules in front of the one that accepts.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 1,
        jvmArgsAppend = {"-Xmx3g", "-XX:+UseSerialGC"})
public class RuleCountBenchmark {
    private static final int FLOWS = 1 << 18;

    /** First packets; a flow has expired when its SYN comes again. */
    @State(Scope.Thread)
    public static class First {
        private static final long STEP = 200_000_000_000L / FLOWS;

        @Param({"saddr", "dport", "pair", "mixed", "sets", "concat", "jumps"})
        private String shape = "";

        @Param({"10", "1000", "10000"})
        private int rules;

        private Path path = new Path(new AcceptAll());
        private PacketArray packets = PacketArray.first(1, 1);
        private int next;
        private long now;

        @Setup
        public void setup() {
            path = new Path(RuleShapes.load(shape, rules).compile());
            packets = PacketArray.first(FLOWS, 1);
        }

        /** Refuses figures of another path than the one that was meant. */
        @TearDown
        public void check() {
            if (path.count(CtState.NEW) != path.packets()
                    || path.count(Verdict.ACCEPT) != path.packets()) {
                throw new IllegalStateException("some packets were not first or not accepted");
            }
        }
    }

    /** Established flows in random order. */
    @State(Scope.Thread)
    public static class Established {
        private static final int PACKETS = 1 << 20;
        private static final int FLOWS = 100_000;

        // Rules about addresses: those about ports would meet the ports of clients in replies.
        @Param({"saddr", "sets", "stateful"})
        private String shape = "";

        @Param({"10", "1000", "10000"})
        private int rules;

        private Path path = new Path(new AcceptAll());
        private PacketArray packets = PacketArray.first(1, 1);
        private int next;
        private long now;

        @Setup
        public void setup() {
            path = new Path(RuleShapes.load(shape, rules).compile());
            PacketArray.Load load = PacketArray.established(FLOWS, PACKETS, 1);
            for (int i = 0; i < load.opening().count(); i++) {
                path.process(load.opening(), i, now);
            }
            packets = load.traffic();
        }

        @TearDown
        public void check() {
            if (path.count(Verdict.ACCEPT) != path.packets() || path.flows() != FLOWS) {
                throw new IllegalStateException(
                        "%,d packets, %,d accepted, %,d flows"
                                .formatted(
                                        path.packets(), path.count(Verdict.ACCEPT), path.flows()));
            }
        }
    }

    @Benchmark
    public long first(First s) {
        int i = s.next == s.packets.count() ? 0 : s.next;
        s.next = i + 1;
        s.now += First.STEP;
        return s.path.process(s.packets, i, s.now);
    }

    @Benchmark
    public long established(Established s) {
        int i = s.next == s.packets.count() ? 0 : s.next;
        s.next = i + 1;
        s.now += 1000;
        return s.path.process(s.packets, i, s.now);
    }
}
