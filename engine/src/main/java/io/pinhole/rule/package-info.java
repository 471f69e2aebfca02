/**
 * A rule set in, a verdict for one packet out.
 *
 * <p>The model is nftables'; {@code rule.nft} and {@code rule.iptables} read it from text. Knows
 * packets through {@code decode} and connection tracking only as the facts that {@code path} fills
 * in. Reads no file and no clock.
 */
@NullMarked
package io.pinhole.rule;

import org.jspecify.annotations.NullMarked;
