package io.pinhole.rule;

/**
 * How often a rule matched to its end.
 *
 * @param bytes IP packets' lengths, headers included
 */
public record RuleCount(RuleOrigin rule, long packets, long bytes) {}
