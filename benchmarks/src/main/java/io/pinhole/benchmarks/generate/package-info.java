/**
 * Makes captures of any size, with the truth about them, out of a seed; and compares what {@code
 * pinhole analyze} says with that truth.
 *
 * <p>Knows the engine's capture writers and nothing else of it: what is checked here must not be
 * made by what it checks.
 */
@NullMarked
package io.pinhole.benchmarks.generate;

import org.jspecify.annotations.NullMarked;
