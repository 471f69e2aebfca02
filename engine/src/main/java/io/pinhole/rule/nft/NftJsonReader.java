package io.pinhole.rule.nft;

import static io.pinhole.rule.nft.JsonValues.fields;

import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.RuleSetCheck;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JsonToken;

/**
 * Reads what {@code nft -j list ruleset} writes (libnftables-json(5)). As {@link NftReader}, it
 * never throws for what a file holds, and is bounded; the elements of a set are not held as a tree.
 */
public final class NftJsonReader {
    private final SourceText source;
    private final ValueParser.Budget budget = new ValueParser.Budget();
    private final Errors errors = new Errors();
    private final JsonTables tables;

    private NftJsonReader(String name, String text) {
        source = new SourceText(name, text);
        tables = new JsonTables(budget, errors);
    }

    /**
     * Reads a rule set.
     *
     * @param name for messages and origins; may hold directories
     */
    public static ReadResult read(String name, byte[] utf8) {
        if (utf8.length > NftReader.MAX_TEXT) {
            return new ReadResult.Refused(
                    List.of(
                            new RuleError(
                                    name,
                                    0,
                                    0,
                                    "rule file is longer than "
                                            + (NftReader.MAX_TEXT >> 20)
                                            + " MiB",
                                    "")));
        }
        NftReader.Decoded decoded = NftReader.decode(utf8);
        if (decoded.badAt() >= 0) {
            SourceText source = new SourceText(name, decoded.text());
            return new ReadResult.Refused(
                    List.of(source.error(decoded.end(source), "not UTF-8 text")));
        }
        return new NftJsonReader(name, decoded.text()).read();
    }

    private ReadResult read() {
        try {
            document(new JsonSource(source, budget));
        } catch (Fault fault) {
            errors.add(fault);
        }
        RuleSet made = new RuleSetMaker(errors, budget).make(source.name, tables.all, tables.rules);
        if (errors.isEmpty()) {
            for (RuleSetCheck.Problem problem : RuleSetCheck.check(made)) {
                errors.add(locate(problem.at()), problem.message());
            }
        }
        return errors.isEmpty()
                ? new ReadResult.Loaded(made)
                : new ReadResult.Refused(errors.list());
    }

    /** {@code {"nftables": [ {…}, {…} ]}}. */
    private void document(JsonSource in) {
        in.expect(JsonToken.START_OBJECT, "an object {\"nftables\": …}");
        in.expect(JsonToken.PROPERTY_NAME, "\"nftables\"");
        if (!in.text().equals("nftables")) {
            throw in.at().fault("expected \"nftables\"");
        }
        in.expect(JsonToken.START_ARRAY, "a list of tables, chains and rules");
        List<Json.Fields> rules = new ArrayList<>();
        for (JsonToken token = in.next(); token != JsonToken.END_ARRAY; token = in.next()) {
            if (token != JsonToken.START_OBJECT) {
                throw in.at().fault("expected an object");
            }
            in.expect(JsonToken.PROPERTY_NAME, "the name of an object");
            String kind = in.text();
            Span at = in.at();
            in.next();
            switch (kind) {
                case "set", "map" -> tables.set(in, kind.equals("map"), at);
                case "metainfo" -> in.skip();
                case "rule" -> rules.add(fields(in.tree()));
                default -> other(kind, at, in.tree());
            }
            in.expect(JsonToken.END_OBJECT, "'}': one object holds one thing");
            if (errors.isFull()) {
                return;
            }
        }
        in.expect(JsonToken.END_OBJECT, "'}' at the end");
        if (in.next() != null) {
            throw in.at().fault("expected the end of the file");
        }
        for (Json.Fields rule : rules) {
            attempt(() -> tables.rule(rule));
        }
    }

    private void other(String kind, Span at, Json value) {
        attempt(
                () -> {
                    switch (kind) {
                        case "table" -> tables.table(fields(value));
                        case "chain" -> tables.chain(fields(value));
                        case "flowtable" -> {
                            Json.Fields of = fields(value);
                            tables.of(of).flowtables.add(JsonValues.text(of, "name"));
                        }
                        case "counter",
                                "quota",
                                "limit",
                                "ct helper",
                                "ct timeout",
                                "ct expectation" ->
                                new JsonObjects(tables.of(fields(value))).add(kind, fields(value));
                        case "add",
                                "create",
                                "insert",
                                "replace",
                                "delete",
                                "destroy",
                                "flush",
                                "list",
                                "reset",
                                "rename" ->
                                throw at.fault(
                                        "command '"
                                                + kind
                                                + "' in JSON is "
                                                + ValueParser.NOT_EVALUATED);
                        case "secmark", "synproxy", "element" ->
                                throw at.fault("'" + kind + "' is " + ValueParser.NOT_EVALUATED);
                        default -> throw at.fault("expected table, chain, rule, set or map");
                    }
                });
    }

    private void attempt(Runnable step) {
        try {
            step.run();
        } catch (Fault fault) {
            errors.add(fault);
        }
    }

    /** Finds the text of a place that the model remembers. */
    private Span locate(SourcePos pos) {
        int start = 0;
        for (int line = 1; line < pos.line(); line++) {
            start = source.text.indexOf('\n', start) + 1;
        }
        return new Span(source, start + pos.column() - 1, pos.line(), pos.column(), 1);
    }
}
