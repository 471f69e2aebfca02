package io.pinhole.rule;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * A whole rule set that passed every check; {@link #compile()} cannot fail.
 *
 * @param name for messages: the file name without directories
 */
public record RuleSet(String name, List<Table> tables) {
    public RuleSet {
        tables = List.copyOf(tables);
    }

    /** Tables that two of these sets have: they cannot be in force together. */
    public static List<RuleError> conflicts(List<RuleSet> sets) {
        List<RuleError> out = new ArrayList<>();
        Map<String, Table> seen = new HashMap<>();
        for (RuleSet set : sets) {
            for (Table table : set.tables) {
                Table before = seen.putIfAbsent(table.family().label() + " " + table.name(), table);
                if (before != null) {
                    String name = table.family().label() + " " + table.name();
                    String why = "table '" + name + "' is also in " + before.at().file();
                    out.add(
                            new RuleError(
                                    table.at().file(),
                                    table.at().line(),
                                    table.at().column(),
                                    why,
                                    name));
                }
            }
        }
        return out;
    }

    /** Several sets as one, loaded one after another; they have no conflicts. */
    public static RuleSet joined(List<RuleSet> sets) {
        List<Table> tables = new ArrayList<>();
        int created = 0;
        for (RuleSet set : sets) {
            int from = created;
            for (Table table : set.tables) {
                List<Chain> chains = new ArrayList<>();
                for (Chain chain : table.chains()) {
                    BaseChain base = chain.base();
                    chains.add(base == null ? chain : chain.with(base.createdAt(from)));
                    created += base == null ? 0 : 1;
                }
                tables.add(table.with(chains));
            }
        }
        return new RuleSet(
                sets.stream().map(RuleSet::name).collect(Collectors.joining("+")), tables);
    }

    /**
     * A program of this rule set. Each call gives one with counters, limits and quotas of its own;
     * one thread each.
     */
    public CompiledRules compile() {
        return new RuleCompiler(this).compile();
    }

    /**
     * Rules and policies of NAT that a verdict may depend on: whoever evaluates the rule set must
     * refuse it or say that it judges without them. Empty if there are none. {@link #compile()}
     * leaves chains of type nat out.
     */
    public List<RuleOrigin> natRules() {
        List<RuleOrigin> out = new ArrayList<>();
        for (Table table : tables) {
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                boolean nat = base != null && base.type() == ChainType.NAT;
                if (base != null && nat && !base.policyAccept()) {
                    out.add(RuleOrigin.policy(base.policyAt()));
                }
                for (Rule rule : chain.rules()) {
                    if (rule.statements().stream()
                            .anyMatch(s -> s instanceof Statement.Nat || (nat && acts(s)))) {
                        out.add(rule.origin());
                    }
                }
            }
        }
        return out;
    }

    /** True if the statement changes more than which rule of its own chain comes next. */
    private static boolean acts(Statement statement) {
        return switch (statement) {
            case Statement.Verdict(Action action, SourcePos at) -> !harmless(action);
            case Statement.VerdictMap(var key, ElementSet map, var at) ->
                    map.elements().stream()
                            .anyMatch(
                                    e ->
                                            e.data() instanceof Element.Data.ToVerdict(Action a)
                                                    && !harmless(a));
            case Statement.Reject r -> true;
            case Statement.UseObject u ->
                    u.kind() == ObjectKind.HELPER || u.kind() == ObjectKind.TIMEOUT;
            case Statement.Notrack n -> true;
            case Statement.SetMark s -> true;
            case Statement.SetCtMark s -> true;
            case Statement.UpdateSet u -> true;
            case Statement.Nat n -> true;
            case Statement.InRange i -> false;
            case Statement.AnyBit a -> false;
            case Statement.InSet i -> false;
            case Statement.Counter c -> false;
            case Statement.Limit l -> false;
            case Statement.ConnLimit c -> false;
            case Statement.Quota q -> false;
            case Statement.Log l -> false;
            case Statement.FlowAdd f -> false;
        };
    }

    /** A jump may lead to a drop. */
    private static boolean harmless(Action action) {
        return action instanceof Action.Accept
                || action instanceof Action.Return
                || action instanceof Action.Continue;
    }

    /** Rules that read iif, oif, iifname or oifname, outside NAT chains. */
    public List<RuleOrigin> interfaceRules() {
        List<RuleOrigin> out = new ArrayList<>();
        for (Table table : tables) {
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                if (base != null && base.type() == ChainType.NAT) {
                    continue;
                }
                for (Rule rule : chain.rules()) {
                    if (Reads.any(rule, Field::isInterface)) {
                        out.add(rule.origin());
                    }
                }
            }
        }
        return out;
    }

    /**
     * Whether the only interface that rules ask for is {@code lo}, by its whole name: no packet
     * between two hosts goes that way, so that nobody has to say what lies behind which.
     */
    public boolean readsLoopbackOnly() {
        for (Table table : tables) {
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                if (base != null && base.type() == ChainType.NAT) {
                    continue;
                }
                for (Rule rule : chain.rules()) {
                    if (Reads.any(rule, Field::isInterface)
                            && !rule.statements().stream().allMatch(RuleSet::asksLoopback)) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    private static boolean asksLoopback(Statement statement) {
        if (!Reads.any(statement, Field::isInterface)) {
            return true;
        }
        long high = DataType.nameHigh("lo");
        long low = DataType.nameLow("lo");
        return statement instanceof Statement.InRange s
                && s.value() instanceof Expr.Load
                && s.range().equals(Range.of(high, low));
    }

    /** Rules in all chains. */
    public int ruleCount() {
        return tables.stream()
                .flatMap(t -> t.chains().stream())
                .mapToInt(c -> c.rules().size())
                .sum();
    }

    /** How many rules read a field of this kind. */
    public int rulesReading(Predicate<Field> wanted) {
        return (int)
                tables.stream()
                        .flatMap(t -> t.chains().stream())
                        .flatMap(c -> c.rules().stream())
                        .filter(r -> Reads.any(r, wanted))
                        .count();
    }

    /** True if verdicts depend on limits, quotas, counts or changing sets across flows. */
    public boolean hasGlobalState() {
        return anyStatement(
                s ->
                        s instanceof Statement.Limit
                                || s instanceof Statement.Quota
                                || s instanceof Statement.ConnLimit
                                || s instanceof Statement.UpdateSet
                                || (s instanceof Statement.InSet in && in.set().living() != null)
                                || (s instanceof Statement.UseObject use
                                        && (use.kind() == ObjectKind.LIMIT
                                                || use.kind() == ObjectKind.QUOTA)));
    }

    /** True if any rule assigns a helper of type ftp. */
    public boolean assignsHelper() {
        for (Table table : tables) {
            for (Chain chain : table.chains()) {
                for (Rule rule : chain.rules()) {
                    for (Statement statement : rule.statements()) {
                        if (statement instanceof Statement.UseObject use
                                && use.kind() == ObjectKind.HELPER
                                && assignsFtp(table, use)) {
                            return true;
                        }
                    }
                }
            }
        }
        return false;
    }

    private static boolean assignsFtp(Table table, Statement.UseObject use) {
        List<String> names = new ArrayList<>();
        if (use.name() != null) {
            names.add(use.name());
        }
        if (use.map() != null) {
            for (Element element : use.map().map().elements()) {
                if (element.data() instanceof Element.Data.ObjectName(String name)) {
                    names.add(name);
                }
            }
        }
        return names.stream()
                .map(name -> table.object(ObjectKind.HELPER, name))
                .anyMatch(
                        o -> o instanceof NamedObject.Helper h && h.helper().type().equals("ftp"));
    }

    private boolean anyStatement(Predicate<Statement> test) {
        return tables.stream()
                .flatMap(t -> t.chains().stream())
                .flatMap(c -> c.rules().stream())
                .flatMap(r -> r.statements().stream())
                .anyMatch(test);
    }
}
