/**
 * The words all rooms share: addresses, keys, verdicts, anomalies, limits and settings.
 *
 * <p>Knows nothing of packets, files, threads or clocks. Everything here is immutable.
 */
@NullMarked
package io.pinhole.core;

import org.jspecify.annotations.NullMarked;
