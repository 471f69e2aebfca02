package io.pinhole.gateway;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Work for a shard's thread from others; run there between batches. Bounded. */
final class Mailbox {
    private static final int CAPACITY = 256;

    private final ArrayBlockingQueue<Runnable> waiting = new ArrayBlockingQueue<>(CAPACITY);
    private final Runnable wake;
    private volatile boolean closed;

    /**
     * @param wake makes the thread look into the mailbox
     */
    Mailbox(Runnable wake) {
        this.wake = wake;
    }

    /**
     * @return false if the mailbox is full or closed: the work will not be done
     */
    boolean offer(Runnable work) {
        if (closed || !waiting.offer(work)) {
            return false;
        }
        wake.run();
        return true;
    }

    /** Null if the mailbox is full or closed. */
    <T> @Nullable Future<T> ask(Supplier<T> work) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        boolean taken =
                offer(
                        () -> {
                            try {
                                answer.complete(work.get());
                            } catch (RuntimeException e) {
                                answer.completeExceptionally(e);
                            }
                        });
        return taken ? answer : null;
    }

    /** On the shard's thread. */
    void run() {
        Runnable work;
        while ((work = waiting.poll()) != null) {
            work.run();
        }
    }

    /** On the shard's thread: nothing is taken any more; what waits is still run. */
    void close() {
        closed = true;
        run();
    }
}
