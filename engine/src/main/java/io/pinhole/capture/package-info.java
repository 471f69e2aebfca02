/**
 * Packets in from files and devices, packets out to files and devices.
 *
 * <p>The only room that knows file formats, pcap4j and system calls. A source hands out packets
 * where they lie and never copies one that is already in memory.
 */
@NullMarked
package io.pinhole.capture;

import org.jspecify.annotations.NullMarked;
