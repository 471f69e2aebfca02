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
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.explain.Explanation;
import io.pinhole.rule.explain.TracedRules;
import org.jspecify.annotations.Nullable;

/**
 * {@code analyze --explain}: judges a capture up to one packet, and writes down that packet's walk
 * through the rules with everything that connection tracking knew by then.
 */
final class ExplainRun implements VerdictSink {
    private final boolean interfacesKnown;
    private final TracedRules program;

    private long wanted;
    private @Nullable Explanation explanation;

    ExplainRun(RuleSet rules, int maxLines, PathOptions options) {
        program = new TracedRules(rules, maxLines);
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
                if (position == wanted) { // a fragment's verdict may come with a later one
                    program.watch(true);
                }
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
        explanation =
                program.explanation(
                        "packet " + Positions.number(position), verdict, ct, hook, rule, why);
    }
}
