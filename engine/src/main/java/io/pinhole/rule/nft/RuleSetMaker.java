package io.pinhole.rule.nft;

import io.pinhole.rule.Chain;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Elements;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Table;
import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Second reading: gives sets their elements and rules their meaning. */
final class RuleSetMaker {
    private final Errors errors;
    private final ValueParser.Budget budget;
    private final Map<TableState, Map<String, ElementSet>> sets = new HashMap<>();

    RuleSetMaker(Errors errors, ValueParser.Budget budget) {
        this.errors = errors;
        this.budget = budget;
    }

    /**
     * @param allRules in the order of the text, those that a later flush took away included: what
     *     is wrong in them is wrong
     */
    RuleSet make(String name, List<TableState> tables, List<TableState.PendingRule> allRules) {
        for (TableState.PendingRule pending : allRules) {
            if (errors.isFull()) {
                break;
            }
            try {
                pending.rule = pending.read(setsOf(pending.table), budget);
            } catch (Fault fault) {
                errors.add(fault);
            }
        }
        List<Table> out = new ArrayList<>();
        for (TableState table : tables) {
            out.add(table(table));
        }
        return NftReader.named(name, out);
    }

    private Map<String, ElementSet> setsOf(TableState table) {
        Map<String, ElementSet> known = sets.get(table);
        if (known == null) {
            known = new LinkedHashMap<>();
            for (TableState.SetState set : table.sets.values()) {
                known.put(set.name, elements(set, table.written.contains(set.name)));
            }
            sets.put(table, known);
        }
        return known;
    }

    private ElementSet elements(TableState.SetState set, boolean written) {
        List<Element> elements = set.changes.size() == 1 ? only(set) : null;
        if (elements == null) {
            elements = changed(set);
        }
        ElementSet made = made(set, elements, living(set, elements, written));
        try {
            Typing.overlaps(made, set.autoMerge, set.at);
        } catch (Fault fault) {
            errors.add(fault);
        }
        Long size = set.size;
        if (size != null && elements.size() > size) {
            errors.add(set.at, "set has " + elements.size() + " elements, its size is " + size);
        }
        return made;
    }

    /** The elements of a set that is written once, in columns as they were read; or null. */
    private @Nullable List<Element> only(TableState.SetState set) {
        TableState.Change change = set.changes.getFirst();
        return change.add()
                        && change.elements() instanceof Elements elements
                        && elements.parts() == 1
                        && (elements.allSingle() || set.flags.contains("interval"))
                        && Typing.distinct(elements)
                ? elements
                : null;
    }

    private List<Element> changed(TableState.SetState set) {
        Map<Object, Element> elements = new LinkedHashMap<>();
        for (TableState.Change change : set.changes) {
            List<Element> of = change.elements();
            if (of == null) {
                elements.clear();
                continue;
            }
            try {
                for (Element element : of) {
                    if (change.add()) {
                        add(set, element, elements, change.at());
                    } else if (elements.remove(element.key()) == null && change.mustExist()) {
                        throw change.at().fault("an element to delete is not in the set");
                    }
                }
            } catch (Fault fault) {
                errors.add(fault);
            }
        }
        return new ArrayList<>(elements.values());
    }

    private static void add(
            TableState.SetState set, Element element, Map<Object, Element> elements, Span at) {
        boolean interval = element.key().stream().anyMatch(range -> !range.isSingle());
        if (interval && !set.flags.contains("interval")) {
            throw at.fault(
                    "prefixes, ranges and wildcards need 'flags interval' in the set's"
                            + " declaration");
        }
        Element before = elements.putIfAbsent(element.key(), element);
        if (before != null && !java.util.Objects.equals(before.data(), element.data())) {
            throw at.fault("an element is there twice with different values");
        }
    }

    private static ElementSet made(
            TableState.SetState set, List<Element> elements, ElementSet.@Nullable Living living) {
        @Nullable DataType data = set.dataTypes.isEmpty() ? null : set.dataTypes.getFirst();
        return new ElementSet(
                set.name, set.keyTypes, set.holds, data, elements, set.at.pos(), living);
    }

    /**
     * How a set changes; null where it does not.
     *
     * @param written true if rules write to it
     */
    private ElementSet.@Nullable Living living(
            TableState.SetState set, List<Element> elements, boolean written) {
        boolean map = set.holds != ElementSet.Holds.NOTHING;
        if (map && set.isTimed()) {
            errors.add(set.at, "a map with timeouts is " + ValueParser.NOT_EVALUATED);
        }
        boolean lives =
                elements instanceof Elements columns
                        ? columns.hasLives()
                        : elements.stream().anyMatch(e -> e.life() != null);
        if (map || !(written || lives || set.timeoutMillis != 0 || !set.statements.isEmpty())) {
            return null;
        }
        if (written && set.flags.contains("interval")) {
            errors.add(set.at, "rules cannot write to a set with 'flags interval'");
            return null;
        }
        if (lives && !set.isTimed() && elements.stream().anyMatch(RuleSetMaker::hasTimeout)) {
            errors.add(
                    set.at,
                    "elements with a timeout need 'flags timeout' in the set's declaration");
        }
        if (lives
                && set.timeoutMillis == 0
                && elements.stream().anyMatch(RuleSetMaker::onlyExpires)) {
            errors.add(set.at, "an element that expires needs a timeout");
        }
        if (lives
                && !written
                && set.statements.isEmpty()
                && !set.flags.contains("dynamic")
                && elements.stream().anyMatch(RuleSetMaker::hasStatements)) {
            errors.add(
                    set.at,
                    "elements with statements need them in the set's declaration, or 'flags"
                            + " dynamic'");
        }
        Long size = set.size;
        long room = size == null ? ElementSet.Living.DEFAULT_SIZE : size;
        return new ElementSet.Living(
                written, set.isTimed(), set.timeoutMillis, written ? room : 0, set.statements);
    }

    private static boolean onlyExpires(Element element) {
        Element.Life life = element.life();
        return life != null && life.timeoutMillis() < 0 && life.expiresMillis() >= 0;
    }

    private static boolean hasStatements(Element element) {
        Element.Life life = element.life();
        return life != null && !life.statements().isEmpty();
    }

    private static boolean hasTimeout(Element element) {
        Element.Life life = element.life();
        return life != null && (life.timeoutMillis() > 0 || life.expiresMillis() >= 0);
    }

    private Table table(TableState table) {
        List<Chain> chains = new ArrayList<>();
        for (TableState.ChainState chain : table.chains.values()) {
            List<Rule> rules = new ArrayList<>();
            for (TableState.PendingRule pending : chain.rules) {
                Rule rule = pending.rule;
                if (rule != null) {
                    rules.add(rule);
                }
            }
            Token policy = chain.policy;
            if (policy != null && chain.base == null) {
                errors.add(
                        policy.at(), "only a base chain has a policy; write 'type … hook …' too");
            }
            chains.add(new Chain(chain.name, chain.base, rules, chain.at.pos()));
        }
        return new Table(
                table.family,
                table.name,
                table.dormant,
                chains,
                new ArrayList<>(setsOf(table).values()),
                table.objects,
                List.copyOf(table.flowtables),
                table.at.pos());
    }
}
