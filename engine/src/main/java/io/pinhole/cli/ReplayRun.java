package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.path.JournalEntry;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathControl;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.report.FlowSource;
import io.pinhole.report.Report;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleProgram;
import java.io.PrintStream;

/**
 * One run of {@code analyze} over what a gateway recorded: its packets, and between them what it
 * noted, in their order and on one path.
 */
final class ReplayRun {
    private static final int PROGRESS_EVERY = 8192;

    /** Reads a rule set that a recording holds. */
    interface RuleReader {
        RuleProgram read(String name, String text) throws UserError;
    }

    private final CaptureFiles capture;
    private final Report report;
    private final RuleReader reader;
    private final PrintStream err = System.err;
    private final Progress progress = new Progress(err, Terminal.isErrTerminal());
    private final PacketPath path;
    private final PathControl control;
    private RuleProgram rules;
    private boolean damaged;
    private long gaps;
    private int file = -1;

    ReplayRun(
            CaptureFiles capture,
            PathOptions options,
            CompiledRules rules,
            Report report,
            RuleReader reader)
            throws UserError {
        this.capture = capture;
        this.report = report;
        this.reader = reader;
        this.rules = rules;
        try (PacketPath made = new PacketPath(options, rules, report, report)) {
            path = made;
            control = made.control();
            run();
        } finally {
            progress.clear();
        }
        report.finish();
        if (gaps > 0) {
            err.println("pinhole: the gateway did not see " + gaps + " packets in between");
        }
    }

    /** True if a file ended in damage. */
    boolean damaged() {
        return damaged;
    }

    private void run() throws UserError {
        CapturedPacket packet = new CapturedPacket();
        FlowSource flow = path::currentFlow;
        long judged = 0;
        while (true) {
            boolean more;
            try {
                more = capture.next(packet);
            } catch (CaptureException e) {
                damage(e);
                continue;
            }
            int current = more ? packet.file : capture.fileCount();
            while (file < current) {
                if (file >= 0) {
                    report.endFile(capture.totals(file).truncated());
                }
                if (++file < capture.fileCount()) {
                    int digits = more && file == current ? packet.timeDigits : 9;
                    report.beginFile(file, capture.fileName(file), digits);
                }
            }
            if (!more) {
                break;
            }
            path.hint(false, false);
            if (packet.notes != null) {
                for (String note : packet.notes) {
                    replay(note, packet);
                }
            }
            long position = Positions.of(packet.file, packet.number);
            report.packet(position, packet.timeNanos, packet.wireLength, flow);
            try {
                judge(packet, position);
            } catch (InternalError e) {
                damage(capture.endFileAfter(e)); // the file shrank under its mapping
            }
            capture.release(packet.file);
            if (++judged % PROGRESS_EVERY == 0) {
                progress.show(capture.position(), capture.size(), judged);
            }
        }
        path.finish();
    }

    private void judge(CapturedPacket packet, long position) {
        if (packet.unsupportedLink) {
            path.unsupportedLink(packet.timeNanos, position);
            return;
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
                packet.outbound ? packet.interfaceName : packet.outputName);
    }

    private void replay(String note, CapturedPacket packet) throws UserError {
        JournalEntry entry = JournalEntry.parse(note);
        switch (entry) {
            case null ->
                    err.println(
                            "pinhole: %s: a note before packet %d is not understood: %s"
                                    .formatted(
                                            capture.fileName(packet.file),
                                            packet.number,
                                            SettingsText.visible(
                                                    note.lines().findFirst().orElse(""))));
            case JournalEntry.Reload(String name, String text) -> {
                rules = reader.read(name, text);
                path.rules(rules);
            }
            case JournalEntry.Gap(long packets) -> gaps += packets;
            default -> control.replay(entry, rules, packet.timeNanos);
        }
    }

    private void damage(CaptureException what) {
        progress.clear();
        err.println("pinhole: " + what.getMessage());
        damaged = true;
    }
}
