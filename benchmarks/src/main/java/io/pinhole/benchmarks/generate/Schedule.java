package io.pinhole.benchmarks.generate;

import java.util.Arrays;
import java.util.List;

/** Conversations by when their next packet is due: a binary heap of fixed size. */
final class Schedule {
    private final Conversation[] heap;
    private int size;

    Schedule(int capacity) {
        heap = new Conversation[capacity];
    }

    void add(Conversation c) {
        int at = size++;
        while (at > 0 && c.due < heap[(at - 1) / 2].due) {
            heap[at] = heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        heap[at] = c;
    }

    /** The one whose packet is due first. */
    Conversation first() {
        return heap[0];
    }

    /** Puts another, or the same with a new time, in the place of the first. */
    void replaceFirst(Conversation c) {
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= size) {
                break;
            }
            if (child + 1 < size && heap[child + 1].due < heap[child].due) {
                child++;
            }
            if (c.due <= heap[child].due) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = c;
    }

    List<Conversation> all() {
        return Arrays.asList(heap).subList(0, size);
    }
}
