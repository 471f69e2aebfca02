/**
 * The kernel's packet interfaces, called directly: NFQUEUE, conntrack over netlink, packet sockets.
 *
 * <p>Packets and table entries come in from the kernel, verdicts and frames go out. Nothing here
 * judges. Layouts are those of x86-64 and arm64 Linux; every length that the kernel gives is
 * checked before it is used.
 */
@NullMarked
package io.pinhole.capture.linux;

import org.jspecify.annotations.NullMarked;
