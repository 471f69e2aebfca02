package io.pinhole.rule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds the rules of a long chain that a packet may match, so that the others need not be run. What
 * counts of a rule are the tests in front of whatever has an effect: a rule that is left out would
 * have broken at one of them and changed nothing, so that skipping it cannot be seen.
 *
 * <p>Dimensions are fields that stay the same while the chain runs and that a flow's memo can watch
 * (see {@link Trail}); what the chain, or one it leads to, may set is none.
 */
final class ChainIndex {
    /** Chains with fewer rules are run from the top. */
    private static final int FEW = 8;

    private static final int MAX_DIMENSIONS = 16;

    /** A rule with more ranges than this in a dimension counts as one that leaves it open. */
    private static final int MAX_RANGES = 1024;

    private static final long MAX_RANGES_IN_ALL = 1 << 20;

    /** Elements of a concatenation that become items of their own: a or b or c. */
    private static final int MAX_ALTERNATIVES = 64;

    private final Value[] values;
    private final int reads;
    private final RangeIndex index;
    private final Candidates candidates;

    // The rule of each item, ascending.
    private final int[] rules;

    private ChainIndex(Value[] values, int reads, RangeIndex index, int[] rules) {
        this.values = values;
        this.reads = reads;
        this.index = index;
        this.rules = rules;
        candidates = new Candidates(index);
    }

    /** Begins with the rules that the packet may match; {@link #next} gives them. */
    void find(PacketFacts facts) {
        Candidates c = candidates;
        int present = 0;
        for (int d = 0; d < values.length; d++) {
            Value value = values[d];
            if (value.present(facts)) {
                present |= 1 << d;
                c.high[d] = value.high(facts);
                c.low[d] = value.low(facts);
            }
        }
        c.present = present;
        facts.trail.bits |= reads;
        index.find(c);
    }

    /**
     * The first candidate behind another one, or -1.
     *
     * @param rule the one given last, -1 at the beginning
     */
    int next(int rule) {
        int item = candidates.next();
        while (item >= 0 && rules[item] == rule) {
            item = candidates.next();
        }
        return item < 0 ? -1 : rules[item];
    }

    /**
     * @param written fields that change while the chain runs
     * @param load compiles the reading of a field
     * @return null where an index would not help
     */
    static @Nullable ChainIndex of(
            List<Rule> rules, Set<Field> written, Function<Field, Value> load) {
        if (rules.size() < FEW) {
            return null;
        }
        Collector collector = new Collector(written);
        for (int i = 0; i < rules.size(); i++) {
            collector.rule(i, rules.get(i));
        }
        return collector.ranges > MAX_RANGES_IN_ALL
                ? null
                : build(collector.fields, collector.items, collector.rules, load);
    }

    /** Items of the index: what each rule asks for, or each of its alternatives. */
    private static final class Collector {
        private final Set<Field> written;

        // By dimension: the field that stands for it.
        private final Map<Object, Integer> known = new HashMap<>();
        final List<Field> fields = new ArrayList<>();
        final List<Map<Integer, List<Range>>> items = new ArrayList<>();
        final List<Integer> rules = new ArrayList<>();
        long ranges;

        Collector(Set<Field> written) {
            this.written = written;
        }

        void rule(int number, Rule rule) {
            Map<Integer, List<Range>> all = new HashMap<>();
            List<List<PureTests.Asked>> alternatives = List.of();
            for (Statement statement : rule.statements()) {
                if (!PureTests.isPure(statement)) {
                    break;
                }
                if (alternatives.isEmpty()) {
                    alternatives = PureTests.alternatives(statement, MAX_ALTERNATIVES);
                }
                for (PureTests.Asked test : PureTests.of(statement)) {
                    ask(all, test);
                }
                if (statement instanceof Statement.VerdictMap) {
                    break; // nothing behind it runs
                }
            }
            if (alternatives.isEmpty()) {
                add(number, all);
            }
            for (List<PureTests.Asked> alternative : alternatives) {
                Map<Integer, List<Range>> one = new HashMap<>(all);
                alternative.forEach(test -> ask(one, test));
                add(number, one);
            }
        }

        private void add(int rule, Map<Integer, List<Range>> item) {
            item.values().removeIf(r -> r.size() > MAX_RANGES);
            for (List<Range> r : item.values()) {
                ranges += r.size();
            }
            items.add(item);
            rules.add(rule);
        }

        private void ask(Map<Integer, List<Range>> item, PureTests.Asked test) {
            Field field = test.field();
            if (written.contains(field)
                    || (Reads.trail(field) & (Trail.PER_PACKET | Trail.TCP_FLAGS)) != 0) {
                return;
            }
            Integer d = known.get(sameBits(field));
            if (d == null) {
                if (fields.size() == MAX_DIMENSIONS) {
                    return;
                }
                d = fields.size();
                known.put(sameBits(field), d);
                fields.add(field);
            }
            item.merge(d, test.ranges(), Ranges::intersection);
        }
    }

    private static @Nullable ChainIndex build(
            List<Field> fields,
            List<Map<Integer, List<Range>>> asked,
            List<Integer> rules,
            Function<Field, Value> load) {
        RangeIndex all = index(fields, asked, new int[0]);
        if (all.isFlat()) {
            return null;
        }
        int[] used = new int[fields.size()];
        int n = 0;
        for (int d = 0; d < used.length; d++) {
            if (all.uses(d)) {
                used[n++] = d;
            }
        }
        // Again, without the dimensions that no packet needs to be asked for.
        int[] keep = Arrays.copyOf(used, n);
        RangeIndex index = n == fields.size() ? all : index(fields, asked, keep);
        Value[] values = new Value[n];
        int reads = 0;
        for (int i = 0; i < n; i++) {
            values[i] = load.apply(fields.get(keep[i]));
            reads |= Reads.trail(fields.get(keep[i]));
        }
        return new ChainIndex(
                values, reads, index, rules.stream().mapToInt(Integer::intValue).toArray());
    }

    /**
     * @param keep dimensions to use; all where empty
     */
    private static RangeIndex index(
            List<Field> fields, List<Map<Integer, List<Range>>> asked, int[] keep) {
        int n = keep.length == 0 ? fields.size() : keep.length;
        int[] bits = new int[n];
        for (int i = 0; i < n; i++) {
            bits[i] = fields.get(keep.length == 0 ? i : keep[i]).type().bits();
        }
        return RangeIndex.of(
                new RangeIndex.Items() {
                    @Override
                    public int size() {
                        return asked.size();
                    }

                    @Override
                    public @Nullable List<Range> asked(int item, int dimension) {
                        int d = keep.length == 0 ? dimension : keep[dimension];
                        return asked.get(item).get(d);
                    }
                },
                bits);
    }

    /** Equal for fields that are the same bits of a packet: tcp dport, udp dport, th dport. */
    private static Object sameBits(Field field) {
        Field.Header header = field.header();
        return header == null || header.isNetwork()
                ? field
                : List.of(field.bitOffset(), field.type().bits());
    }
}
