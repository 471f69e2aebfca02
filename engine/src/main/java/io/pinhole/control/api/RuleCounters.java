package io.pinhole.control.api;

/**
 * A rule and what it matched, offloaded packets not counted.
 *
 * @param place {@code ftp-gateway.nft:14}
 * @param text the rule as written, on one line
 */
public record RuleCounters(String place, String text, long packets, long bytes) {}
