package io.pinhole.validate.space;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.Chain;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.Range;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * The values at which a rule set's tests turn, each with its neighbours: where an analysis that is
 * wrong by one is wrong.
 */
public final class Bounds {
    /** What kind of number a field holds. */
    private enum Kind {
        IPV4(32),
        IPV6(128),
        PORT(16),
        LENGTH(16),
        HOPS(8),
        MARK(32);

        private final BigInteger most;

        Kind(int bits) {
            most = BigInteger.ONE.shiftLeft(bits).subtract(BigInteger.ONE);
        }

        static Kind of(Field field) {
            String name = field.name();
            if (name.endsWith("_SADDR") || name.endsWith("_DADDR")) {
                return name.contains("IP6") ? IPV6 : IPV4;
            }
            if (name.endsWith("SPORT") || name.endsWith("DPORT") || name.contains("_PROTO_")) {
                return PORT;
            }
            return switch (field) {
                case META_LENGTH, IP_LENGTH -> LENGTH;
                case IP_TTL, IP6_HOPLIMIT -> HOPS;
                default -> MARK;
            };
        }
    }

    private final Map<Kind, List<BigInteger>> values = new EnumMap<>(Kind.class);
    private final Random random;

    public Bounds(RuleSet rules, Random random) {
        this.random = random;
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                for (Rule rule : chain.rules()) {
                    rule.statements().forEach(this::statement);
                }
            }
        }
    }

    private void statement(Statement statement) {
        switch (statement) {
            case Statement.InRange s -> add(s.value(), s.range());
            case Statement.InSet s -> set(s.key(), s.set());
            case Statement.VerdictMap s -> set(s.key(), s.map());
            case Statement.SetMark(Expr value, var at) -> computed(value);
            case Statement.SetCtMark(Expr value, var at) -> computed(value);
            default -> {}
        }
    }

    private void computed(Expr value) {
        if (value instanceof Expr.Lookup(List<Expr> key, ElementSet map)) {
            set(key, map);
        }
    }

    private void set(List<Expr> key, ElementSet set) {
        for (Element element : set.elements()) {
            for (int i = 0; i < element.key().size() && !element.isCatchAll(); i++) {
                add(key.get(i), element.key().get(i));
            }
        }
    }

    private void add(Expr value, Range range) {
        switch (value) {
            case Expr.Load(Field field) -> {
                List<BigInteger> of =
                        values.computeIfAbsent(Kind.of(field), k -> new ArrayList<>());
                BigInteger low = number(range.lowHigh(), range.lowLow());
                BigInteger high = number(range.highHigh(), range.highLow());
                for (BigInteger at : List.of(low, high)) {
                    of.add(at.subtract(BigInteger.ONE));
                    of.add(at);
                    of.add(at.add(BigInteger.ONE));
                }
            }
            case Expr.Binary(var operator, Expr left, Expr right) -> add(left, range);
            case Expr.Constant c -> {}
            case Expr.Lookup l -> {}
        }
    }

    private static BigInteger number(long high, long low) {
        return unsigned(high).shiftLeft(64).add(unsigned(low));
    }

    private static BigInteger unsigned(long value) {
        return new BigInteger(Long.toUnsignedString(value));
    }

    /** A value at or beside a bound; any value where there is none. */
    private BigInteger near(Kind kind) {
        List<BigInteger> of = values.getOrDefault(kind, List.of());
        if (of.isEmpty() || random.nextInt(6) == 0) {
            return new BigInteger(kind.most.bitLength(), random);
        }
        return of.get(random.nextInt(of.size())).max(BigInteger.ZERO).min(kind.most);
    }

    String address(boolean v4) {
        BigInteger value = near(v4 ? Kind.IPV4 : Kind.IPV6);
        return v4
                ? IpAddress.v4(value.intValue()).toString()
                : IpAddress.v6(value.shiftRight(64).longValue(), value.longValue()).toString();
    }

    String port() {
        return near(Kind.PORT).toString();
    }

    int length() {
        return near(Kind.LENGTH).intValue();
    }

    int hops() {
        return near(Kind.HOPS).intValue();
    }

    long mark() {
        return near(Kind.MARK).longValue();
    }
}
