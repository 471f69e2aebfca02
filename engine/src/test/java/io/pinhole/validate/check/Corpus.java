package io.pinhole.validate.check;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.ReadResult;
import io.pinhole.rule.read.RuleReader;
import io.pinhole.validate.space.Policies;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Faults planted one at a time into rule sets: what was planted, and what came out wrong. */
final class Corpus {
    /** Text of a set, with places: {@code #table}, {@code #first} and {@code #last} are lines. */
    record Base(String name, String text) {
        String clean() {
            return text.lines()
                    .filter(l -> !l.strip().matches("#(table|first|last)"))
                    .collect(Collectors.joining("\n", "", "\n"));
        }
    }

    /**
     * A fault.
     *
     * @param edits pairs of what is replaced and by what; one that finds nothing to replace does
     *     not fit the set
     * @param found what must be found
     */
    record Fault(String name, Set<String> found, List<String> edits) {
        static Fault of(String name, String found, String... edits) {
            return new Fault(name, new TreeSet<>(Set.of(found.split(" "))), List.of(edits));
        }

        /** The set with this wrong; null if it does not fit. */
        @Nullable Base in(Base base) {
            String text = base.text;
            for (int i = 0; i < edits.size(); i += 2) {
                if (!text.contains(edits.get(i))) {
                    return null;
                }
                text = text.replace(edits.get(i), edits.get(i + 1));
            }
            return new Base(base.name, text);
        }
    }

    /** How often each kind was planted. */
    final Map<String, Integer> planted = new TreeMap<>();

    final List<String> wrong = new ArrayList<>();

    void plant(Base base, Collection<Fault> faults) {
        for (Fault fault : faults) {
            Base faulty = fault.in(base);
            if (faulty != null) {
                check(faulty, fault);
            }
        }
    }

    /** Whether this and nothing else is found. */
    void check(Base faulty, Fault fault) {
        fault.found.forEach(kind -> planted.merge(kind, 1, Integer::sum));
        Set<String> found = kinds(findings(faulty.name, faulty.clean()));
        if (!found.equals(fault.found)) {
            wrong.add(faulty.name + ", " + fault.name + ": " + found);
        }
    }

    /** How many faults there were. */
    int count() {
        return planted.values().stream().mapToInt(Integer::intValue).sum();
    }

    static Set<String> kinds(List<Finding> findings) {
        return findings.stream()
                .map(f -> f.problem().label())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    static List<Finding> findings(String name, String text) {
        RuleReader.Source source =
                new RuleReader.Source(name, text.getBytes(StandardCharsets.UTF_8));
        return switch (RuleReader.read(
                List.of(source),
                new RuleReader.Context(Map.of(), IncludeResolver.NONE, IpSets.NONE))) {
            case ReadResult.Loaded(RuleSet rules) -> RuleCheck.of(rules, Policies.DEFAULT);
            case ReadResult.Refused refused ->
                    throw new AssertionError(refused.format() + "\n" + text);
        };
    }
}
