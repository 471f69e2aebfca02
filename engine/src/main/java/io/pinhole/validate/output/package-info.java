/**
 * Results in, reports out: for people, and in the formats that CI systems read (JUnit, TAP, SARIF,
 * GitHub annotations, JSON lines).
 *
 * <p>Writes to streams it is given; judges nothing.
 */
@NullMarked
package io.pinhole.validate.output;

import org.jspecify.annotations.NullMarked;
