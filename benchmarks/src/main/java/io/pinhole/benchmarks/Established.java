package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.CtState;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Locale;

/**
 * {@link EstablishedBenchmark} by processor time in short windows, for machines that are not quiet:
 * the least of many windows is hardly touched by what else runs.
 */
public final class Established {
    private static final int BATCH = 1024;
    private static final int WINDOW = 64;
    private static final int WINDOWS = 400;
    private static final long STEP = 1000;

    private Established() {}

    /** Numbers of flows, by default 10,000, 100,000 and 1,000,000. */
    public static void main(String[] arguments) {
        String[] counts =
                arguments.length > 0 ? arguments : new String[] {"10000", "100000", "1000000"};
        System.out.printf("%12s %10s %10s%n", "flows", "least ns", "median ns");
        for (String count : counts) {
            int flows = Integer.parseInt(count);
            double[] each = run(flows);
            System.out.printf(
                    Locale.ROOT, "%,12d %10.0f %10.0f%n", flows, each[0], each[each.length / 2]);
        }
    }

    private static double[] run(int flows) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        double[] each = new double[WINDOWS];
        try (BatchedPath path = new BatchedPath(Rules.load("office"), 2 * flows)) {
            PacketArray.Load load = PacketArray.established(flows, 1 << 21, 1);
            path.process(load.opening(), 0, load.opening().count(), 0, 0);
            PacketArray traffic = load.traffic();
            long now = 0;
            int next = 0;
            for (int w = 0; w < WINDOWS; w++) {
                long begun = threads.getCurrentThreadCpuTime();
                for (int k = 0; k < WINDOW; k++) {
                    int i = next + BATCH > traffic.count() ? 0 : next;
                    next = i + BATCH;
                    path.process(traffic, i, BATCH, now, STEP);
                    now += BATCH * STEP;
                }
                double took = threads.getCurrentThreadCpuTime() - begun;
                each[w] = took / (WINDOW * (double) BATCH);
            }
            if (path.packets() - path.count(CtState.ESTABLISHED) != flows) {
                throw new IllegalStateException("packets that are not of established flows");
            }
        }
        double[] late = Arrays.copyOfRange(each, WINDOWS / 2, WINDOWS); // behind the JIT
        Arrays.sort(late);
        return late;
    }
}
