package io.pinhole.benchmarks;

import io.pinhole.capture.SystemMemory;
import io.pinhole.core.IpAddress;
import io.pinhole.flow.FlowTable;
import java.util.Locale;

/**
 * Fills a flow table with IPv4 flows and tells how fast, in how much memory, and how long single
 * insertions took: a table that stops to grow shows there.
 */
public final class Growth {
    private static final int TCP = 6;
    private static final long MICROSECOND = 1000;

    private Growth() {}

    /** The number of flows, by default ten million. */
    public static void main(String[] arguments) {
        int flows = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 10_000_000;
        SystemMemory.prepare(); // as the gateway does at start
        long[] histogram = new long[32];
        long longest = 0;
        try (FlowTable table =
                new FlowTable(
                        false, flows, 0x5eed, SystemMemory::reserve, (t, flow, expired) -> {})) {
            long begun = System.nanoTime();
            long last = begun;
            for (int n = 0; n < flows; n++) {
                long flow =
                        table.prepare(
                                TCP,
                                0,
                                IpAddress.mapped(0x0a00_0000 | n & 0xff_ffff),
                                1024 + (n >>> 24),
                                0,
                                IpAddress.mapped(0xc613_0000 | n % 1000),
                                443);
                table.deadline(flow, Long.MAX_VALUE);
                table.insert();
                long now = System.nanoTime();
                long took = now - last;
                last = now;
                longest = Math.max(longest, took);
                histogram[64 - Long.numberOfLeadingZeros(took / MICROSECOND)]++;
            }
            double seconds = (last - begun) / 1e9;
            System.out.printf(
                    Locale.ROOT,
                    "%,d flows in %.2f s: %.2f M/s; %,d bytes, %d a flow; longest %.3f ms%n",
                    flows,
                    seconds,
                    flows / seconds / 1e6,
                    table.memoryBytes(),
                    table.memoryBytes() / flows,
                    longest / 1e6);
            for (int i = 0; i < histogram.length; i++) {
                if (histogram[i] > 0) {
                    System.out.printf(Locale.ROOT, "  below %,7d us: %,d%n", 1L << i, histogram[i]);
                }
            }
        }
    }
}
