package io.pinhole.rule.nft;

import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import java.util.List;
import java.util.stream.Collectors;

/** What reading a rule file gave. */
public sealed interface ReadResult {
    record Loaded(RuleSet rules) implements ReadResult {}

    /**
     * Nothing may be judged by this rule set.
     *
     * @param errors at least one, in the order of the text, at most {@link NftReader#MAX_ERRORS}
     *     and one that says there are more
     */
    record Refused(List<RuleError> errors) implements ReadResult {
        public Refused {
            errors = List.copyOf(errors);
        }

        /** All errors as a person reads them, one after another. */
        public String format() {
            return errors.stream().map(RuleError::format).collect(Collectors.joining("\n"));
        }
    }
}
