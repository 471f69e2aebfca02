package io.pinhole.rule.explain;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Walk;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rule set in a packet path that writes down the walk of the packet it is told to watch, with
 * everything that connection tracking knew by then.
 */
public final class TracedRules implements RuleProgram {
    private final RuleSet rules;
    private final CompiledRules program;
    private final int maxLines;
    private final Explainer.Recorder recorder;

    private boolean watching;
    private @Nullable PacketSpec spec;
    private Hook main = Hook.FORWARD;

    /**
     * @param maxLines rules shown of one base chain; those that matched are shown in any case
     */
    public TracedRules(RuleSet rules, int maxLines) {
        this.rules = rules;
        this.maxLines = maxLines;
        program = rules.compile();
        recorder = new Explainer.Recorder(maxLines);
    }

    /** From here on the walk of the last packet is kept, or what was kept stays. */
    public void watch(boolean on) {
        watching = on;
    }

    /** What came of the packet that was watched last, and why. */
    public Explanation explanation(
            String name,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        PacketSpec seen = spec;
        String reason = why == Anomaly.NONE ? "" : why.text();
        if (seen == null || ct == null) {
            return new Explanation(
                    name, reason, verdict, Hook.PREROUTING, rule, List.of(), List.of());
        }
        boolean byRules =
                verdict != Verdict.ACCEPT
                        && recorder.visits().stream().anyMatch(v -> v.by().equals(rule));
        return new Explanation(
                name + ": " + seen.text(),
                seen.tracking() + (reason.isEmpty() ? "" : ": " + reason),
                verdict,
                hook == null ? main : hook,
                rule,
                recorder.visits(),
                byRules ? new Explainer(rules, main, maxLines).changes(seen) : List.of());
    }

    @Override
    public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
        if (!watching) {
            return program.run(hook, from, to, facts);
        }
        if (from == Integer.MIN_VALUE && to == CONNTRACK_PRIORITY) {
            recorder.clear();
            main = hook == Hook.OUTPUT ? Hook.OUTPUT : Hook.FORWARD;
        }
        main = hook == Hook.INPUT ? Hook.INPUT : main;
        if (hook == Hook.PREROUTING || hook == Hook.OUTPUT) {
            spec = PacketSpec.seen(facts); // before and, over it, after connection tracking
        }
        recorder.hook = hook;
        return program.trace(hook, from, to, facts, recorder);
    }

    @Override
    public void watch(PacketFacts facts) {
        program.watch(facts);
    }

    @Override
    public int remember(
            int memo, PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
        return program.remember(memo, facts, verdict, hook, decidedBy);
    }

    @Override
    public @Nullable Walk recall(int memo, PacketFacts facts) {
        return watching ? null : program.recall(memo, facts);
    }

    @Override
    public boolean mayOffload(int memo) {
        return program.mayOffload(memo);
    }

    @Override
    public boolean hasChains(Hook hook, int from, int to) {
        return true;
    }

    @Override
    public boolean readsInterfaces() {
        return program.readsInterfaces();
    }

    @Override
    public boolean hasGlobalState() {
        return program.hasGlobalState();
    }

    @Override
    public boolean assignsHelper() {
        return program.assignsHelper();
    }

    @Override
    public String name() {
        return program.name();
    }
}
