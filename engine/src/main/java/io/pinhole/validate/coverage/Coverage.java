package io.pinhole.validate.coverage;

import io.pinhole.path.Event;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleCount;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.run.Instrument;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Counts what tests reach, over all threads. */
public final class Coverage implements Instrument {
    /**
     * A set element of a rule.
     *
     * @param text as a person writes it
     * @param at where it stands, which may be a definition far away
     */
    public record ElementHits(String text, SourcePos at, long packets) {}

    /**
     * A rule.
     *
     * @param packets how many matched it to its end
     * @param elements of its sets; empty where it has none, or they were not looked into
     */
    public record RuleHits(String chain, Rule rule, long packets, List<ElementHits> elements) {
        public RuleHits {
            elements = List.copyOf(elements);
        }
    }

    /**
     * A rule set.
     *
     * @param hits rules in the order of the text
     * @param reached paths that were taken; empty where no rule assigns a helper
     * @param missed paths that were not taken
     */
    public record Report(
            RuleSet rules, List<RuleHits> hits, Set<FtpPath> reached, Set<FtpPath> missed) {
        /** Rules and elements together. */
        public int total() {
            return hits.size() + hits.stream().mapToInt(h -> h.elements.size()).sum();
        }

        /** Of them, those that some packet matched. */
        public int covered() {
            int n = 0;
            for (RuleHits h : hits) {
                n += h.packets > 0 ? 1 : 0;
                n += (int) h.elements.stream().filter(e -> e.packets > 0).count();
            }
            return n;
        }

        /** Of rules and elements, cut to a whole number: 100 only if nothing is missing. */
        public int percent() {
            return total() == 0 ? 100 : (int) (100L * covered() / total());
        }
    }

    private static final class OfSet {
        final RuleSet judged;
        final List<Splitter.Split> splits;
        final Map<RuleOrigin, Long> packets = new LinkedHashMap<>();
        final EnumSet<FtpPath> reached = EnumSet.noneOf(FtpPath.class);

        OfSet(RuleSet rules) {
            Splitter splitter = new Splitter();
            judged = splitter.split(rules);
            splits = splitter.splits();
        }
    }

    private final IdentityHashMap<RuleSet, OfSet> sets = new IdentityHashMap<>();
    private final List<RuleSet> order = new ArrayList<>();

    @Override
    public synchronized RuleSet prepare(RuleSet rules) {
        OfSet of = sets.get(rules);
        if (of == null) {
            of = new OfSet(rules);
            sets.put(rules, of);
            order.add(rules);
        }
        return of.judged;
    }

    @Override
    public boolean countsAlone() {
        return true;
    }

    @Override
    public synchronized void ended(RuleSet rules, CompiledRules program, List<Event> events) {
        OfSet of = sets.get(rules);
        if (of == null) {
            throw new IllegalStateException("a rule set that was not prepared");
        }
        for (RuleCount count : program.counts()) {
            if (count.packets() > 0) {
                of.packets.merge(count.rule(), count.packets(), Long::sum);
            }
        }
        for (Event event : events) {
            for (FtpPath path : FtpPath.values()) {
                if (path.reachedBy(event)) {
                    of.reached.add(path);
                }
            }
        }
    }

    /** One report a rule set, in the order of their first use. */
    public synchronized List<Report> reports() {
        return order.stream().map(this::report).toList();
    }

    private Report report(RuleSet rules) {
        OfSet of = sets.get(rules);
        List<RuleHits> hits = new ArrayList<>();
        for (Splitter.Split split : of == null ? List.<Splitter.Split>of() : of.splits) {
            long all = 0;
            Map<Splitter.Choice, Long> elements = new LinkedHashMap<>();
            split.groups().forEach(g -> g.forEach(c -> elements.put(c, 0L)));
            for (Splitter.Part part : split.parts()) {
                long n = of == null ? 0 : of.packets.getOrDefault(part.origin(), 0L);
                all += n;
                for (Splitter.Choice choice : part.choices()) {
                    elements.merge(choice, n, Long::sum);
                }
            }
            List<ElementHits> list = new ArrayList<>();
            elements.forEach((c, n) -> list.add(new ElementHits(c.text(), c.at(), n)));
            hits.add(new RuleHits(split.chain().name(), split.rule(), all, list));
        }
        EnumSet<FtpPath> reached = EnumSet.noneOf(FtpPath.class);
        EnumSet<FtpPath> missed = EnumSet.noneOf(FtpPath.class);
        if (of != null && rules.assignsHelper()) {
            reached.addAll(of.reached);
            missed.addAll(EnumSet.complementOf(reached));
        }
        return new Report(rules, hits, reached, missed);
    }
}
