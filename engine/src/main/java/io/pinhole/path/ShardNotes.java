package io.pinhole.path;

import io.pinhole.core.FlowKey;
import org.jspecify.annotations.Nullable;

/** What one shard must let the others know; each call concerns the packet being judged. */
interface ShardNotes {
    /** For a path that is alone. */
    ShardNotes ALONE =
            new ShardNotes() {
                @Override
                public void sessionBegun(long number) {}

                @Override
                public void opened(Pinhole.Permission permission) {}

                @Override
                public void closed(Pinhole.Permission permission) {}

                @Override
                public void refused(RefusedTarget target) {}

                @Override
                public void forgotten(RefusedTarget target) {}

                @Override
                public void datagram(FlowKey key) {}

                @Override
                public void knock(@Nullable FlowKey key) {}
            };

    /** A session got its number. */
    void sessionBegun(long number);

    /** A pinhole waits from now on. */
    void opened(Pinhole.Permission permission);

    /** A pinhole was used, or taken away. */
    void closed(Pinhole.Permission permission);

    /** An end point of a third host was announced and refused. */
    void refused(RefusedTarget target);

    /** Its session is over. */
    void forgotten(RefusedTarget target);

    /** The packet completes a datagram that does not pass, with this 5-tuple. */
    void datagram(FlowKey key);

    /**
     * The packet would begin a connection, and no pinhole of this shard has to do with it.
     *
     * @param key null if it is the batch's packet as it lies there
     */
    void knock(@Nullable FlowKey key);
}
