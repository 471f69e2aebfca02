package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a rule set says, whatever text it came from: places left out, elements in order and merged
 * where they touch, as nft lists them; matches that nobody wrote are shown in brackets.
 */
public final class Shape {
    private Shape() {}

    public static String of(RuleSet rules) {
        StringBuilder out = new StringBuilder();
        for (Table table : rules.tables()) {
            out.append("table ").append(table.family().label()).append(' ').append(table.name());
            out.append(table.dormant() ? " dormant\n" : "\n");
            table.objects().stream()
                    .map(Shape::object)
                    .sorted()
                    .forEach(o -> out.append("  ").append(o).append('\n'));
            table.sets().stream()
                    .sorted(Comparator.comparing((ElementSet s) -> String.valueOf(s.name())))
                    .forEach(s -> out.append("  ").append(set(s)).append('\n'));
            table.flowtables().stream()
                    .sorted()
                    .forEach(f -> out.append("  flowtable ").append(f).append('\n'));
            table.chains().stream()
                    .sorted(Comparator.comparing(Chain::name))
                    .forEach(c -> chain(c, out));
        }
        return out.toString();
    }

    private static void chain(Chain chain, StringBuilder out) {
        out.append("  chain ").append(chain.name());
        BaseChain base = chain.base();
        if (base != null) {
            out.append(" type ").append(base.type().label());
            out.append(" hook ").append(base.hook().label());
            out.append(" priority ").append(base.priority());
            out.append(base.policyAccept() ? " accept" : " drop");
        }
        out.append('\n');
        for (Rule rule : chain.rules()) {
            out.append("    ").append(rule(rule)).append('\n');
        }
    }

    /** One rule. */
    public static String rule(Rule rule) {
        String text =
                rule.statements().stream().map(Shape::statement).collect(Collectors.joining(" "));
        return rule.comment() == null ? text : text + " comment \"" + rule.comment() + '"';
    }

    private static String statement(Statement statement) {
        return switch (statement) {
            case Statement.InRange s when s.implied() ->
                    "["
                            + Canonical.expr(s.value())
                            + " "
                            + Canonical.range(s.range(), s.value().type())
                            + "]";
            // nft lists 'flags & mask == 0' as 'flags ! mask'.
            case Statement.InRange(
                            Expr.Binary(
                                    Expr.Operator operator,
                                    Expr.Load load,
                                    Expr.Constant(DataType type, long high, long mask)),
                            Range range,
                            boolean negated,
                            boolean implied,
                            SourcePos at)
                    when operator == Expr.Operator.AND
                            && type.kind() == DataType.Kind.FLAGS
                            && range.equals(Range.of(0)) ->
                    Canonical.statement(new Statement.AnyBit(load, mask, !negated, at));
            case Statement.InSet s -> {
                List<Element> merged = merged(s.set());
                Element only = merged.size() == 1 ? merged.getFirst() : null;
                if (s.set().name() == null
                        && only != null
                        && !only.isCatchAll()
                        && only.key().size() == 1
                        && s.key().getFirst().type().kind() != DataType.Kind.FLAGS) {
                    yield Canonical.statement(
                            new Statement.InRange(
                                    s.key().getFirst(),
                                    only.key().getFirst(),
                                    s.negated(),
                                    false,
                                    s.at()));
                }
                yield (s.implied() ? "[" : "")
                        + key(s.key())
                        + (s.negated() ? " != " : " ")
                        + elements(s.set())
                        + (s.implied() ? "]" : "");
            }
            case Statement.VerdictMap s -> key(s.key()) + " vmap " + elements(s.map());
            case Statement.SetMark s -> "meta mark set " + expr(s.value());
            case Statement.SetCtMark s -> "ct mark set " + expr(s.value());
            case Statement.UseObject s -> {
                Statement.ObjectMap map = s.map();
                yield map == null
                        ? Canonical.statement(s)
                        : s.kind().label() + " " + key(map.key()) + " map " + elements(map.map());
            }
            case Statement.UpdateSet s -> {
                ElementSet.Living living = s.set().living();
                boolean ofSet = living != null && !living.statements().isEmpty();
                yield Canonical.statement(
                        ofSet // the kernel does not tell those of the rule
                                ? new Statement.UpdateSet(
                                        s.operation(),
                                        s.key(),
                                        s.set(),
                                        s.timeoutMillis(),
                                        List.of(),
                                        s.at())
                                : s);
            }
            case Statement.Nat s -> s.text().split(" ")[0];
            default -> Canonical.statement(statement);
        };
    }

    private static String key(List<Expr> parts) {
        return parts.stream().map(Shape::expr).collect(Collectors.joining(" . "));
    }

    private static String expr(Expr expr) {
        return expr instanceof Expr.Lookup(List<Expr> key, ElementSet map)
                ? key(key) + " map " + elements(map)
                : Canonical.expr(expr);
    }

    private static String set(ElementSet set) {
        ElementSet unnamed =
                new ElementSet(
                        null,
                        set.keyTypes(),
                        set.holds(),
                        set.dataType(),
                        // What is left of a timeout is another when the kernel is asked.
                        set.elements().stream().map(e -> timeless(e, set)).toList(),
                        set.at());
        ElementSet.Living living = set.living();
        String changes =
                living == null
                        ? ""
                        : living.updatable()
                                + " "
                                + living.timed()
                                + " "
                                + living.timeoutMillis()
                                + " "
                                + living.size()
                                + living.statements().stream().map(Canonical::statement).toList();
        return "set "
                + set.name()
                + " "
                + set.keyTypes()
                + " "
                + set.holds()
                + " "
                + set.dataType()
                + " "
                + changes
                + elements(unnamed);
    }

    private static Element timeless(Element e, ElementSet set) {
        Element.Life life = e.life();
        List<Statement> statements = life == null ? List.of() : life.statements();
        if (statements.isEmpty() && set.living() != null) {
            statements = set.living().statements();
        }
        long timeout = life == null ? -1 : life.timeoutMillis();
        return timeout < 0 && statements.isEmpty()
                ? new Element(e.key(), e.data(), e.at())
                : new Element(e.key(), e.data(), e.at(), new Element.Life(timeout, -1, statements));
    }

    private static String elements(ElementSet set) {
        if (set.name() != null) {
            return "@" + set.name();
        }
        return merged(set).stream()
                .map(e -> Canonical.element(e, set))
                .collect(Collectors.joining(", ", "{ ", " }"));
    }

    /** In order, and those of a set as one where they touch. */
    private static List<Element> merged(ElementSet set) {
        List<Element> sorted = new ArrayList<>(set.elements());
        sorted.sort(
                (a, b) -> {
                    for (int i = 0; i < Math.min(a.key().size(), b.key().size()); i++) {
                        Range x = a.key().get(i);
                        Range y = b.key().get(i);
                        int c = Range.compare(x.lowHigh(), x.lowLow(), y.lowHigh(), y.lowLow());
                        if (c != 0) {
                            return c;
                        }
                    }
                    return Integer.compare(b.key().size(), a.key().size());
                });
        List<Element> merged = new ArrayList<>();
        for (Element element : sorted) {
            Element last = merged.isEmpty() ? null : merged.getLast();
            boolean touch =
                    set.holds() == ElementSet.Holds.NOTHING
                            && last != null
                            && element.key().size() == 1
                            && last.key().size() == 1
                            && !(element.key().getFirst().isSingle()
                                    && last.key().getFirst().isSingle())
                            && touch(last.key().getFirst(), element.key().getFirst());
            if (touch) {
                Range a = last.key().getFirst();
                Range b = element.key().getFirst();
                boolean longer =
                        Range.compare(b.highHigh(), b.highLow(), a.highHigh(), a.highLow()) > 0;
                Range end = longer ? b : a;
                Range both = new Range(a.lowHigh(), a.lowLow(), end.highHigh(), end.highLow());
                merged.set(merged.size() - 1, new Element(List.of(both), null, last.at()));
            } else if (last == null || !last.key().equals(element.key())) {
                merged.add(element);
            }
        }
        return merged;
    }

    private static boolean touch(Range a, Range b) {
        return a.overlaps(b) || (a.highHigh() == b.lowHigh() && a.highLow() + 1 == b.lowLow());
    }

    private static String object(NamedObject object) {
        return switch (object) {
            case NamedObject.Counter c ->
                    "counter " + c.name() + " " + c.packets() + " " + c.bytes();
            case NamedObject.Quota q -> "quota " + q.name() + " " + q.size();
            case NamedObject.Limit l -> "limit " + l.name() + " " + l.rate();
            case NamedObject.Helper h -> h.helper().toString();
            case NamedObject.Timeout t -> {
                TimeoutObject of = t.timeout();
                yield of.name()
                        + " "
                        + of.l4proto()
                        + " "
                        + of.family()
                        + " "
                        + new java.util.TreeMap<>(of.seconds());
            }
            case NamedObject.Expectation e ->
                    "expectation "
                            + e.name()
                            + " "
                            + e.l4proto()
                            + " "
                            + e.family()
                            + " "
                            + e.port()
                            + " "
                            + e.timeoutMillis()
                            + " "
                            + e.size();
        };
    }
}
