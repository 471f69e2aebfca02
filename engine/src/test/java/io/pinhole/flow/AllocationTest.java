package io.pinhole.flow;

import static io.pinhole.decode.PacketBytes.ipv4;
import static io.pinhole.decode.PacketBytes.tcp;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** What happens for each packet leaves nothing to collect once pools are filled. */
class AllocationTest {
    private static final int ROUNDS = 10_000;

    // What the measurement and the JIT themselves may take.
    private static final long NOISE = 100_000;

    @Test
    void reassemblyOfDatagramsAllocatesNothing() {
        MemorySegment first = segment(ipv4("10.0.0.1", "10.0.0.2", 17, 1, 0x2000, new byte[1480]));
        MemorySegment last = segment(ipv4("10.0.0.1", "10.0.0.2", 17, 1, 185, new byte[600]));
        PacketView view = new PacketView();
        long[] lost = {0};
        Fragments fragments =
                new Fragments(1 << 20, 64, 1000, (why, position, length) -> lost[0]++);
        assertAllocatesNothing(
                i -> {
                    view.wrap(first, 0, 1500, 1500, LinkType.RAW);
                    fragments.add(view, 1500, i, i);
                    if (i % 3 != 0) {
                        view.wrap(last, 0, 620, 620, LinkType.RAW);
                        fragments.add(view, 620, i, i);
                    }
                });
        assertThat(lost[0]).isZero();
    }

    @Test
    void readingAStreamInOrderAllocatesNothing() {
        MemorySegment packet =
                segment(ipv4("10.0.0.1", "10.0.0.2", 6, 1, 0, tcp(1, 21, 24, 1, 1, new byte[60])));
        long[] read = {0};
        StreamReassembler.Sink sink =
                new StreamReassembler.Sink() {
                    @Override
                    public void data(MemorySegment data, long offset, int length, long position) {
                        read[0] += length;
                    }

                    @Override
                    public void gap(Anomaly why, int length, long position) {
                        read[0] = Long.MIN_VALUE;
                    }

                    @Override
                    public void anomaly(Anomaly kind, long position) {
                        read[0] = Long.MIN_VALUE;
                    }
                };
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(1 << 20), 65_536);
        stream.start(0);
        PacketView view = new PacketView();
        int[] sequence = {0};
        assertAllocatesNothing(
                i -> {
                    view.wrap(packet, 0, 100, 100, LinkType.RAW);
                    if (Checksums.transport(view) == Checksums.Result.GOOD) {
                        throw new AssertionError("the checksum is missing");
                    }
                    stream.segment(
                            sequence[0],
                            view.data(),
                            view.payloadStart(),
                            view.payloadCaptured(),
                            view.payloadLength(),
                            i,
                            sink);
                    sequence[0] += 60;
                    if (i % 4 != 0) {
                        stream.acknowledged(sequence[0], i, sink);
                    }
                });
        assertThat(read[0]).isEqualTo(60L * 2 * ROUNDS);
    }

    private interface Step {
        void run(int i);
    }

    private static void assertAllocatesNothing(Step step) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int i = 0; i < ROUNDS; i++) {
            step.run(i);
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = ROUNDS; i < 2 * ROUNDS; i++) {
            step.run(i);
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(NOISE);
    }

    private static MemorySegment segment(byte[] bytes) {
        return Arena.ofAuto().allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }
}
