/**
 * Sets of packets, exactly: decision diagrams over the bits that rules can read, and what a rule
 * set does with each of them.
 *
 * <p>In: a rule set's model. Out: sets of packets, witnesses, regions that people can read. Knows
 * nothing of captures, scenarios or files, and never runs a packet through the path: what it says
 * is checked there by others.
 */
@NullMarked
package io.pinhole.validate.space;

import org.jspecify.annotations.NullMarked;
