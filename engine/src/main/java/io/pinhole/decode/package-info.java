/**
 * Packet bytes in, header fields out: views over memory, re-wrapped for each packet.
 *
 * <p>Knows RFC 791, 8200, 9293, 768, 792, 4443, IEEE 802.1Q and the link-layer types of
 * tcpdump.org. Knows nothing of flows, rules or time. Nothing here allocates or throws for a
 * packet.
 */
@NullMarked
package io.pinhole.decode;

import org.jspecify.annotations.NullMarked;
