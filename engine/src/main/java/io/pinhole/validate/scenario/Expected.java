package io.pinhole.validate.scenario;

import io.pinhole.core.CtState;
import io.pinhole.core.Verdict;
import org.jspecify.annotations.Nullable;

/**
 * What a line says of its packets.
 *
 * @param ct null if the line does not care
 * @param by null if the line does not care
 */
public record Expected(Verdict verdict, @Nullable CtState ct, @Nullable By by) {
    public static final Expected ACCEPT = new Expected(Verdict.ACCEPT, null, null);

    /** What decided. */
    public sealed interface By {
        /** {@code by FILE:LINE}, {@code by "policy FILE:LINE"}: as verdicts name a rule. */
        record Origin(String text) implements By {}

        /** {@code by chain NAME}: a rule or the policy of that chain. */
        record InChain(String name) implements By {}

        /** {@code by policy}: the policy of any chain. */
        record Policy() implements By {}
    }

    /** As a person writes it. */
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder(verdict.label());
        if (ct != null) {
            out.append(' ').append(ct.label());
        }
        if (by != null) {
            out.append(" by ")
                    .append(
                            switch (by) {
                                case By.Origin(String text) -> text;
                                case By.InChain(String name) -> "chain " + name;
                                case By.Policy() -> "policy";
                            });
        }
        return out.toString();
    }
}
