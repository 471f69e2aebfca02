package io.pinhole.rule;

/**
 * {@code limit rate [over] 10/second [burst 5 packets]}.
 *
 * @param bytes true if it counts bytes, false for packets
 * @param amount packets or bytes for each unit, at least 1
 * @param unitSeconds 1, 60, 3600, 86400 or 604800
 * @param burst packets or bytes on top
 * @param over true if it matches above the rate
 */
public record LimitRate(boolean bytes, long amount, long unitSeconds, long burst, boolean over) {}
