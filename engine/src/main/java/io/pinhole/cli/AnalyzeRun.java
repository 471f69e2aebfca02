package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.PacketBatch;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.path.Shards;
import io.pinhole.report.FlowSource;
import io.pinhole.report.Report;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleListing;
import io.pinhole.rule.RuleOrigin;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One run of {@code analyze}: reads the packets, has them judged, tells the report in order. */
final class AnalyzeRun {
    private static final int MICROSECONDS = 6;

    private final CaptureFiles capture;
    private final String ruleSetName;
    private final Report report;
    private final boolean needsInterfaces;
    private final Progress progress = new Progress(System.err, Terminal.isErrTerminal());
    private final int[] timeDigits;
    private final CompiledRules fresh;
    private final List<CompiledRules> programs = new ArrayList<>();
    private final List<String> damage = new ArrayList<>();
    private int file = -1;

    /** What the shards say, handed on. */
    private final class Told implements Shards.Output {
        private @Nullable PacketBatch batch;
        private int index;
        private final FlowSource flow = () -> batch == null ? null : batch.flow(index);

        @Override
        public void packet(PacketBatch of, int i) {
            batch = of;
            index = i;
            long position = of.position(i);
            if (Positions.file(position) != file) {
                goToFile(Positions.file(position));
            }
            report.packet(position, of.timeNanos(i), of.wireLength(i), flow);
        }

        @Override
        public void verdict(
                long position,
                Verdict verdict,
                @Nullable CtState ct,
                @Nullable Hook hook,
                RuleOrigin rule,
                Anomaly why) {
            report.verdict(position, verdict, ct, hook, rule, why);
        }

        @Override
        public void event(Event event) {
            report.event(event);
        }

        @Override
        public void fault(PacketBatch of, int i, InternalError fault) {
            if (Positions.file(of.position(i)) == capture.currentFile()) {
                damage(capture.endFileAfter(fault));
            } else if (damage.isEmpty()) {
                throw fault;
            }
        }
    }

    AnalyzeRun(
            CaptureFiles capture,
            PathOptions options,
            CompiledRules rules,
            Report report,
            int threads)
            throws UserError {
        this.capture = capture;
        this.report = report;
        fresh = rules;
        ruleSetName = rules.name();
        needsInterfaces = rules.readsInterfaces() && options.interfaces().isEmpty();
        timeDigits = new int[capture.fileCount()];
        Arrays.fill(timeDigits, MICROSECONDS);
        try (Shards shards = new Shards(options, this::program, threads, new Told())) {
            CapturedPacket packet = new CapturedPacket();
            long read = 0;
            boolean more = true;
            while (more) {
                PacketBatch batch = shards.batch();
                more = fill(batch, packet);
                read += batch.size();
                shards.judge(batch);
                progress.show(capture.position(), capture.size(), read);
            }
            shards.drain();
            goToFile(capture.fileCount());
            shards.finish();
        } finally {
            progress.clear();
        }
        report.finish();
        for (String one : damage) {
            System.err.println("pinhole: " + SettingsText.visible(one));
        }
    }

    private synchronized CompiledRules program() {
        CompiledRules program = fresh.source().compile();
        programs.add(program);
        return program;
    }

    /** The rule set with what its rules counted in all shards. */
    String listing() {
        CompiledRules sum = fresh.source().compile();
        programs.forEach(p -> sum.addCounts(p, fresh));
        return RuleListing.of(sum);
    }

    /** True if a file ended in damage. */
    boolean damaged() {
        return !damage.isEmpty();
    }

    /** Reads packets until the batch is full; false at the end of the input. */
    private boolean fill(PacketBatch batch, CapturedPacket packet) throws UserError {
        while (!batch.isFull()) {
            try {
                if (!capture.next(packet)) {
                    return false;
                }
            } catch (CaptureException e) {
                damage(e);
                continue;
            }
            String name = packet.interfaceName;
            if (needsInterfaces && name == null) {
                throw interfacesUnknown(capture.fileName(packet.file));
            }
            if (packet.number == 1) {
                timeDigits[packet.file] = packet.timeDigits;
            }
            try {
                batch.add(
                        packet.data,
                        packet.offset,
                        packet.capturedLength,
                        packet.wireLength,
                        packet.stays,
                        packet.unsupportedLink ? null : packet.linkType,
                        packet.timeNanos,
                        Positions.of(packet.file, packet.number),
                        packet.outbound ? null : name,
                        packet.outbound ? name : null);
            } catch (InternalError e) {
                damage(capture.endFileAfter(e));
            }
        }
        return true;
    }

    /** Remembered until everything that was judged before it is told. */
    private void damage(CaptureException what) {
        damage.add(String.valueOf(what.getMessage()));
    }

    /** All packets of the files before this one have been told. */
    private void goToFile(int next) {
        while (file < next) {
            if (file >= 0) {
                report.endFile(capture.totals(file).truncated());
            }
            if (++file < capture.fileCount()) {
                report.beginFile(file, capture.fileName(file), timeDigits[file]);
            }
        }
        capture.release(next);
    }

    private UserError interfacesUnknown(String fileName) {
        return new UserError(
                ruleSetName
                        + " reads interfaces, and "
                        + fileName
                        + " does not name the one a packet came in by",
                "Say which addresses live behind which: --iface eth0=198.51.100.0/24"
                        + " --iface eth1=203.0.113.0/24");
    }
}
