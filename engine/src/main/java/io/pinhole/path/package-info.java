/**
 * One packet in, one verdict and its events out: the room where decode, flow, ftp, expect and rule
 * meet.
 *
 * <p>Time is an argument. Nothing here logs, reads a clock or does I/O; what happened goes to
 * {@link VerdictSink} and {@link EventSink}.
 */
@NullMarked
package io.pinhole.path;

import org.jspecify.annotations.NullMarked;
