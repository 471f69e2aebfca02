package io.pinhole.rule.explain;

import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.RuleTrace;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Explains what a rule set does with one packet. */
public final class Explainer {
    private final RuleSet rules;
    private final Hook main;
    private final int maxLines;

    /**
     * @param main FORWARD for a packet that crosses the host, INPUT or OUTPUT for its own
     * @param maxLines rules shown of one base chain; those that matched are shown in any case
     */
    public Explainer(RuleSet rules, Hook main, int maxLines) {
        this.rules = rules;
        this.main = main;
        this.maxLines = maxLines;
    }

    /** Explains the verdict over a packet on rules that have seen no other. */
    public Explanation explain(PacketSpec spec) {
        CompiledRules program = rules.compile();
        Recorder recorder = new Recorder(maxLines);
        Walker.Outcome outcome =
                Walker.walk(
                        spec,
                        main,
                        (hook, from, to, facts) -> {
                            recorder.hook = hook;
                            return program.trace(hook, from, to, facts, recorder);
                        });
        return new Explanation(
                spec.text(),
                spec.tracking(),
                outcome.verdict(),
                outcome.hook(),
                outcome.decidedBy(),
                recorder.visits,
                outcome.verdict() == Verdict.ACCEPT
                        ? List.of()
                        : new Changes(rules, main).of(spec, outcome));
    }

    /** Changes under which a packet like this would pass; empty where it does or none is known. */
    public List<Explanation.Change> changes(PacketSpec spec) {
        Walker.Outcome outcome = Walker.walk(spec, main, rules.compile()::run);
        return outcome.verdict() == Verdict.ACCEPT
                ? List.of()
                : new Changes(rules, main).of(spec, outcome);
    }

    /** Writes down a walk. */
    public static final class Recorder implements RuleTrace {
        private final int maxLines;
        private final Why why = new Why();
        private final List<Explanation.Visit> visits = new ArrayList<>();
        private final List<Explanation.Line> lines = new ArrayList<>();

        /** The hook whose chains come next. */
        public Hook hook = Hook.PREROUTING;

        private @Nullable Table table;
        private int depth;
        private int skipped;

        public Recorder(int maxLines) {
            this.maxLines = maxLines;
        }

        /** The base chains so far, in order. */
        public List<Explanation.Visit> visits() {
            return visits;
        }

        /** Begins anew. */
        public void clear() {
            visits.clear();
        }

        @Override
        public void begin(Table of, Chain base) {
            table = of;
            lines.clear();
            depth = 0;
            skipped = 0;
        }

        @Override
        public void rule(Chain chain, Rule rule, @Nullable Statement failed, PacketFacts facts) {
            if (failed != null && lines.size() >= maxLines) {
                skipped++;
                return;
            }
            lines.add(
                    new Explanation.Line(
                            depth,
                            chain.name(),
                            rule.origin(),
                            failed == null,
                            failed == null ? "" : why.of(failed, facts)));
        }

        @Override
        public void enter(Chain chain) {
            depth++;
        }

        @Override
        public void leave(Chain chain) {
            depth--;
        }

        @Override
        public void end(Chain base, Verdict verdict, RuleOrigin by) {
            BaseChain attached = base.base();
            Table of = table;
            if (attached == null || of == null) {
                return;
            }
            visits.add(
                    new Explanation.Visit(
                            hook,
                            of.family().label() + " " + of.name(),
                            base.name(),
                            "priority "
                                    + attached.priority()
                                    + ", policy "
                                    + (attached.policyAccept() ? "accept" : "drop"),
                            lines,
                            skipped,
                            verdict,
                            by));
        }
    }
}
