/**
 * Any rule file in, a checked {@link io.pinhole.rule.RuleSet} or a list of errors out: knows which
 * of the front ends reads it.
 */
@NullMarked
package io.pinhole.rule.read;

import org.jspecify.annotations.NullMarked;
