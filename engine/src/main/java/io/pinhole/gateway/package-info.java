/**
 * Packets inline: fetched from the kernel, judged by a path, passed or not.
 *
 * <p>Packets and the kernel's connection table come in from {@code capture.linux}, rule sets from
 * whoever composes the program; verdicts, events and recordings go out. One thread a shard owns a
 * path; other threads reach it through its mailbox.
 */
@NullMarked
package io.pinhole.gateway;

import org.jspecify.annotations.NullMarked;
