package io.pinhole.rule;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The model as text, one spelling for each meaning: {@code tcp dport > 1024} and {@code tcp dport
 * 1025-65535} come out alike, implied matches do not show.
 */
public final class Canonical {
    private Canonical() {}

    public static String rule(Rule rule) {
        String text =
                rule.statements().stream()
                        .map(Canonical::statement)
                        .filter(s -> !s.isEmpty())
                        .collect(Collectors.joining(" "));
        return rule.comment() == null ? text : text + " comment \"" + rule.comment() + '"';
    }

    /** Empty for an implied match. */
    public static String statement(Statement statement) {
        return switch (statement) {
            case Statement.InRange s ->
                    s.implied()
                            ? ""
                            : expr(s.value())
                                    + (s.negated() ? " != " : " ")
                                    + (flagsCompared(s) ? (s.negated() ? "" : "== ") : "")
                                    + range(s.range(), s.value().type());
            case Statement.AnyBit s ->
                    expr(s.value())
                            + (s.negated() ? " ! " : " ")
                            + s.value().type().format(0, s.mask()).replace('|', ',');
            case Statement.InSet s ->
                    s.implied() ? "" : key(s.key()) + (s.negated() ? " != " : " ") + set(s.set());
            case Statement.Verdict s -> s.action().text();
            case Statement.VerdictMap s -> key(s.key()) + " vmap " + set(s.map());
            case Statement.Reject s -> reject(s.with());
            case Statement.Counter s -> "counter packets " + s.packets() + " bytes " + s.bytes();
            case Statement.Limit s -> limit(s.rate());
            case Statement.Quota s -> quota(s.size());
            case Statement.ConnLimit s -> "ct count " + (s.over() ? "over " : "") + s.most();
            case Statement.UpdateSet s -> update(s);
            case Statement.UseObject s -> use(s);
            case Statement.Log s -> s.options().isEmpty() ? "log" : "log " + s.options();
            case Statement.Notrack s -> "notrack";
            case Statement.SetMark s -> "meta mark set " + expr(s.value());
            case Statement.SetCtMark s -> "ct mark set " + expr(s.value());
            case Statement.FlowAdd s -> "flow add @" + s.flowtable();
            case Statement.Nat s -> s.text();
        };
    }

    /** A lone flag without an operator would mean "any of". */
    private static boolean flagsCompared(Statement.InRange match) {
        return match.value().type().kind() == DataType.Kind.FLAGS
                && match.range().isSingle()
                && !(match.value() instanceof Expr.Binary);
    }

    private static String key(List<Expr> parts) {
        return parts.stream().map(Canonical::expr).collect(Collectors.joining(" . "));
    }

    public static String expr(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> field.text();
            case Expr.Constant(DataType type, long high, long low) -> type.format(high, low);
            case Expr.Binary(Expr.Operator operator, Expr left, Expr right) ->
                    inner(left) + " " + operator.text() + " " + inner(right);
            case Expr.Lookup(List<Expr> key, ElementSet map) -> key(key) + " map " + set(map);
        };
    }

    private static String inner(Expr expr) {
        boolean brackets =
                expr instanceof Expr.Binary
                        || (expr instanceof Expr.Constant(DataType type, long high, long low)
                                && type.kind() == DataType.Kind.FLAGS
                                && Long.bitCount(low) > 1);
        return brackets ? "(" + expr(expr) + ")" : expr(expr);
    }

    private static String update(Statement.UpdateSet s) {
        StringBuilder out = new StringBuilder();
        out.append(s.operation().name().toLowerCase(Locale.ROOT)).append(" @");
        out.append(s.set().name()).append(" { ").append(key(s.key()));
        if (s.timeoutMillis() != 0) {
            out.append(" timeout ").append(time(s.timeoutMillis()));
        }
        for (Statement statement : s.statements()) {
            out.append(' ').append(statement(statement));
        }
        return out.append(" }").toString();
    }

    /** {@code 1h30m}, {@code 250ms}. */
    public static String time(long millis) {
        if (millis == 0) {
            return "0s";
        }
        StringBuilder out = new StringBuilder();
        long left = millis;
        for (Unit unit : Unit.values()) {
            long n = left / unit.millis;
            if (n > 0) {
                out.append(n).append(unit.name().toLowerCase(Locale.ROOT));
            }
            left %= unit.millis;
        }
        return out.toString();
    }

    private enum Unit {
        D(86_400_000),
        H(3_600_000),
        M(60_000),
        S(1_000),
        MS(1);

        final long millis;

        Unit(long millis) {
            this.millis = millis;
        }
    }

    /** {@code @name}, or the elements between braces. */
    public static String set(ElementSet set) {
        if (set.name() != null) {
            return "@" + set.name();
        }
        return set.elements().stream()
                .map(e -> element(e, set))
                .collect(Collectors.joining(", ", "{ ", " }"));
    }

    /** One element with what it gives. */
    public static String element(Element element, ElementSet set) {
        StringBuilder out = new StringBuilder();
        if (element.isCatchAll()) {
            out.append('*');
        }
        for (int i = 0; i < element.key().size(); i++) {
            out.append(i == 0 ? "" : " . ");
            out.append(range(element.key().get(i), set.keyTypes().get(i)));
        }
        Element.Life life = element.life();
        if (life != null) {
            for (Statement statement : life.statements()) {
                out.append(' ').append(statement(statement));
            }
            if (life.timeoutMillis() >= 0) {
                out.append(" timeout ").append(time(life.timeoutMillis()));
            }
            if (life.expiresMillis() >= 0) {
                out.append(" expires ").append(time(life.expiresMillis()));
            }
        }
        Element.Data data = element.data();
        if (data == null) {
            return out.toString();
        }
        DataType dataType = set.dataType();
        return out.append(" : ")
                .append(
                        switch (data) {
                            case Element.Data.ToVerdict(Action action) -> action.text();
                            case Element.Data.ObjectName(String name) -> '"' + name + '"';
                            case Element.Data.Value(long high, long low) ->
                                    dataType == null
                                            ? Long.toString(low)
                                            : dataType.format(high, low);
                        })
                .toString();
    }

    /** A value, a prefix or a range. */
    public static String range(Range range, DataType type) {
        if (range.isEmpty()) {
            return "> " + type.format(type.maxHigh(), type.maxLow());
        }
        if (range.isSingle()) {
            return type.format(range.lowHigh(), range.lowLow());
        }
        boolean name = type == DataType.IFNAME;
        if (name || type.kind() == DataType.Kind.ADDRESS) {
            int length = prefixLength(range, type.bits());
            if (length >= 0) {
                String start = type.format(range.lowHigh(), range.lowLow());
                return name ? start.substring(0, start.length() - 1) + "*\"" : start + "/" + length;
            }
        }
        return type.format(range.lowHigh(), range.lowLow())
                + "-"
                + type.format(range.highHigh(), range.highLow());
    }

    /** -1 if the range is no prefix. */
    private static int prefixLength(Range range, int bits) {
        long differHigh = range.lowHigh() ^ range.highHigh();
        long differLow = range.lowLow() ^ range.highLow();
        boolean zerosToOnes =
                (range.lowHigh() & differHigh) == 0 && (range.lowLow() & differLow) == 0;
        boolean lowMask = (differLow & differLow + 1) == 0;
        boolean highMask = (differHigh & differHigh + 1) == 0;
        if (!zerosToOnes || !highMask || (differHigh == 0 ? !lowMask : differLow != -1)) {
            return -1;
        }
        return bits - Long.bitCount(differHigh) - Long.bitCount(differLow);
    }

    private static String reject(RejectWith with) {
        return switch (with.kind()) {
            case TCP_RESET -> "reject with tcp reset";
            case ICMP -> "reject with icmp " + DataType.ICMP_CODE.format(0, with.code());
            case ICMPV6 -> "reject with icmpv6 " + DataType.ICMPV6_CODE.format(0, with.code());
            case ICMPX ->
                    with.equals(RejectWith.DEFAULT)
                            ? "reject"
                            : "reject with icmpx " + DataType.ICMPX_CODE.format(0, with.code());
        };
    }

    /** {@code limit rate 10/second burst 5 packets}. */
    public static String limit(LimitRate rate) {
        String unit =
                switch ((int) rate.unitSeconds()) {
                    case 1 -> "second";
                    case 60 -> "minute";
                    case 3600 -> "hour";
                    case 86400 -> "day";
                    default -> "week";
                };
        return "limit rate "
                + (rate.over() ? "over " : "")
                + rate.amount()
                + (rate.bytes() ? " bytes/" : "/")
                + unit
                + " burst "
                + rate.burst()
                + (rate.bytes() ? " bytes" : " packets");
    }

    /** {@code quota over 1000 bytes used 0 bytes}. */
    public static String quota(QuotaSize size) {
        return "quota "
                + (size.over() ? "over " : "")
                + size.bytes()
                + " bytes used "
                + size.used()
                + " bytes";
    }

    private static String use(Statement.UseObject use) {
        Statement.ObjectMap map = use.map();
        String what =
                map == null
                        ? '"' + String.valueOf(use.name()) + '"'
                        : key(map.key()) + " map " + set(map.map());
        return switch (use.kind()) {
            case COUNTER, QUOTA, LIMIT -> use.kind().label() + " name " + what;
            case HELPER, TIMEOUT, EXPECTATION -> use.kind().label() + " set " + what;
        };
    }
}
