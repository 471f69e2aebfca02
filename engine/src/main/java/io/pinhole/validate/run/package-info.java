/**
 * Tests in, results out: simulated hosts send real packets through a {@code PacketPath} of each
 * test's own.
 *
 * <p>Knows bytes and TCP; reads no files, prints nothing. Results depend on the scenario and its
 * rules alone, not on clocks or threads.
 */
@NullMarked
package io.pinhole.validate.run;

import org.jspecify.annotations.NullMarked;
