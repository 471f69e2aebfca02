package io.pinhole.rule.nft;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.Canonical;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Range;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Values as written to values of a type. */
final class Typing {
    private final ValueParser.Budget budget;

    Typing(ValueParser.Budget budget) {
        this.budget = budget;
    }

    // ---- one value ----

    /** A single value, a range or a prefix. */
    Range range(Raw raw, DataType type) {
        return switch (raw) {
            case Raw.Between(Raw low, Raw high, Span at) -> {
                Range from = range(low, type);
                Range to = range(high, type);
                if (!from.isSingle() || !to.isSingle()) {
                    throw at.fault("a range goes from one value to another");
                }
                Range both = new Range(from.lowHigh(), from.lowLow(), to.lowHigh(), to.lowLow());
                if (both.isEmpty()) {
                    throw at.fault("range ends before it starts");
                }
                yield both;
            }
            case Raw.Prefix(Raw of, long length, Span at) -> prefix(of, length, type, at);
            case Raw.Text(String text, boolean quoted, Span at)
                    when type == DataType.IFNAME && text.endsWith("*") ->
                    wildcard(text, at);
            default -> single(raw, type);
        };
    }

    private Range prefix(Raw of, long length, DataType type, Span at) {
        Range base = single(of, type);
        if (length > type.bits()) {
            throw at.fault("prefix length is at most " + type.bits() + " for an " + type.text());
        }
        int host = type.bits() - (int) length;
        long maskLow = host >= 64 ? -1 : (1L << host) - 1;
        long maskHigh = host <= 64 ? 0 : host == 128 ? -1 : (1L << host - 64) - 1;
        return new Range(
                base.lowHigh() & ~maskHigh,
                base.lowLow() & ~maskLow & type.maxLow(),
                base.lowHigh() | maskHigh,
                (base.lowLow() | maskLow) & type.maxLow());
    }

    /** {@code "eth*"}: every name that starts so. {@code "eth\*"} is a name with an asterisk. */
    private static Range wildcard(String text, Span at) {
        if (text.endsWith("\\*")) {
            return name(text.substring(0, text.length() - 2) + "*", DataType.IFNAME, at);
        }
        String start = text.substring(0, text.length() - 1);
        if (start.isEmpty()) {
            throw at.fault("an interface name of '*' alone matches everything; leave it out");
        }
        Range low = name(start, DataType.IFNAME, at);
        int free = (16 - start.length()) * 8;
        long maskLow = free >= 64 ? -1 : (1L << free) - 1;
        long maskHigh = free <= 64 ? 0 : (1L << free - 64) - 1;
        return new Range(
                low.lowHigh(), low.lowLow(), low.lowHigh() | maskHigh, low.lowLow() | maskLow);
    }

    private static Range name(String text, DataType type, Span at) {
        if (text.isEmpty()) {
            throw at.fault("empty " + type.text());
        }
        if (text.length() > DataType.MAX_NAME) {
            throw at.fault(
                    "an " + type.text() + " has at most " + DataType.MAX_NAME + " characters");
        }
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) > 0xff || text.charAt(i) < '!') {
                throw at.fault("'" + SourceText.printable(text) + "' is no " + type.text());
            }
        }
        return Range.of(DataType.nameHigh(text), DataType.nameLow(text));
    }

    private Range single(Raw raw, DataType type) {
        return switch (raw) {
            case Raw.Text(String text, boolean quoted, Span at) -> text(text, type, at);
            case Raw.Int(long value, Span at) -> number(value, type, at);
            case Raw.Address(IpAddress address, Span at) -> {
                boolean fits = type == (address.isV4() ? DataType.IPV4_ADDR : DataType.IPV6_ADDR);
                if (!fits) {
                    throw mismatch(
                            at, address.isV4() ? "an IPv4 address" : "an IPv6 address", type);
                }
                yield address.isV4()
                        ? Range.of(address.v4Bits() & 0xffff_ffffL)
                        : Range.of(address.high(), address.low());
            }
            case Raw.Mac(long bits, Span at) -> {
                if (type != DataType.ETHER_ADDR) {
                    throw mismatch(at, "an Ethernet address", type);
                }
                yield Range.of(bits);
            }
            case Raw.Time(long millis, Span at) -> {
                if (type != DataType.TIME) {
                    throw mismatch(at, "a time", type);
                }
                yield bounded(millis, type, at);
            }
            case Raw.Combined(Expr.Operator operator, Raw left, Raw right, Span at) -> {
                boolean shift =
                        operator == Expr.Operator.SHIFT_LEFT
                                || operator == Expr.Operator.SHIFT_RIGHT;
                Range a = single(left, type);
                Range b = single(right, shift ? DataType.INTEGER_8 : type);
                if (type.bits() > 64) {
                    throw at.fault("no bits to combine in an " + type.text());
                }
                yield bounded(operator.apply(a.lowLow(), b.lowLow()), type, at);
            }
            case Raw.Flags(List<Raw> items, Span at) -> {
                if (type.kind() != DataType.Kind.FLAGS) {
                    throw at.fault(
                            "a list with ',' is for flags; several values of a "
                                    + type.text()
                                    + " stand between braces: { a, b }");
                }
                long bits = 0;
                for (Raw item : items) {
                    bits |= single(item, type).lowLow();
                }
                yield Range.of(bits);
            }
            case Raw.Between b -> throw b.at().fault("expected one value, found a range");
            case Raw.Prefix p -> throw p.at().fault("expected one value, found a prefix");
            case Raw.Parts p ->
                    throw p.at().fault("expected one value, found a concatenation with '.'");
            case Raw.Braces b -> throw b.at().fault("expected one value, found a set");
            case Raw.Named n -> throw n.at().fault("expected one value, found a named set");
            case Raw.Verdict v -> throw v.at().fault("expected a value, found a verdict");
            case Raw.Any a ->
                    throw a.at().fault("'*' stands only in a set, for everything not listed");
        };
    }

    private static Range text(String text, DataType type, Span at) {
        if (type.kind() == DataType.Kind.NAME) {
            return name(text, type, at);
        }
        if (type.kind() == DataType.Kind.ADDRESS) {
            throw at.fault(
                    "expected an "
                            + type.text()
                            + ", found '"
                            + SourceText.printable(text)
                            + "'; host names are not looked up");
        }
        Integer value = type.symbols().get(text);
        if (value == null && type == DataType.INET_PROTO) {
            value = type.symbols().get(text.toLowerCase(java.util.Locale.ROOT));
        }
        if (value == null) {
            throw at.fault(
                    "'"
                            + SourceText.printable(text)
                            + "' is no "
                            + type.text()
                            + Words.hint(text, type.symbols().keySet()));
        }
        return Range.of(Integer.toUnsignedLong(value));
    }

    private static Range number(long value, DataType type, Span at) {
        return switch (type.kind()) {
            case NUMBER, FLAGS -> bounded(value, type, at);
            case TIME -> {
                if (value > type.maxLow() / 1000) {
                    throw at.fault("a time is at most " + type.maxLow() / 1000 + " seconds");
                }
                yield bounded(value * 1000, type, at);
            }
            case ADDRESS -> throw mismatch(at, "a number", type);
            case NAME ->
                    throw at.fault(
                            "expected an "
                                    + type.text()
                                    + ", found a number; quote it if it is a name");
        };
    }

    private static Range bounded(long value, DataType type, Span at) {
        if (value < 0 || value > type.maxLow()) {
            throw at.fault(
                    (type.kind() == DataType.Kind.TIME ? "a time" : "a " + type.text())
                            + " lies between 0 and "
                            + type.maxLow());
        }
        return Range.of(value);
    }

    private static Fault mismatch(Span at, String found, DataType type) {
        return at.fault("expected " + article(type.text()) + ", found " + found);
    }

    static String article(String noun) {
        return ("aeiouAEIOU".indexOf(noun.charAt(0)) >= 0 ? "an " : "a ") + noun;
    }

    // ---- sets ----

    /** Elements of a set or map whose types are known. */
    List<Element> elements(
            Raw.Braces braces,
            List<DataType> keyTypes,
            ElementSet.Holds holds,
            List<DataType> dataTypes) {
        List<Element> out = new ArrayList<>();
        elements(braces, keyTypes, holds, dataTypes, out, 0);
        return out;
    }

    private void elements(
            Raw.Braces braces,
            List<DataType> keyTypes,
            ElementSet.Holds holds,
            List<DataType> dataTypes,
            List<Element> out,
            int depth) {
        if (depth > ValueParser.MAX_DEPTH) {
            throw braces.at().fault("sets nested deeper than " + ValueParser.MAX_DEPTH);
        }
        for (Raw.Item item : braces.items()) {
            budget.spend(item.key().at());
            if (item.key() instanceof Raw.Braces inner && item.data() == null) {
                elements(inner, keyTypes, holds, dataTypes, out, depth + 1);
                continue;
            }
            out.add(
                    new Element(
                            key(item.key(), keyTypes),
                            data(item, holds, dataTypes),
                            item.key().at().pos()));
        }
    }

    /** One range for each part. */
    List<Range> key(Raw raw, List<DataType> types) {
        if (raw instanceof Raw.Any) {
            return List.of();
        }
        List<Raw> parts = raw instanceof Raw.Parts(List<Raw> p, Span at) ? p : List.of(raw);
        if (parts.size() != types.size()) {
            throw raw.at()
                    .fault(
                            "expected "
                                    + (types.size() == 1
                                            ? "one value"
                                            : types.size() + " values joined by ' . '")
                                    + ", found "
                                    + parts.size());
        }
        List<Range> out = new ArrayList<>(parts.size());
        for (int i = 0; i < parts.size(); i++) {
            out.add(range(parts.get(i), types.get(i)));
        }
        return out;
    }

    private Element.@Nullable Data data(
            Raw.Item item, ElementSet.Holds holds, List<DataType> dataTypes) {
        Raw data = item.data();
        if (holds == ElementSet.Holds.NOTHING) {
            if (data != null) {
                throw item.key().at().fault("a set's element has no ':'; that is for maps");
            }
            return null;
        }
        if (data == null) {
            throw item.key().at().fault("a map's element needs ': ' and what it stands for");
        }
        return switch (holds) {
            case VERDICT -> {
                if (data instanceof Raw.Verdict(var action, Span at)) {
                    yield new Element.Data.ToVerdict(action);
                }
                throw data.at().fault("expected a verdict");
            }
            case OBJECT -> {
                if (data instanceof Raw.Text(String text, boolean quoted, Span at)) {
                    yield new Element.Data.ObjectName(text);
                }
                throw data.at().fault("expected the name of an object");
            }
            case VALUE, NOTHING -> {
                List<Range> value = key(data, dataTypes);
                if (value.size() != 1 || !value.getFirst().isSingle()) {
                    throw data.at().fault("a map gives one value");
                }
                yield new Element.Data.Value(value.getFirst().lowHigh(), value.getFirst().lowLow());
            }
        };
    }

    /**
     * Elements that cannot stand in one set: two of a map with a common key, and overlapping ones
     * of a named set without auto-merge.
     */
    static void overlaps(ElementSet set, boolean merge, Span at) {
        boolean map = set.holds() != ElementSet.Holds.NOTHING;
        if (set.keyTypes().size() != 1) {
            return;
        }
        List<Element> sorted = new ArrayList<>(set.elements());
        sorted.removeIf(Element::isCatchAll);
        sorted.sort(
                (a, b) -> {
                    Range x = a.key().getFirst();
                    Range y = b.key().getFirst();
                    return Range.compare(x.lowHigh(), x.lowLow(), y.lowHigh(), y.lowLow());
                });
        for (int i = 1; i < sorted.size(); i++) {
            Element a = sorted.get(i - 1);
            Element b = sorted.get(i);
            if (!a.key().getFirst().overlaps(b.key().getFirst())) {
                continue;
            }
            boolean same = a.key().equals(b.key()) && java.util.Objects.equals(a.data(), b.data());
            if (!same && (map || !merge)) {
                throw at.fault(
                        "conflicting elements: "
                                + text(a, set.keyTypes().getFirst())
                                + " and "
                                + text(b, set.keyTypes().getFirst()));
            }
        }
    }

    private static String text(Element element, DataType type) {
        return Canonical.range(element.key().getFirst(), type);
    }
}
