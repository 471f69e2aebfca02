package io.pinhole.cli;

import io.pinhole.rule.Action;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.Range;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Rule sets that differ from another in one thing. */
final class RuleMutants {
    /**
     * A rule set with one change.
     *
     * @param what was changed, with the rule's line
     * @param stateful true if the change concerns a limit, which nothing but time can tell
     */
    record Mutant(String what, RuleSet rules, boolean stateful) {}

    private final RuleSet rules;
    private final List<Mutant> out = new ArrayList<>();

    private RuleMutants(RuleSet rules) {
        this.rules = rules;
    }

    static List<Mutant> of(RuleSet rules) {
        RuleMutants mutants = new RuleMutants(rules);
        for (int t = 0; t < rules.tables().size(); t++) {
            for (int c = 0; c < rules.tables().get(t).chains().size(); c++) {
                mutants.chain(t, c);
            }
        }
        return mutants.out;
    }

    private void chain(int t, int c) {
        Chain chain = rules.tables().get(t).chains().get(c);
        BaseChain base = chain.base();
        if (base != null) {
            BaseChain flipped =
                    new BaseChain(
                            base.type(),
                            base.hook(),
                            base.priority(),
                            !base.policyAccept(),
                            base.created(),
                            base.policyAt());
            add(
                    t,
                    c,
                    new Chain(chain.name(), flipped, chain.rules(), chain.at()),
                    base.policyAt().shortText()
                            + " policy "
                            + (base.policyAccept() ? "drop" : "accept"),
                    false);
        }
        List<Rule> all = chain.rules();
        for (int r = 0; r < all.size(); r++) {
            Rule rule = all.get(r);
            List<Rule> without = new ArrayList<>(all);
            without.remove(r);
            replace(t, c, without, rule, "deleted", false);
            if (r + 1 < all.size()) {
                List<Rule> swapped = new ArrayList<>(all);
                swapped.set(r, all.get(r + 1));
                swapped.set(r + 1, rule);
                replace(t, c, swapped, rule, "swapped with the next", false);
            }
            for (int s = 0; s < rule.statements().size(); s++) {
                statement(t, c, r, s);
            }
        }
    }

    private void statement(int t, int c, int r, int s) {
        Table table = rules.tables().get(t);
        Rule rule = table.chains().get(c).rules().get(r);
        switch (rule.statements().get(s)) {
            case Statement.InRange m -> {
                if (m.implied()) {
                    return;
                }
                with(t, c, r, s, null, "without " + show(m));
                with(t, c, r, s, inRange(m, m.range(), !m.negated()), "negated " + show(m));
                for (Range range : ranges(m.range(), m.value().type())) {
                    with(
                            t,
                            c,
                            r,
                            s,
                            inRange(m, range, m.negated()),
                            show(m) + " as " + show(range));
                }
            }
            case Statement.AnyBit m -> {
                with(t, c, r, s, null, "without " + show(m));
                with(
                        t,
                        c,
                        r,
                        s,
                        new Statement.AnyBit(m.value(), m.mask(), !m.negated(), m.at()),
                        "negated " + show(m));
            }
            case Statement.InSet m -> {
                if (m.implied()) {
                    return;
                }
                with(t, c, r, s, null, "without " + show(m));
                with(
                        t,
                        c,
                        r,
                        s,
                        new Statement.InSet(m.key(), m.set(), !m.negated(), false, m.at()),
                        "negated " + show(m));
                elements(t, c, r, s, m);
            }
            case Statement.Verdict v -> {
                Action other =
                        v.action() instanceof Action.Accept
                                ? new Action.Drop()
                                : new Action.Accept();
                with(t, c, r, s, new Statement.Verdict(other, v.at()), "verdict " + other.text());
                if (v.action() instanceof Action.Jump) {
                    with(t, c, r, s, null, "without its jump");
                }
            }
            case Statement.UseObject u -> {
                if (u.kind() == ObjectKind.HELPER) {
                    with(t, c, r, s, null, "without its helper");
                    for (NamedObject o : table.objects()) {
                        if (o.kind() == ObjectKind.HELPER && !o.name().equals(u.name())) {
                            with(
                                    t,
                                    c,
                                    r,
                                    s,
                                    new Statement.UseObject(
                                            ObjectKind.HELPER, o.name(), null, u.at()),
                                    "helper " + o.name());
                        }
                    }
                }
            }
            case Statement.Limit l -> {
                List<Statement> rest = new ArrayList<>(rule.statements());
                rest.remove(s);
                one(t, c, r, rest, "without its limit", true);
            }
            default -> {}
        }
    }

    private void elements(int t, int c, int r, int s, Statement.InSet m) {
        List<Element> all = m.set().elements();
        for (int e = 0; e < all.size(); e++) {
            List<Element> fewer = new ArrayList<>(all);
            Element element = fewer.remove(e);
            with(t, c, r, s, inSet(m, fewer), "without element " + e + " of " + show(m));
            if (element.key().size() != 1) {
                continue;
            }
            DataType type = m.set().keyTypes().getFirst();
            for (Range range : ranges(element.key().getFirst(), type)) {
                List<Element> changed = new ArrayList<>(all);
                changed.set(e, new Element(List.of(range), element.data(), element.at()));
                with(t, c, r, s, inSet(m, changed), "element " + e + " as " + show(range));
            }
        }
    }

    private static Statement inRange(Statement.InRange m, Range range, boolean negated) {
        return new Statement.InRange(m.value(), range, negated, false, m.at());
    }

    private static Statement inSet(Statement.InSet m, List<Element> elements) {
        ElementSet set = m.set();
        return new Statement.InSet(
                m.key(),
                new ElementSet(
                        null, set.keyTypes(), set.holds(), set.dataType(), elements, set.at()),
                m.negated(),
                false,
                m.at());
    }

    /** The next number, one less, one more at either end; for a prefix also twice as wide. */
    private static List<Range> ranges(Range range, DataType type) {
        BigInteger low = big(range.lowHigh(), range.lowLow());
        BigInteger high = big(range.highHigh(), range.highLow());
        BigInteger most = BigInteger.ONE.shiftLeft(type.bits()).subtract(BigInteger.ONE);
        List<Range> found = new ArrayList<>();
        if (type.kind() == DataType.Kind.NAME || type.kind() == DataType.Kind.FLAGS) {
            return found;
        }
        BigInteger one = BigInteger.ONE;
        if (range.isSingle()) {
            add(found, low.add(one), high.add(one), most);
            add(found, low.subtract(one), high.subtract(one), most);
            add(found, low.clearBit(0), low.setBit(0), most);
        } else {
            add(found, low.add(one), high, most);
            add(found, low.subtract(one), high, most);
            add(found, low, high.subtract(one), most);
            add(found, low, high.add(one), most);
            BigInteger size = high.subtract(low).add(one);
            if (size.bitCount() == 1 && low.mod(size).signum() == 0) {
                BigInteger wide = low.subtract(low.mod(size.shiftLeft(1)));
                add(found, wide, wide.add(size.shiftLeft(1)).subtract(one), most);
                add(found, low, low.add(size.shiftRight(1)).subtract(one), most);
                add(found, low.add(size.shiftRight(1)), high, most);
            }
        }
        return found;
    }

    private static void add(List<Range> to, BigInteger low, BigInteger high, BigInteger most) {
        if (low.signum() >= 0 && high.compareTo(most) <= 0 && low.compareTo(high) <= 0) {
            to.add(
                    new Range(
                            low.shiftRight(64).longValue(),
                            low.longValue(),
                            high.shiftRight(64).longValue(),
                            high.longValue()));
        }
    }

    private static BigInteger big(long high, long low) {
        return new BigInteger(Long.toUnsignedString(high))
                .shiftLeft(64)
                .add(new BigInteger(Long.toUnsignedString(low)));
    }

    private static String show(Statement m) {
        return switch (m) {
            case Statement.InRange r -> field(r.value());
            case Statement.AnyBit b -> field(b.value());
            case Statement.InSet s -> field(s.key().getFirst());
            default -> "";
        };
    }

    private static String field(Expr e) {
        return io.pinhole.rule.Canonical.expr(e);
    }

    private static String show(Range r) {
        return big(r.lowHigh(), r.lowLow()).toString(16)
                + "-"
                + big(r.highHigh(), r.highLow()).toString(16);
    }

    // ---- putting a changed piece into its place ----

    private void with(
            int t,
            int c,
            int r,
            int s,
            @org.jspecify.annotations.Nullable Statement by,
            String what) {
        Rule rule = rules.tables().get(t).chains().get(c).rules().get(r);
        List<Statement> statements = new ArrayList<>(rule.statements());
        if (by == null) {
            statements.remove(s);
        } else {
            statements.set(s, by);
        }
        boolean stateful = rule.statements().stream().anyMatch(x -> x instanceof Statement.Limit);
        one(t, c, r, statements, what, stateful);
    }

    private void one(
            int t, int c, int r, List<Statement> statements, String what, boolean stateful) {
        List<Rule> all = new ArrayList<>(rules.tables().get(t).chains().get(c).rules());
        Rule rule = all.get(r);
        if (statements.isEmpty()) {
            return;
        }
        all.set(r, new Rule(statements, rule.comment(), rule.origin(), rule.at()));
        replace(t, c, all, rule, what, stateful);
    }

    private void replace(int t, int c, List<Rule> by, Rule rule, String what, boolean stateful) {
        Chain chain = rules.tables().get(t).chains().get(c);
        add(
                t,
                c,
                new Chain(chain.name(), chain.base(), by, chain.at()),
                rule.origin().text() + " " + what,
                stateful);
    }

    private void add(int t, int c, Chain by, String what, boolean stateful) {
        List<Table> tables = new ArrayList<>(rules.tables());
        Table table = tables.get(t);
        List<Chain> chains = new ArrayList<>(table.chains());
        chains.set(c, by);
        tables.set(
                t,
                new Table(
                        table.family(),
                        table.name(),
                        table.dormant(),
                        chains,
                        table.sets(),
                        table.objects(),
                        table.flowtables(),
                        table.at()));
        out.add(new Mutant(what, new RuleSet(rules.name(), tables), stateful));
    }
}
