package io.pinhole.capture.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Waits for sockets, and is woken from other threads by an eventfd. {@link #wake} may be called
 * from any thread; everything else belongs to one.
 */
public final class Waiter implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Sys sys = new Sys(arena);
    private final MemorySegment fds;
    private final int sockets;
    private final int event;
    private final MemorySegment counter = arena.allocate(8, 8);
    private final Object waking = new Object();
    private final Sys wakingSys = new Sys(arena);
    private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_LONG, 1L);
    private boolean closed;

    /**
     * @param descriptors what to wait for, as in {@link NfQueue#descriptor()}
     */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    public Waiter(int... descriptors) throws LinuxException {
        sockets = descriptors.length;
        fds = arena.allocate(8L * (sockets + 1), 8);
        event = sys.eventfd();
        if (event < 0) {
            arena.close();
            throw new LinuxException("cannot create an eventfd", -event);
        }
        for (int i = 0; i <= sockets; i++) {
            fds.set(ValueLayout.JAVA_INT, 8L * i, i < sockets ? descriptors[i] : event);
            fds.set(ValueLayout.JAVA_SHORT, 8L * i + 4, Sys.POLLIN);
        }
    }

    /** Returns when a socket has something, {@link #wake} was called, or the time is over. */
    public void await(int timeoutMillis) {
        if (sys.poll(fds, sockets + 1, timeoutMillis) > 0 && readable(sockets)) {
            sys.read(event, counter);
        }
    }

    /** Whether the socket of that place had something when {@link #await} returned. */
    public boolean readable(int place) {
        return fds.get(ValueLayout.JAVA_SHORT, 8L * place + 6) != 0;
    }

    /** Makes {@link #await} return, now or the next time. */
    public void wake() {
        synchronized (waking) {
            if (!closed) {
                wakingSys.write(event, one);
            }
        }
    }

    @Override
    public void close() {
        synchronized (waking) {
            if (!closed) {
                closed = true;
                sys.close(event);
                arena.close();
            }
        }
    }
}
