/**
 * The FTP helper's brain: bytes of one control connection in sequence order in, {@link
 * io.pinhole.ftp.DialogueListener events} out.
 *
 * <p>The way through: {@link io.pinhole.ftp.ControlDialogue} routes each side's bytes to a {@code
 * LineReader} (telnet, line ends) or to {@code TlsRecords}; whole lines go to {@code Conversation},
 * which pairs commands with replies; {@code HostPort} reads the announcements' arguments and {@code
 * Admission} judges them by policy.
 *
 * <p>Knows RFC 854, 959, 1123, 1639, 2228, 2428, 2577 and 4217. Knows nothing of packets, tables,
 * threads or clocks, and does no I/O. No input raises an exception.
 */
@NullMarked
package io.pinhole.ftp;

import org.jspecify.annotations.NullMarked;
