package io.pinhole.path;

import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import io.pinhole.rule.RuleProgram;

/**
 * What rules have just dropped as the first packet of a flow, by 5-tuple: most packets that a
 * firewall keeps out come again and again, and are a first packet each time because they enter no
 * flow table. Bounded: a later one takes the place of an earlier one. Changes no verdict.
 *
 * <p>Only packets whose ct state is new whatever else is in them: UDP datagrams, and TCP segments
 * that are neither the beginning nor the end of anything, which the tracker takes for a flow whose
 * beginning it has not seen.
 */
final class KnownDrops {
    private static final int ENTRIES = 2048;
    private static final int WORDS = 6;
    private static final int MEMO = 5;

    /** Entries of six words: source, destination, ports and protocol, memo. Empty at first. */
    private long[] words = {};

    /** Whether a packet is of the kind that is remembered here. */
    static boolean mayBe(PacketView p) {
        return switch (p.protocol()) {
            case PacketView.TCP -> p.isPlainSegment();
            case PacketView.UDP -> p.isPlainDatagram() && !Scope.isTunnel(p);
            default -> false;
        };
    }

    /**
     * What the rules remember of a packet with this 5-tuple.
     *
     * @param fingerprint what the flow table would find it by
     */
    int memo(PlainPacket p, int fingerprint) {
        if (words.length == 0) {
            return RuleProgram.NO_MEMO;
        }
        int at = place(p.sourcePort(), fingerprint);
        boolean same =
                words[at + 4]
                                == portsAndProtocol(
                                        p.sourcePort(), p.destinationPort(), p.protocol(), p.isV6())
                        && words[at + 1] == p.sourceLow()
                        && words[at + 3] == p.destinationLow()
                        && words[at] == p.sourceHigh()
                        && words[at + 2] == p.destinationHigh();
        return same ? (int) words[at + MEMO] : RuleProgram.NO_MEMO;
    }

    /** Remembers a packet that {@link #mayBe}. */
    void put(PacketView p, int fingerprint, int memo) {
        if (words.length == 0) {
            words = new long[ENTRIES * WORDS];
        }
        int at = place(p.sourcePort(), fingerprint);
        words[at] = p.sourceHigh();
        words[at + 1] = p.sourceLow();
        words[at + 2] = p.destinationHigh();
        words[at + 3] = p.destinationLow();
        words[at + 4] =
                portsAndProtocol(p.sourcePort(), p.destinationPort(), p.protocol(), !p.isV4());
        words[at + MEMO] = memo;
    }

    /** The fingerprint is that of both directions, which must not push each other out. */
    private static int place(int sourcePort, int fingerprint) {
        return (fingerprint + sourcePort & ENTRIES - 1) * WORDS;
    }

    private static long portsAndProtocol(
            int sourcePort, int destinationPort, int protocol, boolean v6) {
        return (long) sourcePort << 48
                | (long) destinationPort << 32
                | protocol << 8
                | (v6 ? 6 : 4);
    }
}
