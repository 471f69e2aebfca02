/**
 * Commands: words and files in, text and an exit status out.
 *
 * <p>The one composition root: what the other packages need from outside is put together here.
 */
@NullMarked
package io.pinhole.cli;

import org.jspecify.annotations.NullMarked;
