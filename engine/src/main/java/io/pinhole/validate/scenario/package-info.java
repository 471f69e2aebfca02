/**
 * Scenario text in, {@link io.pinhole.validate.scenario.Scenario} out; every mistake with its
 * place.
 *
 * <p>Knows the grammar of docs/scenarios.md. Knows no packet bytes and judges nothing.
 */
@NullMarked
package io.pinhole.validate.scenario;

import org.jspecify.annotations.NullMarked;
