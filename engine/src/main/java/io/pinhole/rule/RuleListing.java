package io.pinhole.rule;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A rule set with its counters, as {@code nft list ruleset} prints it. A rule without a {@code
 * counter} of its own says in a comment how often it matched.
 */
public final class RuleListing {
    private final StringBuilder out = new StringBuilder();
    private final CompiledRules program;

    private RuleListing(CompiledRules program) {
        this.program = program;
    }

    public static String of(CompiledRules program) {
        RuleListing listing = new RuleListing(program);
        for (Table table : program.source().tables()) {
            listing.table(table);
        }
        return listing.out.toString();
    }

    private void line(int indent, String text) {
        out.repeat('\t', indent).append(text).append('\n');
    }

    private void table(Table table) {
        line(0, "table " + table.family().label() + " " + table.name() + " {");
        if (table.dormant()) {
            line(1, "flags dormant");
        }
        for (NamedObject object : table.objects()) {
            object(table, object);
        }
        for (ElementSet set : table.sets()) {
            set(set);
        }
        for (ChainCode chain : program.chains()) {
            if (chain.table().family() == table.family()
                    && chain.table().name().equals(table.name())) {
                chain(chain);
            }
        }
        line(0, "}");
    }

    private void object(Table table, NamedObject object) {
        line(1, object.kind().label() + " " + object.name() + " {");
        switch (object) {
            case NamedObject.Counter c -> {
                RuleCount count = program.counter(c.at(), table.name() + " " + c.name());
                long packets = count == null ? c.packets() : count.packets();
                long bytes = count == null ? c.bytes() : count.bytes();
                line(2, "packets " + packets + " bytes " + bytes);
            }
            case NamedObject.Quota q -> line(2, Canonical.quota(q.size()).substring(6));
            case NamedObject.Limit l -> line(2, Canonical.limit(l.rate()).substring(6));
            case NamedObject.Helper h -> {
                line(
                        2,
                        "type \""
                                + h.helper().type()
                                + "\" protocol "
                                + protocol(h.helper().l4proto()));
                family(h.helper().family());
            }
            case NamedObject.Timeout t -> {
                line(2, "protocol " + protocol(t.timeout().l4proto()));
                family(t.timeout().family());
                StringBuilder policy = new StringBuilder();
                for (Map.Entry<String, Integer> e :
                        new TreeMap<>(t.timeout().seconds()).entrySet()) {
                    policy.append(policy.isEmpty() ? "" : ", ");
                    policy.append(e.getKey()).append(" : ").append(e.getValue());
                }
                line(2, "policy = { " + policy + " }");
            }
            case NamedObject.Expectation e -> {
                line(2, "protocol " + protocol(e.l4proto()));
                line(2, "dport " + e.port());
                line(2, "timeout " + e.timeoutMillis() + "ms");
                line(2, "size " + e.size());
                family(e.family());
            }
        }
        line(1, "}");
    }

    private static String protocol(int number) {
        return DataType.INET_PROTO.format(0, number);
    }

    private void family(int family) {
        if (family != 0) {
            line(2, "l3proto " + (family == 4 ? "ip" : "ip6"));
        }
    }

    private void set(ElementSet set) {
        boolean map = set.holds() != ElementSet.Holds.NOTHING;
        line(1, (map ? "map " : "set ") + set.name() + " {");
        StringBuilder type = new StringBuilder("type ");
        for (int i = 0; i < set.keyTypes().size(); i++) {
            type.append(i == 0 ? "" : " . ").append(set.keyTypes().get(i).label());
        }
        DataType data = set.dataType();
        switch (set.holds()) {
            case NOTHING -> {}
            case VALUE -> type.append(" : ").append(data == null ? "integer" : data.label());
            case VERDICT -> type.append(" : verdict");
            case OBJECT -> type.append(" : counter");
        }
        line(2, type.toString());
        boolean ranges = false;
        for (Element element : set.elements()) {
            for (Range range : element.key()) {
                ranges |= !range.isSingle();
            }
        }
        List<String> flags = new ArrayList<>(ranges ? List.of("interval") : List.of());
        ElementSet.Living living = set.living();
        if (living != null) {
            if (living.updatable()) {
                flags.add("dynamic");
            }
            if (living.timed()) {
                flags.add("timeout");
            }
            if (living.size() != 0) {
                line(2, "size " + living.size());
            }
        }
        if (!flags.isEmpty()) {
            line(2, "flags " + String.join(",", flags));
        }
        if (living != null) {
            if (living.timeoutMillis() != 0) {
                line(2, "timeout " + Canonical.time(living.timeoutMillis()));
            }
            living.statements().forEach(s -> line(2, Canonical.statement(s)));
        }
        List<Element> now = program.elements(set);
        List<Element> elements = now == null ? set.elements() : now;
        if (!elements.isEmpty()) {
            out.append("\t\telements = { ");
            for (int i = 0; i < elements.size(); i++) {
                out.append(i == 0 ? "" : i % 4 == 0 ? ",\n\t\t\t     " : ", ");
                out.append(Canonical.element(elements.get(i), set));
            }
            out.append(" }\n");
        }
        line(1, "}");
    }

    private void chain(ChainCode chain) {
        line(1, "chain " + chain.model().name() + " {");
        BaseChain base = chain.model().base();
        if (base != null) {
            line(
                    2,
                    "type "
                            + base.type().label()
                            + " hook "
                            + base.hook().label()
                            + " priority "
                            + priority(base.priority())
                            + "; policy "
                            + (base.policyAccept() ? "accept" : "drop")
                            + ";");
        }
        for (RuleCode rule : chain.rules()) {
            rule(rule);
        }
        line(1, "}");
    }

    /** By name where there is one; those of NAT are not those of a filter. */
    private static String priority(int priority) {
        return switch (priority) {
            case -300 -> "raw";
            case -150 -> "mangle";
            case 0 -> "filter";
            case 50 -> "security";
            default -> Integer.toString(priority);
        };
    }

    private void rule(RuleCode rule) {
        RuleCount own = rule.counterStatement();
        if (own != null) {
            line(2, Canonical.rule(counting(rule.model, own)));
            return;
        }
        RuleCount count = rule.count();
        String text = Canonical.rule(rule.model);
        line(2, text + " # packets " + count.packets() + " bytes " + count.bytes());
    }

    private static Rule counting(Rule rule, RuleCount count) {
        List<Statement> statements =
                rule.statements().stream()
                        .map(
                                s ->
                                        s instanceof Statement.Counter c
                                                ? new Statement.Counter(
                                                        count.packets(), count.bytes(), c.at())
                                                : s)
                        .toList();
        return new Rule(statements, rule.comment(), rule.origin(), rule.at());
    }
}
