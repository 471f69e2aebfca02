/**
 * A capture in, a scenario out that passes under the same rules.
 *
 * <p>Knows the grammar of docs/scenarios.md from the writing side. Whether what it wrote passes is
 * found out by running it, not assumed.
 */
@NullMarked
package io.pinhole.validate.record;

import org.jspecify.annotations.NullMarked;
