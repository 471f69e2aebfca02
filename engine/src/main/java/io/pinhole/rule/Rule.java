package io.pinhole.rule;

import org.jspecify.annotations.Nullable;

import java.util.List;

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
