/**
 * Places in rule text, faults found there, and how they are shown to a person.
 *
 * <p>What the front ends have in common; knows no language.
 */
@NullMarked
package io.pinhole.rule.text;

import org.jspecify.annotations.NullMarked;
