package io.pinhole.path;

import io.pinhole.core.Settings;
import java.util.List;

/**
 * The most memory that one path can come to hold, whatever it is sent: one row for each thing that
 * the network can make grow. {@code docs/security.md} shows them for the default settings, and
 * {@code LimitsTest} tries to exceed them.
 *
 * @param what what grows
 * @param most how many there can be
 * @param bytes what each takes, at most
 * @param offHeap not part of the Java heap
 */
public record MemoryBound(String what, long most, long bytes, boolean offHeap) {
    /** An entry of 128 bytes (IPv6: 192), and its part of the index. */
    private static final int FLOW4 = 180;

    private static final int FLOW6 = 244;

    /** A control session with its dialogue (measured 2.2 KiB), and its allowance. */
    static final int SESSION = 2_400 + ControlSession.ALLOWANCE;

    /** A pinhole with announcement, permission and its part of the tables: measured 0.5 KiB. */
    static final int PINHOLE = 640;

    /** A data connection with its pinhole. */
    static final int DATA = PINHOLE + 256;

    private static final int HANDSHAKE = 44;
    private static final int DATAGRAM = 1_280;

    public long total() {
        return most * bytes;
    }

    public static List<MemoryBound> of(Settings settings) {
        Settings.Limits l = settings.limits();
        return List.of(
                new MemoryBound("IPv4 flows", l.flows(), FLOW4, true),
                new MemoryBound("IPv6 flows", l.flows(), FLOW6, true),
                new MemoryBound("IPv4 shadows", 2L * l.controls(), FLOW4, true),
                new MemoryBound("IPv6 shadows", 2L * l.controls(), FLOW6, true),
                new MemoryBound("control sessions", l.controls(), SESSION, false),
                new MemoryBound(
                        "lines and unanswered commands", 1, Sessions.MAX_DIALOGUE_BYTES, false),
                new MemoryBound(
                        "control bytes out of order or unacknowledged",
                        1,
                        Sessions.MAX_STREAM_BYTES,
                        false),
                new MemoryBound(
                        "pinholes, and announcements only observed",
                        2L * l.expectations(),
                        PINHOLE,
                        false),
                new MemoryBound("data connections", l.expectations(), DATA, false),
                new MemoryBound(
                        "handshakes remembered",
                        2L * Handshakes.size(l.controls(), 1),
                        HANDSHAKE,
                        false),
                new MemoryBound("data on SYNs", 2, EarlyData.MAX_BYTES, false),
                new MemoryBound("bytes of fragments", 1, l.fragmentBytes(), false),
                new MemoryBound("incomplete datagrams", l.fragmentDatagrams(), DATAGRAM, false));
    }

    /** Bytes in all of the rows that are off the heap, or that are on it. */
    public static long total(List<MemoryBound> rows, boolean offHeap) {
        return rows.stream()
                .filter(row -> row.offHeap == offHeap)
                .mapToLong(MemoryBound::total)
                .sum();
    }
}
