package io.pinhole.path;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads of a run's lanes: each judges every batch, its own packets of it, in the order in
 * which batches are submitted. Owned by the thread that submits.
 */
final class Workers implements AutoCloseable {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long[] judged;
    private int running;
    private long submitted;
    private boolean closed;
    private @Nullable Throwable failure;

    /**
     * @param before batches that were judged already
     */
    Workers(Lane[] lanes, PacketBatch[] ring, long before) {
        judged = new long[lanes.length];
        running = lanes.length;
        for (int i = 0; i < lanes.length; i++) {
            int lane = i;
            judged[i] = before;
            Thread thread =
                    new Thread(() -> work(lane, lanes[lane], ring, before), "pinhole-lane-" + i);
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void work(int index, Lane lane, PacketBatch[] ring, long before) {
        try {
            for (long next = before; waitFor(next); next++) {
                lane.judge(ring[(int) (next % ring.length)]);
                finished(index);
            }
            left(null);
        } catch (RuntimeException | Error e) {
            left(e);
        }
    }

    private boolean waitFor(long batch) {
        lock.lock();
        try {
            while (submitted <= batch && !closed) {
                changed.awaitUninterruptibly();
            }
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private void finished(int lane) {
        lock.lock();
        try {
            judged[lane]++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** A lane's thread ends. */
    private void left(@Nullable Throwable why) {
        lock.lock();
        try {
            failure = why == null ? failure : why;
            running--;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** So many batches in all may be judged. */
    void submitted(long batches) {
        lock.lock();
        try {
            submitted = batches;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** So many batches have been judged by every lane. */
    long judged() {
        lock.lock();
        try {
            if (failure != null) {
                throw new IllegalStateException("a lane failed", failure);
            }
            long least = Long.MAX_VALUE;
            for (long n : judged) {
                least = Math.min(least, n);
            }
            return least;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until so many batches have been judged by every lane. */
    void await(long batches) {
        lock.lock();
        try {
            while (judged() < batches) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Ends the threads; batches that were not judged stay so. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
            while (running > 0) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }
}
