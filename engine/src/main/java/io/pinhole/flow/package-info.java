/**
 * Packets in, flows out: what a packet belongs to, and whether it fits.
 *
 * <p>Holds the flow table, the TCP tracker, the reassembly of datagrams from fragments and of
 * control streams from segments, and their timers. Time comes with each packet. Knows nothing of
 * FTP, of rules or of where packets come from; every table has a limit and says what happens at it.
 */
@NullMarked
package io.pinhole.flow;

import org.jspecify.annotations.NullMarked;
