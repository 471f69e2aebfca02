package io.pinhole.capture;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Address space from mmap(2): only what is touched takes memory, in huge pages where the host gives
 * them (madvise(2), MADV_HUGEPAGE; from the second one on, so that a small table stays small).
 */
public final class SystemMemory {
    private static final int PROT_READ_WRITE = 1 | 2;
    private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x02 | 0x20 | 0x4000;
    private static final int MADV_HUGEPAGE = 14;
    private static final long MAP_FAILED = -1;
    private static final long HUGE_PAGE = 2 << 20;

    private SystemMemory() {}

    /** Linked at first use: a run with small tables never needs it. */
    private static final class Calls {
        private static final MethodHandle MMAP =
                link(
                        "mmap",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG));
        private static final MethodHandle MUNMAP =
                link(
                        "munmap",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG));
        private static final MethodHandle MADVISE =
                link(
                        "madvise",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT));

        private static MethodHandle link(String name, FunctionDescriptor type) {
            Linker linker = Linker.nativeLinker();
            SymbolLookup symbols = linker.defaultLookup();
            return linker.downcallHandle(symbols.findOrThrow(name), type);
        }
    }

    /** Links the calls at start: the first {@link #reserve} amid packets would else take 65 ms. */
    public static void prepare() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ignored = reserve(HUGE_PAGE, arena);
        }
    }

    /**
     * Reserves address space that reads as zeros.
     *
     * @param arena unmaps it when closed
     * @return aligned to 2 MiB; null if the host gives none
     */
    public static @Nullable MemorySegment reserve(long bytes, Arena arena) {
        try {
            long length = bytes + HUGE_PAGE;
            long start =
                    (long)
                            Calls.MMAP.invokeExact(
                                    0L,
                                    length,
                                    PROT_READ_WRITE,
                                    MAP_PRIVATE_ANONYMOUS_NORESERVE,
                                    -1,
                                    0L);
            if (start == MAP_FAILED) {
                return null;
            }
            long aligned = start + HUGE_PAGE - 1 & -HUGE_PAGE;
            if (bytes > HUGE_PAGE) {
                // Refused where the kernel has none; then these are small pages.
                int ignored =
                        (int)
                                Calls.MADVISE.invokeExact(
                                        aligned + HUGE_PAGE, bytes - HUGE_PAGE, MADV_HUGEPAGE);
            }
            return MemorySegment.ofAddress(aligned)
                    .reinterpret(bytes, arena, segment -> unmap(start, length));
        } catch (NoSuchElementException | UnsupportedOperationException | LinkageError e) {
            return null; // not Linux
        } catch (Throwable t) {
            throw new IllegalStateException(t); // invokeExact declares it, the calls throw nothing
        }
    }

    private static void unmap(long start, long length) {
        try {
            int ignored = (int) Calls.MUNMAP.invokeExact(start, length);
        } catch (Throwable t) {
            throw new IllegalStateException(t); // as above
        }
    }
}
