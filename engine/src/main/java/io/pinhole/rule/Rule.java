package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One rule.
 *
 * @param origin what a verdict of this rule names
 */
public record Rule(
        List<Statement> statements, @Nullable String comment, RuleOrigin origin, SourcePos at) {
    public Rule {
        statements = List.copyOf(statements);
    }
}
