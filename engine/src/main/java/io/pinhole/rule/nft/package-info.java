/**
 * Text of the nft language in, a checked {@link io.pinhole.rule.RuleSet} or a list of errors out.
 *
 * <p>Reads twice: {@code FileParser} walks the commands and remembers where each rule starts, then
 * {@code RuleParser} reads the rules, when every set, chain and object has a name. Knows nothing of
 * files: {@link io.pinhole.rule.nft.IncludeResolver} brings them.
 */
@NullMarked
package io.pinhole.rule.nft;

import org.jspecify.annotations.NullMarked;
