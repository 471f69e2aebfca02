package io.pinhole.validate.check;

import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.validate.space.Witness;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One thing that is wrong.
 *
 * @param at the place to look at; null where the rule set as a whole is meant
 * @param rule the rule as written; empty where none is meant
 * @param why one or more lines: what the analysis saw
 * @param because the rules that make it so
 * @param cure one or more lines
 * @param witness a packet that shows it; null where there can be none
 */
public record Finding(
        Problem problem,
        @Nullable SourcePos at,
        String rule,
        List<String> why,
        List<RuleOrigin> because,
        List<String> cure,
        @Nullable Witness witness) {
    public Finding {
        why = List.copyOf(why);
        because = List.copyOf(because);
        cure = List.copyOf(cure);
    }

    /** A statement's place, with what the rule is called where lines say nothing. */
    static SourcePos place(Rule rule, Statement statement) {
        SourcePos at = statement.at();
        return new SourcePos(at.file(), at.line(), at.column(), rule.at().label());
    }
}
