package io.pinhole.rule.explain;

import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.Action;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.Element;
import io.pinhole.rule.Field;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Looks for the smallest changes of a dropped packet that let it pass: fewest fields first, and
 * among these what is easiest to bring about. Candidates are the ways to an accept in the hook that
 * dropped it, and each test of the rule that did; a candidate counts only once the changed packet
 * has been through all rules.
 */
final class Changes {
    private static final int MAX_WAYS = 2000;
    private static final int MAX_TRIALS = 400;
    private static final int SHOWN = 3;
    private static final int MAX_DEPTH = 16;

    private final RuleSet rules;
    private final Hook main;

    Changes(RuleSet rules, Hook main) {
        this.rules = rules;
        this.main = main;
    }

    /** A packet to be tried. */
    private record Candidate(PacketSpec packet, List<Demand.Edit> edits, Rule rule, int cost) {}

    /** The tests between the start of a base chain and a rule that accepts. */
    private record Way(List<Statement> tests, Rule rule) {}

    List<Explanation.Change> of(PacketSpec spec, Walker.Outcome dropped) {
        List<Candidate> candidates = new ArrayList<>();
        for (Table table : rules.tables()) {
            Map<String, Chain> chains = new HashMap<>();
            table.chains().forEach(c -> chains.put(c.name(), c));
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                if (base != null
                        && base.hook() == dropped.hook()
                        && base.type() != ChainType.NAT
                        && !table.dormant()) {
                    List<Way> ways = new ArrayList<>();
                    collect(chain, chains, List.of(), ways, 0);
                    ways.forEach(way -> candidate(spec, way, candidates));
                }
            }
            for (Chain chain : table.chains()) {
                for (Rule rule : chain.rules()) {
                    if (rule.origin().equals(dropped.decidedBy())) {
                        evade(spec, rule, candidates);
                    }
                }
            }
        }
        candidates.sort(Comparator.comparingInt(Candidate::cost));
        return tried(candidates);
    }

    private void collect(
            Chain chain,
            Map<String, Chain> chains,
            List<Statement> before,
            List<Way> out,
            int depth) {
        for (Rule rule : chain.rules()) {
            if (out.size() >= MAX_WAYS) {
                return;
            }
            List<Statement> tests = new ArrayList<>(before);
            for (Statement statement : rule.statements()) {
                if (statement instanceof Statement.Verdict(Action action, var at)) {
                    follow(action, rule, chains, tests, out, depth);
                } else if (statement instanceof Statement.VerdictMap map) {
                    for (Element element : map.map().elements()) {
                        if (element.data() instanceof Element.Data.ToVerdict(Action action)) {
                            List<Statement> more = new ArrayList<>(tests);
                            more.add(Demand.inElement(map, element));
                            follow(action, rule, chains, more, out, depth);
                        }
                    }
                } else {
                    tests.add(statement);
                }
            }
        }
    }

    private void follow(
            Action action,
            Rule rule,
            Map<String, Chain> chains,
            List<Statement> tests,
            List<Way> out,
            int depth) {
        switch (action) {
            case Action.Accept() -> out.add(new Way(List.copyOf(tests), rule));
            case Action.Jump(String name, var at) -> enter(name, chains, tests, out, depth);
            case Action.Goto(String name, var at) -> enter(name, chains, tests, out, depth);
            case Action.Drop() -> {}
            case Action.Return() -> {}
            case Action.Continue() -> {}
        }
    }

    private void enter(
            String name,
            Map<String, Chain> chains,
            List<Statement> tests,
            List<Way> out,
            int depth) {
        Chain chain = chains.get(name);
        if (chain != null && depth < MAX_DEPTH) {
            collect(chain, chains, tests, out, depth + 1);
        }
    }

    /** The packet that takes this way, with as few changes as may be. */
    private static void candidate(PacketSpec spec, Way way, List<Candidate> out) {
        Demand demand = new Demand(tracked(spec));
        for (Statement test : way.tests()) {
            if (!demand.add(test)) {
                return;
            }
        }
        add(spec, demand.edits(), way.rule(), out);
    }

    /** Packets that break the dropping rule at one of its tests. */
    private static void evade(PacketSpec spec, Rule rule, List<Candidate> out) {
        for (Statement test : rule.statements()) {
            for (Statement opposite : Demand.opposites(test)) {
                Demand demand = new Demand(tracked(spec));
                if (demand.add(opposite)) {
                    add(spec, demand.edits(), rule, out);
                }
            }
        }
    }

    private static void add(
            PacketSpec spec, @Nullable List<Demand.Edit> edits, Rule rule, List<Candidate> out) {
        if (edits == null || edits.isEmpty()) {
            return;
        }
        PacketSpec changed = spec;
        int cost = 0;
        for (Demand.Edit edit : edits) {
            if (edit.field() == Field.CT_STATE
                    && edit.low() == CtState.ESTABLISHED.bit()
                    && spec.tcpFlags() == PacketView.SYN) {
                return; // no SYN belongs to an established flow
            }
            changed = changed.with(edit.field(), edit.high(), edit.low());
            if (changed == null) {
                return;
            }
            cost += cost(spec, edit);
        }
        out.add(new Candidate(changed, edits, rule, cost));
    }

    private static PacketFacts tracked(PacketSpec spec) {
        PacketFacts facts = spec.facts();
        spec.track(facts);
        return facts;
    }

    /** What is easy to bring about costs less; two changes always cost more than one. */
    private static int cost(PacketSpec spec, Demand.Edit edit) {
        boolean starts = spec.state() == CtState.NEW;
        return switch (edit.field()) {
            case CT_STATE ->
                    edit.low() == CtState.RELATED.bit()
                            ? 100
                            : edit.low() == CtState.NEW.bit() ? 101 : starts ? 140 : 102;
            case CT_HELPER -> 3;
            case TCP_DPORT, UDP_DPORT, TH_DPORT -> 105;
            case TCP_SPORT, UDP_SPORT, TH_SPORT -> 106;
            case IP_DADDR, IP6_DADDR -> 110;
            case IP_SADDR, IP6_SADDR -> 111;
            case META_L4PROTO, IP_PROTOCOL, IP6_NEXTHDR -> 125;
            default -> 115;
        };
    }

    private List<Explanation.Change> tried(List<Candidate> candidates) {
        List<Explanation.Change> out = new ArrayList<>();
        Set<PacketSpec> seen = new HashSet<>();
        Set<Set<Field>> kinds = new HashSet<>();
        int trials = 0;
        CompiledRules program = rules.compile();
        for (Candidate candidate : candidates) {
            if (out.size() == SHOWN || trials == MAX_TRIALS) {
                break;
            }
            if (!seen.add(candidate.packet())) {
                continue;
            }
            // One suggestion for each set of fields: the next port of the same kind says nothing.
            Set<Field> kind = new HashSet<>();
            candidate.edits().forEach(e -> kind.add(e.field()));
            if (kinds.contains(kind) || !out.isEmpty() && kind.size() > size(out)) {
                continue;
            }
            trials++;
            program.resetLimits();
            Walker.Outcome outcome = Walker.walk(candidate.packet(), main, program::run);
            if (outcome.verdict() == Verdict.ACCEPT) {
                kinds.add(kind);
                out.add(change(candidate, outcome));
            }
        }
        return out;
    }

    private static int size(List<Explanation.Change> found) {
        return found.getFirst().what().size();
    }

    private Explanation.Change change(Candidate candidate, Walker.Outcome outcome) {
        boolean related =
                candidate.edits().stream()
                        .anyMatch(
                                e ->
                                        e.field() == Field.CT_HELPER
                                                || (e.field() == Field.CT_STATE
                                                        && e.low() == CtState.RELATED.bit()));
        return new Explanation.Change(
                candidate.edits().stream().map(Demand.Edit::text).toList(),
                candidate.rule().origin(),
                outcome.decidedBy().equals(candidate.rule().origin()),
                related ? helperNote() : null,
                candidate.packet());
    }

    private String helperNote() {
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                for (Rule rule : chain.rules()) {
                    for (Statement statement : rule.statements()) {
                        if (statement instanceof Statement.UseObject use
                                && use.kind() == ObjectKind.HELPER) {
                            return "a flow is related once a helper has read its announcement;"
                                    + " this rule set assigns one at "
                                    + rule.origin().text();
                        }
                    }
                }
            }
        }
        return "a flow is related once a helper has read its announcement, and no rule assigns"
                + " one: add 'ct helper set' for the control connection";
    }
}
