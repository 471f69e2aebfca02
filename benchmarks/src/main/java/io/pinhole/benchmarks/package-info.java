/**
 * Measurements of the engine: one JMH class for each step a packet takes, and whole paths.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar NAME}; see {@code docs/performance.md}.
 */
@NullMarked
package io.pinhole.benchmarks;

import org.jspecify.annotations.NullMarked;
