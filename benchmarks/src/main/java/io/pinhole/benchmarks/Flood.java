package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.CtState;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Locale;

/**
 * What packets of established flows cost while a flood of SYNs, each of a flow of its own, goes
 * through a flow table that is much too small for it: processor time, medians of batches.
 */
public final class Flood {
    private static final int TABLE = 1 << 20;
    private static final int ESTABLISHED = 10_000;
    private static final int BATCH = 1024;
    private static final long STEP = 1000;

    // Ethernet, then IPv4 without options, then TCP.
    private static final int IP_CHECKSUM = 14 + 10;
    private static final int SOURCE = 14 + 12;
    private static final int SOURCE_PORT = 14 + 20;

    private static final ValueLayout.OfInt I32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final BatchedPath path = new BatchedPath(Rules.load("office"), TABLE);
    private final PacketArray.Load load = PacketArray.established(ESTABLISHED, 1 << 20, 1);
    private final PacketArray syns = PacketArray.first(BATCH, 2);
    private long now;
    private int next;
    private int source = 0x0b00_0000;

    private Flood() {
        path.process(load.opening(), 0, load.opening().count(), now, 0);
    }

    /** The number of SYNs, by default twenty million. */
    public static void main(String[] arguments) {
        long flood = arguments.length > 0 ? Long.parseLong(arguments[0]) : 20_000_000;
        Flood run = new Flood();
        run.established(4000); // for the JIT
        double before = run.established(2000);
        double during = run.flooded(flood);
        double after = run.established(2000);
        long known = run.path.count(CtState.ESTABLISHED);
        System.out.printf(
                Locale.ROOT,
                "%,d flows at most, %,d established, %,d SYNs%n"
                        + "established packet: %.0f ns before, %.0f ns during, %.0f ns after%n"
                        + "%,d flows in the table, %,d packets told to be established%n",
                TABLE,
                ESTABLISHED,
                flood,
                before,
                during,
                after,
                run.path.flows(),
                known);
    }

    private double established(int batches) {
        double[] each = new double[batches];
        for (int i = 0; i < batches; i++) {
            each[i] = one();
        }
        return median(each);
    }

    private double flooded(long flood) {
        int batches = (int) (flood / BATCH);
        double[] each = new double[batches];
        for (int i = 0; i < batches; i++) {
            for (int k = 0; k < BATCH; k++) {
                long at = syns.offset(k);
                syns.data().set(I16, at + IP_CHECKSUM, (short) 0); // as if left to the card
                syns.data().set(I32, at + SOURCE, source++);
                syns.data().set(I16, at + SOURCE_PORT, (short) (1024 + k));
            }
            path.process(syns, 0, BATCH, now, STEP);
            now += BATCH * STEP;
            each[i] = one();
        }
        return median(each);
    }

    private double one() {
        int i = next + BATCH > load.traffic().count() ? 0 : next;
        next = i + BATCH;
        long begun = threads.getCurrentThreadCpuTime();
        path.process(load.traffic(), i, BATCH, now, STEP);
        now += BATCH * STEP;
        return (threads.getCurrentThreadCpuTime() - begun) / (double) BATCH;
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
