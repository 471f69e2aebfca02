package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;
import java.util.TreeMap;

/**
 * One end of a simulated TCP connection. Numbers are relative to the initial sequence numbers: 0 is
 * the SYN, 1 the first byte.
 */
final class TcpEnd {
    static final int FIN = 0x01;
    static final int SYN = 0x02;
    static final int RST = 0x04;
    static final int PSH = 0x08;
    static final int ACK = 0x10;

    static final int WINDOW = 64_240;

    /** From this end to the other. */
    final FlowKey flow;

    final int initial;

    /** What it sends next. */
    long next;

    /** Where the text it said last began. */
    long lastSaid;

    /** All below arrived from the other end. */
    long received;

    /** What arrived beyond a gap: begin to end. */
    private final TreeMap<Long, Long> beyond = new TreeMap<>();

    TcpEnd(FlowKey flow, int initial) {
        this.flow = flow;
        this.initial = initial;
    }

    /** A segment came to the other end: sequence numbers from begin to end. */
    void sent(long begin, long end) {
        if (begin <= next) {
            next = Math.max(next, end);
        }
    }

    /** A segment of the other end came here. */
    void arrived(long begin, long end) {
        if (begin > received) {
            beyond.merge(begin, end, Math::max);
            return;
        }
        received = Math.max(received, end);
        while (!beyond.isEmpty() && beyond.firstKey() <= received) {
            received = Math.max(received, beyond.pollFirstEntry().getValue());
        }
    }
}
