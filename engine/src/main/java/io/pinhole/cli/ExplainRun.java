package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.path.VerdictSink;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Walk;
import io.pinhole.rule.explain.Explainer;
import io.pinhole.rule.explain.Explanation;
import io.pinhole.rule.explain.PacketSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code analyze --explain}: judges a capture up to one packet, and writes down that packet's walk
 * through the rules with everything that connection tracking knew by then.
 */
final class ExplainRun implements VerdictSink {
    private final RuleSet rules;
    private final int maxLines;
    private final boolean interfacesKnown;
    private final Traced program;
    private long wanted;
    private @Nullable Explanation explanation;

    ExplainRun(RuleSet rules, int maxLines, PathOptions options) {
        this.rules = rules;
        this.maxLines = maxLines;
        program = new Traced(rules.compile(), maxLines);
        interfacesKnown = !program.readsInterfaces() || !options.interfaces().isEmpty();
    }

    /**
     * Explains one packet.
     *
     * @param file index of the capture file
     * @param number of the packet in it, from 1
     * @return null if the file has no such packet
     */
    @Nullable Explanation explain(CaptureFiles capture, PathOptions options, int file, long number)
            throws CaptureException, UserError {
        wanted = Positions.of(file, number);
        CapturedPacket packet = new CapturedPacket();
        try (PacketPath path = new PacketPath(options, program, this, event -> {})) {
            while (explanation == null && capture.next(packet)) {
                long position = Positions.of(packet.file, packet.number);
                if (packet.file > file) {
                    break;
                }
                if (!interfacesKnown && packet.interfaceName == null) {
                    throw new UserError(
                            program.name() + " reads interfaces, which the capture does not name",
                            "Say which addresses live behind which: --iface eth0=198.51.100.0/24");
                }
                program.armed |= position == wanted;
                if (packet.unsupportedLink) {
                    path.unsupportedLink(packet.timeNanos, position);
                    continue;
                }
                path.process(
                        packet.data,
                        packet.offset,
                        packet.capturedLength,
                        packet.wireLength,
                        packet.linkType,
                        packet.timeNanos,
                        position,
                        packet.outbound ? null : packet.interfaceName,
                        packet.outbound ? packet.interfaceName : null);
            }
            path.finish();
        }
        return explanation;
    }

    @Override
    public void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        if (position != wanted || explanation != null) {
            return;
        }
        PacketSpec spec = program.spec;
        String reason = why == Anomaly.NONE ? "" : why.text();
        if (spec == null || ct == null) {
            explanation =
                    new Explanation(
                            "packet " + Positions.number(position),
                            reason,
                            verdict,
                            Hook.PREROUTING,
                            rule,
                            List.of(),
                            List.of());
            return;
        }
        boolean byRules =
                verdict != Verdict.ACCEPT
                        && program.recorder.visits().stream().anyMatch(v -> v.by().equals(rule));
        Hook main = program.main;
        explanation =
                new Explanation(
                        "packet " + Positions.number(position) + ": " + spec.text(),
                        spec.tracking() + (reason.isEmpty() ? "" : ": " + reason),
                        verdict,
                        hook == null ? main : hook,
                        rule,
                        program.recorder.visits(),
                        byRules ? new Explainer(rules, main, maxLines).changes(spec) : List.of());
    }

    /** The rules, telling of one packet. */
    private static final class Traced implements RuleProgram {
        private final CompiledRules rules;
        private final Explainer.Recorder recorder;

        /** True from the wanted packet on; a fragment's verdict may come with a later one. */
        boolean armed;

        @Nullable PacketSpec spec;
        Hook main = Hook.FORWARD;

        Traced(CompiledRules rules, int maxLines) {
            this.rules = rules;
            recorder = new Explainer.Recorder(maxLines);
        }

        @Override
        public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
            if (!armed) {
                return rules.run(hook, from, to, facts);
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
            return rules.trace(hook, from, to, facts, recorder);
        }

        @Override
        public void watch(PacketFacts facts) {
            rules.watch(facts);
        }

        @Override
        public int remember(
                int memo, PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
            return rules.remember(memo, facts, verdict, hook, decidedBy);
        }

        @Override
        public @Nullable Walk recall(int memo, PacketFacts facts) {
            return armed ? null : rules.recall(memo, facts);
        }

        @Override
        public boolean mayOffload(int memo) {
            return rules.mayOffload(memo);
        }

        @Override
        public boolean hasChains(Hook hook, int from, int to) {
            return true;
        }

        @Override
        public boolean readsInterfaces() {
            return rules.readsInterfaces();
        }

        @Override
        public boolean hasGlobalState() {
            return rules.hasGlobalState();
        }

        @Override
        public boolean assignsHelper() {
            return rules.assignsHelper();
        }

        @Override
        public String name() {
            return rules.name();
        }
    }
}
