/**
 * Text of {@code iptables-save} and {@code ip6tables-save} in, a checked {@link
 * io.pinhole.rule.RuleSet} or a list of errors out.
 *
 * <p>Compiles to the model of nftables, chain by chain and rule by rule: the tables' priorities are
 * netfilter's (raw -300, mangle -150, filter 0, security 50, nat -100 and 100). Ipsets come from
 * the text of {@code ipset save}. Knows nothing of files.
 */
@NullMarked
package io.pinhole.rule.iptables;

import org.jspecify.annotations.NullMarked;
