/**
 * What a running gateway can be asked and told: commands in, snapshots and events out.
 *
 * <p>The gateway implements {@link Gateway}; the HTTP server calls it. Neither knows the other.
 * Everything here is immutable and small: a page, not a table.
 */
@NullMarked
package io.pinhole.control.api;

import org.jspecify.annotations.NullMarked;
