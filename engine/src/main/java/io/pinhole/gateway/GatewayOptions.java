package io.pinhole.gateway;

import io.pinhole.path.PathOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a gateway runs, besides its rules.
 *
 * @param path what holds for each shard's path; limits are divided by their number
 * @param firstQueue number of the first NFQUEUE
 * @param queues how many, each with a shard of its own
 * @param failOpen whether packets that cannot be judged pass
 * @param offload which connections the kernel carries once they are established
 * @param mark bit of the packet and connection mark that says "the kernel carries it"; the next
 *     lower bit is used on packets on their way
 * @param bufferBytes of each queue's or port's socket
 * @param recording where to keep what was judged, null for nowhere
 * @param snapshot where flows are kept over a restart in bridge mode, null for nowhere
 * @param passArp bridge mode: whether ARP passes
 */
public record GatewayOptions(
        PathOptions path,
        int firstQueue,
        int queues,
        boolean failOpen,
        Offload offload,
        int mark,
        int bufferBytes,
        @Nullable Recording recording,
        @Nullable Path snapshot,
        boolean passArp) {
    /** Which connections leave the engine once they are established. */
    public enum Offload {
        /** None: every packet is judged. */
        NONE,
        /** FTP data connections that came through a pinhole. */
        DATA,
        /** Every TCP connection that no helper or observer reads. */
        ALL
    }

    /**
     * Where and how much to record.
     *
     * @param fileBytes after which a new file begins
     * @param files kept at most; the oldest goes
     */
    public record Recording(Path folder, long fileBytes, int files) {}

    /** The mark that says that the kernel's own tracking finds a packet invalid. */
    int invalidMark() {
        return mark >>> 1;
    }

    GatewayOptions withQueues(int number) {
        return new GatewayOptions(
                path,
                firstQueue,
                number,
                failOpen,
                offload,
                mark,
                bufferBytes,
                recording,
                snapshot,
                passArp);
    }
}
