package io.pinhole.core;

/**
 * Bytes that many owners share, so that all of them together stay bounded although each alone may
 * be large. Owned by one thread. Counts; allocates nothing.
 */
public final class MemoryBudget {
    /** What one owner has taken, the first {@code allowance} bytes of it at nobody's cost. */
    public final class Account {
        private final int allowance;
        private long taken;

        private Account(int allowance) {
            this.allowance = allowance;
        }

        private long charged(long bytes) {
            return Math.max(0, bytes - allowance);
        }

        /**
         * @return false, and nothing taken, if the budget does not allow it
         */
        public boolean take(int bytes) {
            if (!has(bytes)) {
                return false;
            }
            used += charged(taken + bytes) - charged(taken);
            taken += bytes;
            return true;
        }

        /** True if so many bytes could be taken now. */
        public boolean has(int bytes) {
            return limit - used >= charged(taken + bytes) - charged(taken);
        }

        /** Gives back bytes that were taken; never more than are. */
        public void give(int bytes) {
            long given = Math.min(bytes, taken);
            used -= charged(taken) - charged(taken - given);
            taken -= given;
        }

        /** Gives back everything. */
        public void close() {
            used -= charged(taken);
            taken = 0;
        }
    }

    private final long limit;
    private long used;

    /**
     * @param limit in bytes
     */
    public MemoryBudget(long limit) {
        this.limit = limit;
    }

    /** An owner that shares with nobody and may take any amount. */
    public static Account unlimited() {
        return new MemoryBudget(Long.MAX_VALUE).open(0);
    }

    /**
     * @param allowance bytes that this owner may take whatever the others took
     */
    public Account open(int allowance) {
        return new Account(allowance);
    }

    /** Bytes taken by all owners together, their allowances not counted. */
    public long used() {
        return used;
    }
}
