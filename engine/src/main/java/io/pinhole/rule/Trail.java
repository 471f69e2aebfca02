package io.pinhole.rule;

/**
 * What the rules read of a packet on its way, and which counters it moved: enough to tell whether
 * the next packet of the flow would fare the same. Part of {@link PacketFacts}; one thread.
 */
final class Trail {
    // What was read. Addresses, ports and protocol do not change within a flow and need no bit; ct
    // state and direction are always compared.
    static final int INPUT = 1;
    static final int OUTPUT = 1 << 1;
    static final int MARK = 1 << 2;
    static final int CT_MARK = 1 << 3;
    static final int CT_STATUS = 1 << 4;

    /** TCP flags, by tests whose outcome is known for each of the 256 values. */
    static final int TCP_FLAGS = 1 << 5;

    /** Something of this packet alone, or of all packets together, such as a limit. */
    static final int PER_PACKET = 1 << 6;

    /**
     * A helper or timeout object acts on the flow's first packet only, and a flow that does not
     * come into the table has another id with each packet.
     */
    static final int FIRST_PACKET = 1 << 7;

    // What was written.
    static final int SETS_MARK = 1 << 8;
    static final int SETS_CT_MARK = 1 << 9;

    /** Counters that one walk can hold; a longer one is not remembered. */
    static final int MAX_COUNTERS = 64;

    int bits;
    int length;
    final int[] counters = new int[MAX_COUNTERS];

    /** One bit for each value of the TCP flags that would have gone the same way. */
    final long[] flags = new long[4];

    // As they were when the watch began.
    int mark;
    int ctMark;
    int ctStatus;

    void start(PacketFacts facts) {
        bits = 0;
        length = 0;
        flags[0] = -1;
        flags[1] = -1;
        flags[2] = -1;
        flags[3] = -1;
        mark = facts.mark;
        ctMark = facts.ctMark;
        ctStatus = facts.ctStatus;
    }

    void counted(int counter) {
        if (length < MAX_COUNTERS) {
            counters[length++] = counter;
        } else {
            bits |= PER_PACKET;
        }
    }

    /** A test of the TCP flags came out like this. */
    void narrow(long[] matching, boolean matched) {
        for (int i = 0; i < flags.length; i++) {
            flags[i] &= matched ? matching[i] : ~matching[i];
        }
    }
}
