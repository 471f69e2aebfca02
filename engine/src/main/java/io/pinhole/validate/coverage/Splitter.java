package io.pinhole.validate.coverage;

import io.pinhole.core.CtState;
import io.pinhole.rule.Canonical;
import io.pinhole.rule.Chain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Splits rules by the elements of their sets: one rule for each element, which no other's packets
 * match, in the place of the rule. Verdicts and the rules they name stay the same; the counters of
 * the parts say which elements were reached.
 */
final class Splitter {
    /** Parts of one rule; sets that would make more are not looked into. */
    static final int MAX_PARTS = 1024;

    /**
     * One alternative of a rule.
     *
     * @param text as a person writes it
     */
    record Choice(String text, SourcePos at) {}

    /**
     * A part of a rule.
     *
     * @param origin its own, with the rule's text
     * @param choices the elements it stands for, one for each set that was split
     */
    record Part(RuleOrigin origin, List<Choice> choices) {}

    /**
     * A rule and its parts.
     *
     * @param groups the elements of each set that was split
     */
    record Split(
            Table table, Chain chain, Rule rule, List<Part> parts, List<List<Choice>> groups) {}

    private final List<Split> splits = new ArrayList<>();

    /** The rules in the order of the text; none of chains that judge nothing. */
    List<Split> splits() {
        return splits;
    }

    RuleSet split(RuleSet rules) {
        List<Table> tables = new ArrayList<>();
        for (Table table : rules.tables()) {
            List<Chain> chains = new ArrayList<>();
            for (Chain chain : table.chains()) {
                chains.add(split(table, chain));
            }
            tables.add(
                    new Table(
                            table.family(),
                            table.name(),
                            table.dormant(),
                            chains,
                            table.sets(),
                            table.objects(),
                            table.flowtables(),
                            table.at()));
        }
        return new RuleSet(rules.name(), tables);
    }

    private Chain split(Table table, Chain chain) {
        boolean judges =
                !table.dormant() && (chain.base() == null || chain.base().type() != ChainType.NAT);
        if (!judges) {
            return chain;
        }
        List<Rule> out = new ArrayList<>();
        for (Rule rule : chain.rules()) {
            out.addAll(split(table, chain, rule));
        }
        return new Chain(chain.name(), chain.base(), out, chain.at());
    }

    /** One way for a rule to go on: the statements, and the choices made so far. */
    private record Branch(List<Statement> statements, List<Choice> choices) {}

    /** What one statement can be: alternatives, no two of which match the same packet. */
    private record Alternative(List<Statement> statements, Choice choice) {}

    private List<Rule> split(Table table, Chain chain, Rule rule) {
        List<Branch> branches = new ArrayList<>();
        branches.add(new Branch(List.of(), List.of()));
        List<List<Choice>> groups = new ArrayList<>();
        boolean stateful = rule.statements().stream().anyMatch(Splitter::hasState);
        for (Statement statement : rule.statements()) {
            List<Alternative> alternatives = stateful ? null : alternatives(statement);
            if (alternatives == null || branches.size() * alternatives.size() > MAX_PARTS) {
                alternatives = List.of();
            } else {
                groups.add(alternatives.stream().map(Alternative::choice).toList());
            }
            List<Branch> next = new ArrayList<>();
            for (Branch branch : branches) {
                if (alternatives.isEmpty()) {
                    next.add(
                            new Branch(
                                    with(branch.statements, List.of(statement)), branch.choices));
                }
                for (Alternative a : alternatives) {
                    List<Choice> choices = new ArrayList<>(branch.choices);
                    choices.add(a.choice);
                    next.add(new Branch(with(branch.statements, a.statements), choices));
                }
            }
            branches = next;
        }
        List<Rule> out = new ArrayList<>();
        List<Part> parts = new ArrayList<>();
        for (Branch branch : branches) {
            RuleOrigin origin = rule.origin();
            if (branches.size() > 1) {
                String which = String.join(" ", branch.choices.stream().map(Choice::text).toList());
                origin = new RuleOrigin(origin.text(), origin.source() + " [" + which + "]");
            }
            out.add(new Rule(branch.statements, rule.comment(), origin, rule.at()));
            parts.add(new Part(origin, branch.choices));
        }
        splits.add(new Split(table, chain, rule, parts, groups));
        return out;
    }

    private static List<Statement> with(List<Statement> a, List<Statement> b) {
        List<Statement> out = new ArrayList<>(a);
        out.addAll(b);
        return out;
    }

    /** Parts of such a rule would count apart. */
    private static boolean hasState(Statement s) {
        return s instanceof Statement.Limit
                || s instanceof Statement.Quota
                || s instanceof Statement.ConnLimit
                || s instanceof Statement.UpdateSet
                || (s instanceof Statement.InSet in && in.set().living() != null);
    }

    /** Null for a statement that is one thing only. */
    private static @Nullable List<Alternative> alternatives(Statement statement) {
        List<Alternative> out = new ArrayList<>();
        switch (statement) {
            case Statement.InSet s
                    when !s.negated() && !s.implied() && s.set().living() == null -> {
                if (s.set().elements().stream().anyMatch(Element::isCatchAll)) {
                    return null;
                }
                for (Element e : s.set().elements()) {
                    out.add(
                            new Alternative(
                                    List.of(within(s.key(), s.set(), List.of(e), false, s.at())),
                                    choice(e, s.set())));
                }
            }
            case Statement.VerdictMap m -> {
                List<Element> plain =
                        m.map().elements().stream().filter(e -> !e.isCatchAll()).toList();
                for (Element e : m.map().elements()) {
                    if (!(e.data() instanceof Element.Data.ToVerdict(var action))) {
                        return null;
                    }
                    Statement match =
                            e.isCatchAll()
                                    ? within(m.key(), m.map(), plain, true, m.at())
                                    : within(m.key(), m.map(), List.of(e), false, m.at());
                    out.add(
                            new Alternative(
                                    List.of(match, new Statement.Verdict(action, m.at())),
                                    choice(e, m.map())));
                }
            }
            case Statement.AnyBit b when !b.negated() && isCtState(b.value()) -> {
                for (CtState state : CtState.values()) {
                    if ((b.mask() & state.bit()) != 0) {
                        out.add(
                                new Alternative(
                                        List.of(
                                                new Statement.AnyBit(
                                                        b.value(), state.bit(), false, b.at())),
                                        new Choice("ct state " + state.label(), b.at())));
                    }
                }
            }
            default -> {
                return null;
            }
        }
        return out.size() < 2 ? null : out;
    }

    private static boolean isCtState(Expr value) {
        return value instanceof Expr.Load(Field field) && field == Field.CT_STATE;
    }

    /** A match against some elements of a set. */
    private static Statement within(
            List<Expr> key, ElementSet set, List<Element> elements, boolean negated, SourcePos at) {
        List<Element> keys =
                elements.stream().map(e -> new Element(e.key(), null, e.at())).toList();
        ElementSet part =
                new ElementSet(
                        null, set.keyTypes(), ElementSet.Holds.NOTHING, null, keys, set.at());
        return new Statement.InSet(key, part, negated, false, at);
    }

    private static Choice choice(Element e, ElementSet set) {
        return new Choice(Canonical.element(e, set), e.at());
    }
}
