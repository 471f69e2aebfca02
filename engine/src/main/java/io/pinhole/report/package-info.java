/**
 * What a run tells: verdicts and events in, text for people or JSON lines out.
 *
 * <p>One {@link io.pinhole.report.Report} per run, on the thread that owns the path. Everything it
 * keeps is bounded. Strings from the network never reach a terminal unescaped.
 */
@NullMarked
package io.pinhole.report;

import org.jspecify.annotations.NullMarked;
