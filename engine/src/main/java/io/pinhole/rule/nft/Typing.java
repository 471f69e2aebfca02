package io.pinhole.rule.nft;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.Canonical;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Elements;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Range;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
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
        if (type.kind() != DataType.Kind.ADDRESS && type.kind() != DataType.Kind.NUMBER) {
            throw at.fault("an " + type.text() + " has no prefixes");
        }
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
            case Raw.Combined(Expr.Operator operator, Raw left, Raw right, Span at, int _) -> {
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
            return address(text, type, at);
        }
        if (!text.isEmpty() && text.charAt(0) >= '0' && text.charAt(0) <= '9') {
            long quoted = Lexer.parseNumber(text);
            if (quoted >= 0) {
                return number(quoted, type, at);
            }
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

    private static Range address(String text, DataType type, Span at) {
        IpAddress address = IpAddress.parse(text);
        if (address != null && type == (address.isV4() ? DataType.IPV4_ADDR : DataType.IPV6_ADDR)) {
            return address.isV4()
                    ? Range.of(address.v4Bits() & 0xffff_ffffL)
                    : Range.of(address.high(), address.low());
        }
        long mac = type == DataType.ETHER_ADDR ? Lexer.mac(text) : -1;
        if (mac >= 0) {
            return Range.of(mac);
        }
        throw at.fault(
                "expected an "
                        + type.text()
                        + ", found '"
                        + SourceText.printable(text)
                        + "'; host names are valid nft, not evaluated by Pinhole");
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
            case ADDRESS -> {
                if (type != DataType.IPV4_ADDR) {
                    throw mismatch(at, "a number", type);
                }
                yield bounded(value, type, at);
            }
            case NAME ->
                    throw at.fault(
                            "expected an "
                                    + type.text()
                                    + ", found a number; quote it if it is a name (the index of an"
                                    + " interface is valid nft, not evaluated by Pinhole)");
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
        Elements.Builder out = new Elements.Builder(keyTypes.size());
        for (Raw.Item item : braces.items()) {
            add(item, keyTypes, holds, dataTypes, out, 0);
        }
        return out.build();
    }

    /** Adds one element, or those of a define that stands for several. */
    void add(
            Raw.Item item,
            List<DataType> keyTypes,
            ElementSet.Holds holds,
            List<DataType> dataTypes,
            Elements.Builder out,
            int depth) {
        if (item.key() instanceof Raw.Braces inner && item.data() == null) {
            if (depth > ValueParser.MAX_DEPTH) {
                throw inner.at().fault("sets nested deeper than " + ValueParser.MAX_DEPTH);
            }
            for (Raw.Item one : inner.items()) {
                budget.spend(one.key().at());
                add(one, keyTypes, holds, dataTypes, out, depth + 1);
            }
            return;
        }
        Span at = item.key().at();
        budget.element(at);
        if (item.life() != null && holds != ElementSet.Holds.NOTHING) {
            throw at.fault(
                    "a timeout or statement of a map's element is " + ValueParser.NOT_EVALUATED);
        }
        out.add(
                key(item.key(), keyTypes),
                data(item, holds, dataTypes),
                item.life(),
                at.source().name,
                at.line(),
                at.column());
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
            concatenations(set, at);
            return;
        }
        if (!(set.elements() instanceof Elements elements)) {
            overlaps(asColumns(set), set, merge, map, at);
            return;
        }
        overlaps(elements, set, merge, map, at);
    }

    private static Elements asColumns(ElementSet set) {
        Elements.Builder out = new Elements.Builder(1);
        for (Element e : set.elements()) {
            out.add(e.key(), e.data(), e.at().file(), e.at().line(), e.at().column());
        }
        return out.build();
    }

    private static void overlaps(
            Elements elements, ElementSet set, boolean merge, boolean map, Span at) {
        int[] order = sorted(elements);
        for (int i = 1; i < order.length; i++) {
            int a = order[i - 1];
            int b = order[i];
            boolean apart =
                    Range.compare(
                                    elements.highHigh(a, 0),
                                    elements.highLow(a, 0),
                                    elements.lowHigh(b, 0),
                                    elements.lowLow(b, 0))
                            < 0;
            if (apart || a == elements.catchAll() || b == elements.catchAll()) {
                continue;
            }
            boolean same =
                    elements.range(a, 0).equals(elements.range(b, 0))
                            && java.util.Objects.equals(elements.data(a), elements.data(b));
            if (!same && (map || !merge)) {
                throw at.fault(
                        "conflicting elements: "
                                + Canonical.element(elements.get(a), set)
                                + " and "
                                + Canonical.element(elements.get(b), set));
            }
        }
    }

    /** True if no two elements have the same key. */
    static boolean distinct(Elements elements) {
        int[] order = sorted(elements);
        for (int i = 1; i < order.length; i++) {
            int a = order[i - 1];
            int b = order[i];
            if (elements.lowLow(a, 0) == elements.lowLow(b, 0)
                    && elements.lowHigh(a, 0) == elements.lowHigh(b, 0)
                    && a != elements.catchAll()
                    && b != elements.catchAll()) {
                return false;
            }
        }
        return true;
    }

    /** Indexes by the first part's lower end; cheap for what comes sorted, as lists often do. */
    private static int[] sorted(Elements elements) {
        int n = elements.size();
        boolean small = true;
        boolean inOrder = true;
        for (int i = 0; i < n; i++) {
            small &= elements.lowHigh(i, 0) == 0 && elements.lowLow(i, 0) >>> 32 == 0;
            inOrder &= i == 0 || compare(elements, i - 1, i) <= 0;
        }
        int[] order = new int[n];
        if (inOrder) {
            java.util.Arrays.setAll(order, i -> i);
        } else if (small) {
            long[] packed = new long[n];
            for (int i = 0; i < n; i++) {
                packed[i] = (elements.lowLow(i, 0) + Integer.MIN_VALUE) << 32 | i;
            }
            java.util.Arrays.sort(packed);
            java.util.Arrays.setAll(order, i -> (int) packed[i]);
        } else {
            Integer[] boxed = new Integer[n];
            java.util.Arrays.setAll(boxed, i -> i);
            java.util.Arrays.sort(boxed, (a, b) -> compare(elements, a, b));
            java.util.Arrays.setAll(order, i -> boxed[i]);
        }
        return order;
    }

    private static int compare(Elements elements, int a, int b) {
        return Range.compare(
                elements.lowHigh(a, 0),
                elements.lowLow(a, 0),
                elements.lowHigh(b, 0),
                elements.lowLow(b, 0));
    }

    /** More pairs are not compared with each other; the first element that matches counts. */
    private static final int MAX_COMPARED = 2000;

    /**
     * nft_pipapo refuses an element if an earlier one contains its first or its last key, unless
     * both are the same.
     */
    private static void concatenations(ElementSet set, Span at) {
        List<Element> elements = set.elements();
        boolean ranges =
                elements.stream().anyMatch(e -> e.key().stream().anyMatch(r -> !r.isSingle()));
        if (!ranges || elements.size() > MAX_COMPARED) {
            return;
        }
        for (int i = 1; i < elements.size(); i++) {
            Element later = elements.get(i);
            for (int j = 0; j < i; j++) {
                Element earlier = elements.get(j);
                if (!later.key().equals(earlier.key())
                        && !later.isCatchAll()
                        && !earlier.isCatchAll()
                        && (holds(earlier, later, false) || holds(earlier, later, true))) {
                    throw at.fault(
                            "conflicting elements: "
                                    + Canonical.element(earlier, set)
                                    + " and "
                                    + Canonical.element(later, set));
                }
            }
        }
    }

    private static boolean holds(Element earlier, Element later, boolean end) {
        for (int i = 0; i < earlier.key().size(); i++) {
            Range of = later.key().get(i);
            boolean inside =
                    end
                            ? earlier.key().get(i).contains(of.highHigh(), of.highLow())
                            : earlier.key().get(i).contains(of.lowHigh(), of.lowLow());
            if (!inside) {
                return false;
            }
        }
        return true;
    }
}
