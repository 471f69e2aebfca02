package io.pinhole.benchmarks.generate;

import java.io.IOException;

/** One thing that happens in a conversation, in packets. Done once, by one conversation. */
interface Act {
    /**
     * Sends the next packet, at most one.
     *
     * @return true if it was the last
     */
    boolean send(Frames frames) throws IOException;

    /** Mean time to the packet after the one just sent, in nanoseconds. */
    long pause();
}
