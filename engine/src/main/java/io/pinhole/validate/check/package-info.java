/**
 * What is wrong with a rule set, and what changes with another: exact answers over all packets,
 * each with a witness.
 */
@NullMarked
package io.pinhole.validate.check;

import org.jspecify.annotations.NullMarked;
