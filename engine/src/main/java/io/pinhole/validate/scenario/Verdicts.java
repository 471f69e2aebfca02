package io.pinhole.validate.scenario;

import io.pinhole.core.CtState;
import io.pinhole.core.Verdict;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads {@code accept|drop|reject [CT-STATE] [by WHAT]}. */
final class Verdicts {
    static final List<String> WORDS = List.of("accept", "drop", "reject");

    private Verdicts() {}

    static Expected parse(Token word, Line line) throws Fault {
        Verdict verdict =
                switch (word.text()) {
                    case "accept" -> Verdict.ACCEPT;
                    case "drop" -> Verdict.DROP;
                    case "reject" -> Verdict.REJECT;
                    case "unfiltered" -> Verdict.UNFILTERED;
                    case "undecodable" -> Verdict.UNDECODABLE;
                    default -> throw word.expected("a verdict: " + Line.oneOf(WORDS));
                };
        CtState ct = state(line.peek());
        if (ct != null) {
            line.next();
        }
        return new Expected(verdict, ct, by(line));
    }

    private static @Nullable CtState state(Token token) {
        for (CtState state : CtState.values()) {
            if (token.is(state.label())) {
                return state;
            }
        }
        return null;
    }

    static Expected.@Nullable By by(Line line) throws Fault {
        if (!line.take("by")) {
            return null;
        }
        Token what = line.next();
        if (what.is("policy")) {
            return new Expected.By.Policy();
        }
        if (what.is("chain")) {
            return new Expected.By.InChain(line.word("the name of a chain").text());
        }
        if (what.kind() == Token.Kind.STRING) {
            return new Expected.By.Origin(Values.name(what, "a rule"));
        }
        if (what.kind() != Token.Kind.WORD || !what.text().matches(".*[:#][0-9]+")) {
            throw what.expected(
                    "a rule such as ftp-gateway.nft:27, 'chain NAME', 'policy', or a string");
        }
        return new Expected.By.Origin(what.text());
    }
}
