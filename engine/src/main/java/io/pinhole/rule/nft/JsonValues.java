package io.pinhole.rule.nft;

import io.pinhole.rule.Action;
import io.pinhole.rule.Element;
import io.pinhole.rule.Expr;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Values of nft's JSON (libnftables-json(5), "Expressions") to values as written. */
final class JsonValues {
    private JsonValues() {}

    /** A value to compare with or to assign. */
    static Raw value(Json json) {
        return switch (json) {
            case Json.Text(String text, Span at) ->
                    text.startsWith("@") && text.length() > 1
                            ? new Raw.Named(text.substring(1), at)
                            : text.equals("*") ? new Raw.Any(at) : new Raw.Text(text, true, at);
            case Json.Int(long value, Span at) -> new Raw.Int(value, at);
            case Json.Word w -> throw w.at().fault("expected a value, found " + w.text());
            case Json.Items(List<Json> list, Span at) ->
                    list.size() == 1 ? value(list.getFirst()) : new Raw.Flags(values(list), at);
            case Json.Fields fields -> object(fields.only());
        };
    }

    private static List<Raw> values(List<Json> list) {
        return list.stream().map(JsonValues::value).toList();
    }

    private static Raw object(Json.Field field) {
        Span at = field.at();
        return switch (field.name()) {
            case "prefix" -> {
                Json.Fields prefix = fields(field.value());
                long length = integer(required(prefix, "len"));
                yield new Raw.Prefix(value(required(prefix, "addr")), length, at);
            }
            case "range" -> {
                List<Json> ends = items(field.value());
                if (ends.size() != 2) {
                    throw at.fault("a range has two ends");
                }
                yield new Raw.Between(value(ends.get(0)), value(ends.get(1)), at);
            }
            case "concat" -> new Raw.Parts(values(items(field.value())), at);
            case "set" -> {
                List<Raw.Item> elements = new ArrayList<>();
                for (Json element : list(field.value())) {
                    elements.add(element(element));
                }
                yield new Raw.Braces(elements, at);
            }
            case "|", "^", "&", "<<", ">>" -> {
                List<Json> sides = sides(field);
                Raw left = value(sides.getFirst());
                for (Json side : sides.subList(1, sides.size())) {
                    left = Raw.combine(operator(field.name()), left, value(side), at);
                }
                yield left;
            }
            case "elem" -> element(field).key();
            default ->
                    throw at.fault(
                            "a value by '" + field.name() + "' is " + ValueParser.NOT_EVALUATED);
        };
    }

    /** What an operator joins: two values, or more where nft writes a chain as one list. */
    static List<Json> sides(Json.Field field) {
        List<Json> sides = items(field.value());
        if (sides.size() < 2) {
            throw field.at().fault("'" + field.name() + "' has two sides");
        }
        if (sides.size() > Raw.MAX_TERMS) {
            throw field.at().fault(Raw.TOO_MANY_TERMS);
        }
        return sides;
    }

    static Expr.Operator operator(String text) {
        for (Expr.Operator operator : Expr.Operator.values()) {
            if (operator.text().equals(text)) {
                return operator;
            }
        }
        throw new IllegalArgumentException(text);
    }

    /** One element of a set: a value, or {@code [key, value]} in a map. */
    static Raw.Item element(Json json) {
        if (json instanceof Json.Items(List<Json> pair, Span at) && pair.size() == 2) {
            Raw.Item key = element(pair.getFirst());
            return new Raw.Item(key.key(), data(pair.getLast()), key.life());
        }
        if (json instanceof Json.Fields fields
                && fields.list().size() == 1
                && fields.only().name().equals("elem")) {
            return element(fields.only());
        }
        return new Raw.Item(value(json), null, null);
    }

    /** {@code {"elem": {"val": …, "timeout": 60, "limit": {…}, "comment": …}}}. */
    private static Raw.Item element(Json.Field elem) {
        Json.Fields fields = fields(elem.value());
        long timeout = -1;
        long expires = -1;
        List<Statement> statements = new ArrayList<>();
        for (Json.Field field : fields.list()) {
            switch (field.name()) {
                case "val", "comment" -> {}
                case "timeout" -> {
                    long millis = millis(field.value());
                    timeout = millis == 0 ? -1 : millis;
                }
                case "expires" -> expires = millis(field.value());
                default -> statements.add(state(field));
            }
        }
        Raw.Item item = element(required(fields, "val"));
        if (timeout < 0 && expires < 0 && statements.isEmpty()) {
            return item;
        }
        return new Raw.Item(
                item.key(), item.data(), new Element.Life(timeout, expires, statements));
    }

    /** A time, given in seconds. */
    static long millis(Json seconds) {
        long number = integer(seconds);
        if (number > Long.MAX_VALUE / 1_000_000_000) {
            throw seconds.at().fault("a time is at most 292 years");
        }
        return number * 1000;
    }

    /** A statement of an element or of a set. */
    static Statement state(Json.Field field) {
        SourcePos at = field.at().pos();
        return switch (field.name()) {
            case "counter" ->
                    field.value() instanceof Json.Fields counter
                            ? new Statement.Counter(
                                    integer(counter, "packets", 0),
                                    integer(counter, "bytes", 0),
                                    at)
                            : new Statement.Counter(0, 0, at);
            case "limit" -> new Statement.Limit(JsonRule.limit(fields(field.value())), at);
            case "quota" -> new Statement.Quota(JsonRule.quota(fields(field.value())), at);
            case "ct count" -> connections(fields(field.value()), at);
            case "last" ->
                    throw field.at().fault("'last' of a set is " + ValueParser.NOT_EVALUATED);
            default ->
                    throw field.at()
                            .fault(
                                    "expected val, timeout, a statement or comment, found '"
                                            + field.name()
                                            + "'");
        };
    }

    /** {@code {"val": 20, "inv": true}}. */
    static Statement.ConnLimit connections(Json.Fields of, SourcePos at) {
        return new Statement.ConnLimit(integer(required(of, "val")), flag(of, "inv"), at);
    }

    private static Raw data(Json json) {
        if (json instanceof Json.Fields fields && fields.list().size() == 1) {
            Action action = verdict(fields.only());
            if (action != null) {
                return new Raw.Verdict(action, fields.at());
            }
        }
        return value(json);
    }

    /** {@code {"accept": null}}, {@code {"jump": {"target": "c"}}}; null for anything else. */
    static @Nullable Action verdict(Json.Field field) {
        return switch (field.name()) {
            case "accept" -> new Action.Accept();
            case "drop" -> new Action.Drop();
            case "return" -> new Action.Return();
            case "continue" -> new Action.Continue();
            case "jump" -> new Action.Jump(target(field), field.at().pos());
            case "goto" -> new Action.Goto(target(field), field.at().pos());
            default -> null;
        };
    }

    private static String target(Json.Field field) {
        return text(required(fields(field.value()), "target"));
    }

    // ---- shapes ----

    static Json.Fields fields(Json json) {
        if (json instanceof Json.Fields fields) {
            return fields;
        }
        throw json.at().fault("expected an object between braces");
    }

    static List<Json> items(Json json) {
        if (json instanceof Json.Items items) {
            return items.list();
        }
        throw json.at().fault("expected a list between brackets");
    }

    /** A list, or the one thing that stands for a list of one. */
    static List<Json> list(Json json) {
        return json instanceof Json.Items items ? items.list() : List.of(json);
    }

    static Json required(Json.Fields fields, String name) {
        Json value = fields.get(name);
        if (value == null) {
            throw fields.at().fault("'" + name + "' is missing");
        }
        return value;
    }

    static String text(Json json) {
        if (json instanceof Json.Text text) {
            return text.text();
        }
        throw json.at().fault("expected a string");
    }

    static long integer(Json json) {
        if (json instanceof Json.Int number && number.value() >= 0) {
            return number.value();
        }
        throw json.at().fault("expected a number, zero or more");
    }

    static String text(Json.Fields fields, String name) {
        return text(required(fields, name));
    }

    static long integer(Json.Fields fields, String name, long absent) {
        Json value = fields.get(name);
        return value == null ? absent : integer(value);
    }

    static boolean flag(Json.Fields fields, String name) {
        return fields.get(name) instanceof Json.Word word && word.isTrue();
    }
}
