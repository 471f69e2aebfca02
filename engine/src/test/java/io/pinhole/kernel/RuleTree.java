package io.pinhole.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** A rule set as a tree of text, so that parts can be left out. */
record RuleTree(List<Table> tables) {
    /**
     * @param objects sets, maps and named objects, as text
     */
    record Table(String family, String name, List<String> objects, List<Chain> chains) {}

    /**
     * @param base type, hook, priority and policy; empty for a regular chain
     */
    record Chain(String name, String base, List<String> rules) {}

    /** As nft reads it. Counters that rules name are declared where they are used. */
    String text() {
        StringBuilder out = new StringBuilder();
        for (Table table : tables) {
            out.append("table ").append(table.family).append(' ').append(table.name).append(" {\n");
            for (Chain chain : table.chains) {
                for (String rule : chain.rules) {
                    for (String counter : counters(rule)) {
                        out.append("  counter ").append(counter).append(" { }\n");
                    }
                }
            }
            for (String object : table.objects) {
                out.append("  ").append(object).append('\n');
            }
            for (Chain chain : table.chains) {
                out.append("  chain ").append(chain.name).append(" {\n");
                if (!chain.base.isEmpty()) {
                    out.append("    ").append(chain.base).append('\n');
                }
                for (String rule : chain.rules) {
                    out.append("    ").append(rule).append('\n');
                }
                out.append("  }\n");
            }
            out.append("}\n");
        }
        return out.toString();
    }

    private static List<String> counters(String rule) {
        List<String> out = new ArrayList<>();
        String mark = "counter name \"";
        for (int at = rule.indexOf(mark); at >= 0; at = rule.indexOf(mark, at + 1)) {
            int from = at + mark.length();
            out.add(rule.substring(from, rule.indexOf('"', from)));
        }
        return out;
    }

    /**
     * The tree without the rules on these lines of its text, counted from 0. Fails if something
     * other than a rule stands there.
     */
    RuleTree withoutLines(Predicate<Integer> drop) {
        String[] lines = text().split("\n");
        List<Table> kept = new ArrayList<>();
        int line = 0;
        for (Table table : tables) {
            List<Chain> chains = new ArrayList<>();
            for (Chain chain : table.chains) {
                List<String> rules = new ArrayList<>();
                while (!lines[line].equals("  chain " + chain.name + " {")) {
                    if (drop.test(line)) {
                        throw new IllegalStateException("not a rule: " + lines[line]);
                    }
                    line++;
                }
                line += chain.base.isEmpty() ? 1 : 2;
                for (String rule : chain.rules) {
                    if (!drop.test(line++)) {
                        rules.add(rule);
                    }
                }
                chains.add(new Chain(chain.name, chain.base, rules));
            }
            kept.add(new Table(table.family, table.name, table.objects, chains));
        }
        return new RuleTree(kept);
    }

    /** How many parts can be left out. */
    int size() {
        int n = 0;
        for (Table table : tables) {
            n += 1 + table.objects.size() + table.chains.size();
            n += table.chains.stream().mapToInt(c -> c.rules.size()).sum();
        }
        return n;
    }

    /** The tree with only those parts whose number, counted from 0, is kept. */
    RuleTree only(Predicate<Integer> keep) {
        int[] n = {0};
        List<Table> kept = new ArrayList<>();
        for (Table table : tables) {
            boolean keepTable = keep.test(n[0]++);
            List<String> objects = new ArrayList<>();
            for (String object : table.objects) {
                if (keep.test(n[0]++)) {
                    objects.add(object);
                }
            }
            List<Chain> chains = new ArrayList<>();
            for (Chain chain : table.chains) {
                boolean keepChain = keep.test(n[0]++);
                List<String> rules = new ArrayList<>();
                for (String rule : chain.rules) {
                    if (keep.test(n[0]++)) {
                        rules.add(rule);
                    }
                }
                if (keepChain) {
                    chains.add(new Chain(chain.name, chain.base, rules));
                }
            }
            if (keepTable) {
                kept.add(new Table(table.family, table.name, objects, chains));
            }
        }
        return new RuleTree(kept);
    }
}
