package io.pinhole.rule;

import java.util.Arrays;

/**
 * Packets and bytes of every rule and every {@code counter} of one program, by number. Numbers are
 * given out at compile time; counting is two additions.
 */
final class Tally {
    private long[] packets = new long[64];
    private long[] bytes = new long[64];
    private int size;

    /** A new counter that starts from these values. */
    int add(long startPackets, long startBytes) {
        if (size == packets.length) {
            packets = Arrays.copyOf(packets, size * 2);
            bytes = Arrays.copyOf(bytes, size * 2);
        }
        packets[size] = startPackets;
        bytes[size] = startBytes;
        return size++;
    }

    void count(int counter, long length) {
        packets[counter]++;
        bytes[counter] += length;
    }

    void credit(int counter, long morePackets, long moreBytes) {
        packets[counter] += morePackets;
        bytes[counter] += moreBytes;
    }

    /** Adds what another instance of the same program counted beyond what it started from. */
    void addAll(Tally other, Tally start) {
        for (int i = 0; i < size; i++) {
            packets[i] += other.packets[i] - start.packets[i];
            bytes[i] += other.bytes[i] - start.bytes[i];
        }
    }

    long packets(int counter) {
        return packets[counter];
    }

    long bytes(int counter) {
        return bytes[counter];
    }
}
