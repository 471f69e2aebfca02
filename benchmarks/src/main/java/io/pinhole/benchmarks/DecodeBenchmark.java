package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
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
import org.openjdk.jmh.annotations.Warmup;

/** Headers of one packet: Ethernet, IPv4, TCP with time stamps, in the order of a file. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 2,
        jvmArgsAppend = {"-Xmx3g", "-XX:+UseSerialGC"})
public class DecodeBenchmark {
    private static final int PACKETS = 1 << 21;

    private final PacketView view = new PacketView();
    private final PlainPacket plain = new PlainPacket();
    private PacketArray packets = PacketArray.first(1, 1);
    private int next;

    @Setup
    public void setup() {
        packets = PacketArray.established(100_000, PACKETS, 1).traffic();
    }

    @Benchmark
    public long wrap() {
        int i = next == packets.count() ? 0 : next;
        next = i + 1;
        int length = packets.length(i);
        var bad = view.wrap(packets.data(), packets.offset(i), length, length, LinkType.ETHERNET);
        // Something of each header, so that none can be left out.
        return bad.ordinal() + view.sourceLow() + view.destinationPort() + view.tcpSequence();
    }

    /** The same packet as one that is plain. */
    @Benchmark
    public long plain() {
        int i = next == packets.count() ? 0 : next;
        next = i + 1;
        int length = packets.length(i);
        if (!plain.read(packets.data(), packets.offset(i), length, length, LinkType.ETHERNET)) {
            throw new IllegalStateException("packet " + i + " is not plain");
        }
        return plain.sourceLow() + plain.destinationPort() + plain.tcpSequence();
    }
}
