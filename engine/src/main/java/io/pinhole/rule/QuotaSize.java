package io.pinhole.rule;

/**
 * {@code quota [over|until] 10 mbytes [used 3 mbytes]}.
 *
 * @param over true if it matches above the quota
 */
public record QuotaSize(long bytes, long used, boolean over) {}
