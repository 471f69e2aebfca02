/**
 * Permissions waiting for their flow.
 *
 * <p>What enters is an end point that a control connection announced; what leaves is that
 * permission once, for a packet that fits it exactly. Knows no packets, no dialogue and no clock.
 */
@NullMarked
package io.pinhole.expect;

import org.jspecify.annotations.NullMarked;
