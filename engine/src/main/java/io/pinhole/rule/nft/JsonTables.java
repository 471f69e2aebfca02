package io.pinhole.rule.nft;

import static io.pinhole.rule.nft.JsonValues.list;
import static io.pinhole.rule.nft.JsonValues.text;

import io.pinhole.core.Hook;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Elements;
import io.pinhole.rule.Family;
import io.pinhole.rule.Field;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;

/** Tables, chains and sets of nft's JSON. */
final class JsonTables {
    private static final Set<String> FLAGS = Set.of("interval", "constant", "timeout", "dynamic");

    final List<TableState> all = new ArrayList<>();
    final List<TableState.PendingRule> rules = new ArrayList<>();
    private final ValueParser.Budget budget;
    private final Errors errors;
    private int created;

    JsonTables(ValueParser.Budget budget, Errors errors) {
        this.budget = budget;
        this.errors = errors;
    }

    private static Family family(Json.Fields of) {
        Json json = JsonValues.required(of, "family");
        String name = text(json);
        for (Family family : Family.values()) {
            if (family.label().equals(name)) {
                return family;
            }
        }
        boolean known = Set.of("arp", "bridge", "netdev").contains(name);
        throw json.at()
                .fault(
                        known
                                ? "family '" + name + "' is " + ValueParser.NOT_EVALUATED
                                : "expected ip, ip6 or inet");
    }

    /** The table that an object names. */
    TableState of(Json.Fields object) {
        return find(family(object), text(object, "table"), object.at());
    }

    private TableState find(Family family, String name, Span at) {
        for (TableState table : all) {
            if (table.family == family && table.name.equals(name)) {
                return table;
            }
        }
        throw at.fault("no table '" + family.label() + " " + name + "' above");
    }

    void table(Json.Fields of) {
        Family family = family(of);
        String name = text(of, "name");
        if (all.stream().anyMatch(t -> t.family == family && t.name.equals(name))) {
            throw of.at().fault("table '" + name + "' is there twice");
        }
        TableState table = new TableState(family, name, of.at());
        all.add(table);
        Json flags = of.get("flags");
        if (flags != null) {
            for (Json flag : list(flags)) {
                if (!text(flag).equals("dormant")) {
                    throw flag.at()
                            .fault(
                                    "table flag '"
                                            + text(flag)
                                            + "' is "
                                            + ValueParser.NOT_EVALUATED);
                }
                table.dormant = true;
            }
        }
    }

    void chain(Json.Fields of) {
        TableState table = of(of);
        String name = text(of, "name");
        TableState.ChainState chain = new TableState.ChainState(name, of.at());
        if (table.chains.putIfAbsent(name, chain) != null) {
            throw of.at().fault("chain '" + name + "' is there twice");
        }
        Json typeJson = of.get("type");
        if (typeJson == null) {
            return;
        }
        if (of.get("dev") != null) {
            throw of.at().fault("'device' is " + ValueParser.NOT_EVALUATED);
        }
        String hookName = text(of, "hook");
        Hook hook = null;
        for (Hook h : Hook.values()) {
            hook = h.label().equals(hookName) ? h : hook;
        }
        if (hook == null) {
            throw of.at().fault("hook '" + hookName + "' is " + ValueParser.NOT_EVALUATED);
        }
        ChainType type = null;
        for (ChainType t : ChainType.values()) {
            type = t.label().equals(text(typeJson)) ? t : type;
        }
        if (type == null) {
            throw typeJson.at().fault("expected filter, nat or route");
        }
        Json priority = JsonValues.required(of, "prio");
        if (!(priority instanceof Json.Int(long number, Span at)) || (int) number != number) {
            throw priority.at().fault("expected a priority");
        }
        Json policy = of.get("policy");
        boolean accept = policy == null || text(policy).equals("accept");
        if (!accept && policy != null && !text(policy).equals("drop")) {
            throw policy.at().fault("a policy is accept or drop");
        }
        chain.base =
                new BaseChain(
                        type,
                        hook,
                        (int) number,
                        accept,
                        created++,
                        JsonRule.labelled(of.at(), table.name + "/" + name));
    }

    void rule(Json.Fields of) {
        TableState table = of(of);
        String name = text(of, "chain");
        TableState.ChainState chain = table.chains.get(name);
        if (chain == null) {
            throw of.at().fault("no chain '" + name + "' in this table");
        }
        Json handle = of.get("handle");
        String label =
                table.name
                        + "/"
                        + name
                        + (handle == null
                                ? "[" + (chain.rules.size() + 1) + "]"
                                : "#" + JsonValues.integer(handle));
        JsonRule rule = new JsonRule(table, of, label);
        chain.rules.add(rule);
        rules.add(rule);
    }

    // ---- sets ----

    /** What a set's object said. */
    private static final class Declared {
        final List<Json.Field> fields = new ArrayList<>();
        @Nullable List<DataType> keyTypes;
        List<DataType> dataTypes = List.of();
        ElementSet.Holds holds = ElementSet.Holds.NOTHING;
        final Set<String> flags = new HashSet<>();
        @Nullable List<Element> elements;
        @Nullable Json untyped;
        long timeoutMillis;
        final List<Statement> statements = new ArrayList<>();
    }

    /** Reads {@code {"family": …, "type": …, "elem": […]}}, whose brace was read last. */
    void set(JsonSource in, boolean map, Span at) {
        Declared out = new Declared();
        while (in.next() == JsonToken.PROPERTY_NAME) {
            String name = in.text();
            Span nameAt = in.at();
            JsonToken value = in.next();
            if (name.equals("elem") && value == JsonToken.START_ARRAY && out.keyTypes != null) {
                out.elements = elements(in, out.keyTypes, out);
            } else {
                Json.Field field = new Json.Field(name, in.tree(), nameAt);
                try {
                    item(field, out, map);
                } catch (Fault fault) {
                    errors.add(fault);
                }
            }
        }
        try {
            declare(new Json.Fields(out.fields, at), out);
        } catch (Fault fault) {
            errors.add(fault);
        }
    }

    private void item(Json.Field field, Declared out, boolean map) {
        switch (field.name()) {
            case "type" -> {
                out.keyTypes = types(field.value());
                if (!map) {
                    out.holds = ElementSet.Holds.NOTHING;
                }
            }
            case "map" -> gives(field.value(), out);
            case "flags" -> {
                for (Json flag : list(field.value())) {
                    if (!FLAGS.contains(text(flag))) {
                        throw flag.at().fault("unknown flag of a set");
                    }
                    out.flags.add(text(flag));
                }
            }
            case "elem" -> out.untyped = field.value();
            case "timeout" -> out.timeoutMillis = JsonValues.millis(field.value());
            case "stmt" -> {
                if (map) {
                    throw field.at().fault("statements of a map are " + ValueParser.NOT_EVALUATED);
                }
                for (Json statement : list(field.value())) {
                    out.statements.add(JsonValues.state(JsonValues.fields(statement).only()));
                }
            }
            case "family", "table", "name", "size" -> out.fields.add(field);
            case "handle", "comment", "policy", "gc-interval", "auto-merge" -> {}
            default -> throw field.at().fault("unknown property of a set: " + field.name());
        }
    }

    private void gives(Json json, Declared out) {
        String name = json instanceof Json.Text text ? text.text() : "";
        switch (name) {
            case "verdict" -> out.holds = ElementSet.Holds.VERDICT;
            case "counter", "quota", "limit" -> out.holds = ElementSet.Holds.OBJECT;
            default -> {
                out.holds = ElementSet.Holds.VALUE;
                out.dataTypes = types(json);
                if (out.dataTypes.size() != 1) {
                    throw json.at()
                            .fault("maps to concatenations are " + ValueParser.NOT_EVALUATED);
                }
            }
        }
    }

    /** {@code "ipv4_addr"}, a list of them, or {@code {"typeof": …}}. */
    private static List<DataType> types(Json json) {
        List<DataType> out = new ArrayList<>();
        Json typeof = json instanceof Json.Fields fields ? fields.get("typeof") : null;
        if (typeof != null) {
            Json concat = typeof instanceof Json.Fields of ? of.get("concat") : null;
            for (Json part : list(concat == null ? typeof : concat)) {
                Json.Field field = JsonValues.fields(part).only();
                Json.Fields words = JsonValues.fields(field.value());
                String name =
                        field.name().equals("payload")
                                ? text(words, "protocol") + " " + text(words, "field")
                                : field.name() + " " + text(words, "key");
                Field known = Field.named(name);
                if (known == null) {
                    throw field.at().fault("'" + name + "' is " + ValueParser.NOT_EVALUATED);
                }
                out.add(known.type());
            }
            return out;
        }
        for (Json part : list(json)) {
            DataType type = DataType.named(text(part));
            if (type == null) {
                throw part.at().fault("type '" + text(part) + "' is " + ValueParser.NOT_EVALUATED);
            }
            out.add(type);
        }
        return out;
    }

    private List<Element> elements(JsonSource in, List<DataType> keyTypes, Declared of) {
        Typing typing = new Typing(budget);
        Elements.Builder out = new Elements.Builder(keyTypes.size());
        int room = budget.room();
        while (in.next() != JsonToken.END_ARRAY) {
            try {
                Json json = in.tree();
                budget.release(room);
                Raw.Item item = JsonValues.element(json);
                if (item.life() != null) {
                    of.flags.add("dynamic"); // nft's JSON does not tell
                    budget.keep(json.at());
                    room = budget.room();
                }
                typing.add(item, keyTypes, of.holds, of.dataTypes, out, 0);
            } catch (Fault fault) {
                errors.add(fault);
                if (errors.isFull()) {
                    throw fault;
                }
            }
        }
        return out.build();
    }

    private void declare(Json.Fields of, Declared declared) {
        TableState table = of(of);
        String name = text(of, "name");
        List<DataType> keyTypes = declared.keyTypes;
        if (keyTypes == null) {
            throw of.at().fault("set '" + name + "' has no type");
        }
        Json size = of.get("size");
        TableState.SetState set =
                new TableState.SetState(
                        name,
                        of.at(),
                        keyTypes,
                        declared.holds,
                        declared.dataTypes,
                        declared.flags,
                        false,
                        size == null ? null : JsonValues.integer(size),
                        declared.timeoutMillis,
                        declared.statements);
        if (table.sets.putIfAbsent(name, set) != null) {
            throw of.at().fault("set '" + name + "' is there twice");
        }
        List<Element> elements = declared.elements;
        Json untyped = declared.untyped;
        if (untyped != null) {
            Typing typing = new Typing(budget);
            Elements.Builder out = new Elements.Builder(keyTypes.size());
            for (Json element : list(untyped)) {
                typing.add(
                        JsonValues.element(element),
                        keyTypes,
                        declared.holds,
                        declared.dataTypes,
                        out,
                        0);
            }
            elements = out.build();
        }
        if (elements != null) {
            set.changes.add(new TableState.Change(true, false, elements, of.at()));
        }
    }
}
