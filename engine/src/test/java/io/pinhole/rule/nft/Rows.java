package io.pinhole.rule.nft;

import io.pinhole.rule.Canonical;
import io.pinhole.rule.Chain;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Table;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.StringJoiner;

/** Tables of inputs and what becomes of them, in text files beside the tests. */
public final class Rows {
    private Rows() {}

    /**
     * One row.
     *
     * @param expected {@code => RULE} for each rule read, or {@code !! LINE:COLUMN MESSAGE} for
     *     each error
     */
    public record Row(String input, String expected) {
        @Override
        public String toString() {
            return input.strip().lines().findFirst().orElse("");
        }
    }

    /**
     * Rows are separated by {@code ----}; the lines of a row that begin with => or !! are expected.
     */
    public static List<Row> rows(Class<?> of, String name) throws IOException {
        String text;
        try (InputStream in = of.getResourceAsStream(name)) {
            text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        }
        List<Row> out = new ArrayList<>();
        for (String part : text.split("\n----\n")) {
            StringBuilder input = new StringBuilder();
            StringJoiner expected = new StringJoiner("\n");
            for (String line : part.split("\n")) {
                if (line.startsWith("=> ") || line.startsWith("!! ")) {
                    expected.add(line);
                } else {
                    input.append(line).append('\n');
                }
            }
            out.add(new Row(input.toString(), expected.toString()));
        }
        return out;
    }

    /** What became of a text, in the form of the tables. */
    public static String outcome(ReadResult result) {
        StringJoiner out = new StringJoiner("\n");
        switch (result) {
            case ReadResult.Loaded(RuleSet rules) -> {
                for (Table table : rules.tables()) {
                    for (Chain chain : table.chains()) {
                        for (Rule rule : chain.rules()) {
                            out.add("=> " + Canonical.rule(rule));
                        }
                    }
                }
                if (out.length() == 0) {
                    out.add("=> (no rules)");
                }
            }
            case ReadResult.Refused refused ->
                    refused.errors()
                            .forEach(
                                    e ->
                                            out.add(
                                                    "!! "
                                                            + e.line()
                                                            + ":"
                                                            + e.column()
                                                            + " "
                                                            + e.message()));
        }
        return out.toString();
    }
}
