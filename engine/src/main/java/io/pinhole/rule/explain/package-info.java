/**
 * One packet and a rule set in, the packet's walk and the smallest changes that would let it pass
 * out.
 *
 * <p>Evaluates nothing itself: the compiled rules tell of each step they take, and a change is
 * claimed only after the changed packet has been through the same rules.
 */
@NullMarked
package io.pinhole.rule.explain;

import org.jspecify.annotations.NullMarked;
