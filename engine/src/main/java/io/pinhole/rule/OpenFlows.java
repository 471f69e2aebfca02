package io.pinhole.rule;

import io.pinhole.decode.PacketView;
import java.util.Arrays;

/**
 * The connections that one {@code ct count} has seen and that may still be open, as nf_conncount.c
 * keeps them: by the addresses and ports of their original direction, each once. Who has ended is
 * found out when it matters, that is when there are more than the limit.
 */
final class OpenFlows {
    /** Source, destination, and ports above protocol above IP version; then the flow's name. */
    private static final int WORDS = 6;

    private static final int FIRST = 4;

    /** Longer lists are looked through at most once a jiffy, as the kernel does with all. */
    private static final int SHORT = 64;

    private static final long JIFFY_NANOS = 4_000_000;

    private final LivingSet.Room room;
    private long[] flows = new long[FIRST * WORDS];
    // By hash: index of a flow plus one. Twice as long as there is room for flows.
    private int[] table = new int[FIRST * 2];
    private int count;
    private long cleanedAt = Long.MIN_VALUE;

    OpenFlows(LivingSet.Room room) {
        this.room = room;
    }

    int count() {
        return count;
    }

    /**
     * Counts the packet's connection among those seen.
     *
     * @param most how many are no reason to look who has ended
     * @return how many there are then; -1 if it has no ports to be known by, or there is no room
     */
    int add(PacketFacts facts, long most) {
        long sourceHigh = facts.originalSourceHigh;
        long sourceLow = facts.originalSourceLow;
        long destinationHigh = facts.originalDestinationHigh;
        long destinationLow = facts.originalDestinationLow;
        int sourcePort = facts.originalSourcePort;
        int destinationPort = facts.originalDestinationPort;
        PacketView packet = facts.packet;
        if (!facts.hasFlow) {
            if (packet.fragmentOffset() != 0 || packet.transportCaptured() < needed(packet)) {
                return -1;
            }
            sourceHigh = packet.sourceHigh();
            sourceLow = packet.sourceLow();
            destinationHigh = packet.destinationHigh();
            destinationLow = packet.destinationLow();
            sourcePort = packet.sourcePort();
            destinationPort = packet.destinationPort();
        }
        long ports = (long) (sourcePort << 16 | destinationPort & 0xffff) << 32;
        long kind = ports | (long) packet.protocol() << 8 | packet.ipVersion();
        long flow = facts.hasFlow ? facts.flow : -1;
        int at = place(sourceHigh, sourceLow, destinationHigh, destinationLow, kind);
        while (table[at] != 0) {
            int known = (table[at] - 1) * WORDS;
            if (flows[known] == sourceHigh
                    && flows[known + 1] == sourceLow
                    && flows[known + 2] == destinationHigh
                    && flows[known + 3] == destinationLow
                    && flows[known + 4] == kind) {
                // An invalid packet between the same ends does not end the connection.
                flows[known + 5] = flow < 0 ? flows[known + 5] : flow;
                return count > most ? clean(facts, known / WORDS) : count;
            }
            at = at + 1 & table.length - 1;
        }
        if (!room.take() && (clean(facts, -1) < 0 || !room.take())) {
            return -1;
        }
        if (count * WORDS == flows.length) {
            flows = Arrays.copyOf(flows, flows.length * 2);
            table = new int[count * 4];
            index();
        }
        int to = count * WORDS;
        flows[to] = sourceHigh;
        flows[to + 1] = sourceLow;
        flows[to + 2] = destinationHigh;
        flows[to + 3] = destinationLow;
        flows[to + 4] = kind;
        flows[to + 5] = flow;
        enter(count++);
        return count > most ? clean(facts, count - 1) : count;
    }

    /** nf_ct_get_tuple: what must be there of the transport header. */
    private static int needed(PacketView packet) {
        return switch (packet.protocol()) {
            case PacketView.TCP, PacketView.UDP -> 4;
            case PacketView.ICMP, PacketView.ICMPV6 -> 8;
            default -> 0;
        };
    }

    /**
     * Forgets who has ended.
     *
     * @param current the flow of the packet, which counts in any case; -1 for none
     * @return how many are left
     */
    private int clean(PacketFacts facts, int current) {
        long now = facts.timeNanos;
        if (count > SHORT && cleanedAt != Long.MIN_VALUE && now - cleanedAt < JIFFY_NANOS) {
            return count;
        }
        cleanedAt = now;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (i == current || isOpen(facts, i)) {
                System.arraycopy(flows, i * WORDS, flows, kept * WORDS, WORDS);
                kept++;
            } else {
                room.give();
            }
        }
        if (kept < count) {
            count = kept;
            Arrays.fill(table, 0);
            index();
        }
        return count;
    }

    /** True if nobody is left; forgets who has ended. */
    boolean isIdle(PacketFacts facts) {
        return clean(facts, -1) == 0;
    }

    private boolean isOpen(PacketFacts facts, int i) {
        int at = i * WORDS;
        long kind = flows[at + 4];
        return flows[at + 5] >= 0
                && facts.flows.isOpen(
                        flows[at + 5],
                        (int) kind & 0xff,
                        (int) (kind >>> 8) & 0xff,
                        flows[at],
                        flows[at + 1],
                        flows[at + 2],
                        flows[at + 3],
                        (int) (kind >>> 32),
                        facts.timeNanos);
    }

    /** Forgets all. */
    void clear() {
        for (int i = 0; i < count; i++) {
            room.give();
        }
        count = 0;
        cleanedAt = Long.MIN_VALUE;
        Arrays.fill(table, 0);
    }

    private void index() {
        for (int i = 0; i < count; i++) {
            enter(i);
        }
    }

    private void enter(int i) {
        int at = i * WORDS;
        int to = place(flows[at], flows[at + 1], flows[at + 2], flows[at + 3], flows[at + 4]);
        while (table[to] != 0) {
            to = to + 1 & table.length - 1;
        }
        table[to] = i + 1;
    }

    private int place(long a, long b, long c, long d, long e) {
        long h = SetCode.mix(SetCode.mix(SetCode.mix(SetCode.mix(SetCode.mix(0, a), b), c), d), e);
        return SetCode.spread(h) & table.length - 1;
    }
}
