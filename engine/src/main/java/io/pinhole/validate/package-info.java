/**
 * Rule sets under test, without root, kernel or network: scenarios and what they show.
 *
 * <p>In: scenario files, rule sets, captures. Out: results, coverage, reports for people and CI,
 * captures. Files are read through interfaces that {@code cli} implements; nothing here judges a
 * packet: that is {@code path}'s work.
 */
@NullMarked
package io.pinhole.validate;

import org.jspecify.annotations.NullMarked;
