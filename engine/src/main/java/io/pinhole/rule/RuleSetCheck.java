package io.pinhole.rule;

import io.pinhole.core.Hook;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the kernel checks when it takes a rule set, whatever text it came from: chains exist, are no
 * base chains, do not nest too deep; chains fit their hooks; statements fit their chains; objects
 * exist.
 */
public final class RuleSetCheck {
    /** NFT_JUMP_STACK_SIZE: a base chain is level 0, level 16 is refused. */
    public static final int MAX_JUMP_DEPTH = 16;

    /**
     * Visits of chains that one packet may cost at worst. The kernel has no such limit before 6.18
     * and takes rule sets that hang it; ours is far above any that people write.
     */
    public static final long MAX_VISITS = 100_000;

    private static final Set<Hook> REJECT_HOOKS =
            EnumSet.of(Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT);

    private final List<Problem> problems = new ArrayList<>();

    private RuleSetCheck() {}

    /** One thing the kernel would refuse. */
    public record Problem(SourcePos at, String message) {}

    /** Empty if {@link RuleSet#compile()} may be called. */
    public static List<Problem> check(RuleSet rules) {
        RuleSetCheck check = new RuleSetCheck();
        for (Table table : rules.tables()) {
            check.table(table);
        }
        return check.problems;
    }

    private void problem(SourcePos at, String message) {
        problems.add(new Problem(at, message));
    }

    /** A jump or goto of a chain, wherever it is written. */
    private record Edge(String to, SourcePos at) {}

    private void table(Table table) {
        Map<String, Chain> chains = new LinkedHashMap<>();
        for (Chain chain : table.chains()) {
            chains.put(chain.name(), chain);
        }
        Map<String, List<Edge>> edges = new HashMap<>();
        for (Chain chain : table.chains()) {
            List<Edge> out = new ArrayList<>();
            for (Rule rule : chain.rules()) {
                for (Statement statement : rule.statements()) {
                    collect(statement, out);
                    object(table, statement);
                }
            }
            out.removeIf(edge -> !target(edge, chains));
            edges.put(chain.name(), out);
        }
        Map<String, Long> visits = new HashMap<>();
        for (Chain chain : table.chains()) {
            BaseChain base = chain.base();
            if (base != null) {
                attachment(chain, base);
                if (depth(chain, edges)) {
                    long cost = visits(chain.name(), edges, visits);
                    if (cost > MAX_VISITS) {
                        problem(
                                chain.at(),
                                "a packet may visit more than "
                                        + MAX_VISITS
                                        + " chains from here: too many jumps to chains that jump");
                    }
                }
                reachable(chain, base, chains, edges);
            }
        }
    }

    private static void collect(Statement statement, List<Edge> out) {
        if (statement instanceof Statement.Verdict verdict) {
            collect(verdict.action(), out);
        } else if (statement instanceof Statement.VerdictMap map) {
            for (Element element : map.map().elements()) {
                if (element.data() instanceof Element.Data.ToVerdict(Action action)) {
                    collect(action, out);
                }
            }
        }
    }

    private static void collect(Action action, List<Edge> out) {
        if (action instanceof Action.Jump(String chain, SourcePos at)) {
            out.add(new Edge(chain, at));
        } else if (action instanceof Action.Goto(String chain, SourcePos at)) {
            out.add(new Edge(chain, at));
        }
    }

    private boolean target(Edge edge, Map<String, Chain> chains) {
        Chain chain = chains.get(edge.to());
        if (chain == null) {
            problem(edge.at(), "no chain '" + edge.to() + "' in this table");
            return false;
        }
        if (chain.base() != null) {
            problem(edge.at(), "'" + edge.to() + "' is a base chain, nothing can jump to it");
            return false;
        }
        return true;
    }

    /**
     * Level by level from a base chain: a chain that is still reached at level 16 nests too deep,
     * or in a circle.
     */
    private boolean depth(Chain base, Map<String, List<Edge>> edges) {
        Map<String, SourcePos> level = new LinkedHashMap<>();
        level.put(base.name(), base.at());
        for (int depth = 1; depth <= MAX_JUMP_DEPTH; depth++) {
            Map<String, SourcePos> next = new LinkedHashMap<>();
            for (String name : level.keySet()) {
                for (Edge edge : edges.getOrDefault(name, List.of())) {
                    next.putIfAbsent(edge.to(), edge.at());
                }
            }
            level = next;
        }
        for (Map.Entry<String, SourcePos> tooDeep : level.entrySet()) {
            problem(
                    tooDeep.getValue(),
                    "jumps nest deeper than "
                            + (MAX_JUMP_DEPTH - 1)
                            + " from base chain '"
                            + base.name()
                            + "', or go in a circle");
            return false;
        }
        return true;
    }

    /**
     * Chains a packet may enter from this one, itself included; only on a graph without circles.
     */
    private static long visits(
            String name, Map<String, List<Edge>> edges, Map<String, Long> known) {
        Long before = known.get(name);
        if (before != null) {
            return before;
        }
        long sum = 1;
        for (Edge edge : edges.getOrDefault(name, List.of())) {
            sum = Math.min(MAX_VISITS + 1, sum + visits(edge.to(), edges, known));
        }
        known.put(name, sum);
        return sum;
    }

    private void attachment(Chain chain, BaseChain base) {
        if (!base.type().allowedAt(base.hook())) {
            problem(
                    chain.at(),
                    "a chain of type "
                            + base.type().label()
                            + " cannot be attached to hook "
                            + base.hook().label());
        }
        if (base.type() == ChainType.NAT && base.priority() <= RuleProgram.CONNTRACK_PRIORITY) {
            problem(
                    chain.at(),
                    "a chain of type nat needs a priority above -200, where flows are known");
        }
    }

    /**
     * Statements that only some hooks or chain types allow, in all chains a base chain leads to.
     */
    private void reachable(
            Chain base,
            BaseChain attached,
            Map<String, Chain> chains,
            Map<String, List<Edge>> edges) {
        Map<String, Chain> seen = new LinkedHashMap<>();
        List<Chain> todo = new ArrayList<>(List.of(base));
        seen.put(base.name(), base);
        while (!todo.isEmpty()) {
            Chain chain = todo.removeLast();
            for (Rule rule : chain.rules()) {
                for (Statement statement : rule.statements()) {
                    place(statement, base, attached);
                }
            }
            for (Edge edge : edges.getOrDefault(chain.name(), List.of())) {
                Chain to = chains.get(edge.to());
                if (to != null && seen.putIfAbsent(to.name(), to) == null) {
                    todo.add(to);
                }
            }
        }
    }

    private void place(Statement statement, Chain base, BaseChain attached) {
        if (statement instanceof Statement.Reject && !REJECT_HOOKS.contains(attached.hook())) {
            problem(
                    statement.at(),
                    "reject is not possible at hook "
                            + attached.hook().label()
                            + " (base chain '"
                            + base.name()
                            + "')");
        }
        if (statement instanceof Statement.Nat && attached.type() != ChainType.NAT) {
            problem(
                    statement.at(),
                    "address translation needs a base chain of type nat, '"
                            + base.name()
                            + "' is of type "
                            + attached.type().label());
        }
    }

    private void object(Table table, Statement statement) {
        if (statement instanceof Statement.FlowAdd flow
                && !table.flowtables().contains(flow.flowtable())) {
            problem(flow.at(), "no flowtable '" + flow.flowtable() + "' in this table");
        }
        if (!(statement instanceof Statement.UseObject use)) {
            return;
        }
        String name = use.name();
        if (name != null) {
            object(table, use.kind(), name, use.at());
        }
        Statement.ObjectMap map = use.map();
        if (map != null) {
            for (Element element : map.map().elements()) {
                if (element.data() instanceof Element.Data.ObjectName(String of)) {
                    object(table, use.kind(), of, element.at());
                }
            }
        }
    }

    private void object(Table table, ObjectKind kind, String name, SourcePos at) {
        if (table.object(kind, name) == null) {
            problem(at, "no " + kind.label() + " object '" + name + "' in this table");
        }
    }
}
