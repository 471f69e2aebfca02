package io.pinhole.report;

import io.pinhole.core.FlowKey;
import org.jspecify.annotations.Nullable;

/** Says whose packet the current one is, so that a report need not ask for every packet. */
@FunctionalInterface
public interface FlowSource {
    /** The current packet's 5-tuple in its own direction; null if it has none (ARP, damaged). */
    @Nullable FlowKey flow();
}
