/**
 * Fuzz targets. As unit tests they replay the inputs under {@code resources/io/pinhole/fuzz};
 * {@code FuzzIT} lets Jazzer search for new ones, {@code io.pinhole.fuzz.Fuzz} does so for as long
 * as one wants.
 */
package io.pinhole.fuzz;
