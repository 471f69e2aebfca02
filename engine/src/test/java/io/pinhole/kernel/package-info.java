/**
 * Pinhole and the kernel it runs on, given the same rules and packets.
 *
 * <p>Rule sets and packet sequences are generated from a seed or written down as transcripts; a
 * router in a network namespace and a {@link io.pinhole.path.PacketPath} judge them; what they say
 * is compared packet by packet.
 */
package io.pinhole.kernel;
