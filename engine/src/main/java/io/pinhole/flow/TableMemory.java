package io.pinhole.flow;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Where large tables get their memory from. */
@FunctionalInterface
public interface TableMemory {
    /** No address space to reserve: tables move to larger memory when they grow. */
    TableMemory PLAIN = (bytes, arena) -> null;

    /**
     * Reserves address space of which only what is touched takes memory; it reads as zeros.
     *
     * @param arena gives it back when closed
     * @return at least 64-byte aligned; null where the host has none to give
     */
    @Nullable MemorySegment reserve(long bytes, Arena arena);
}
