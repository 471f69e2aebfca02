package io.pinhole.path;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Numbers objects so that an entry of a flow table can name one. Owned by one thread. */
final class Registry<T> {
    private @Nullable Object[] items = new Object[64];
    private int[] free = new int[64];
    private int freeCount;
    private int used;

    /** Stores an item; its index is not given to another until {@link #free}. */
    int add(T item) {
        int index;
        if (freeCount > 0) {
            index = free[--freeCount];
        } else {
            if (used == items.length) {
                items = Arrays.copyOf(items, used * 2);
            }
            index = used++;
        }
        items[index] = item;
        return index;
    }

    @SuppressWarnings("unchecked") // only add() stores, and it stores T
    @Nullable T get(int index) {
        return (T) items[index];
    }

    /** Forgets the item but keeps its index, because a flow still names it. */
    void clear(int index) {
        items[index] = null;
    }

    void free(int index) {
        items[index] = null;
        if (freeCount == free.length) {
            free = Arrays.copyOf(free, freeCount * 2);
        }
        free[freeCount++] = index;
    }

    /** One past the highest index in use. */
    int end() {
        return used;
    }
}
