/**
 * Which rules, set elements and FTP paths a run of tests reached.
 *
 * <p>In: a rule set, and what its compiled form counted. Out: a {@link
 * io.pinhole.validate.coverage.Coverage} to print, as text or as a page.
 */
@NullMarked
package io.pinhole.validate.coverage;

import org.jspecify.annotations.NullMarked;
