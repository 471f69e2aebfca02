package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.capture.LiveCapture;
import io.pinhole.capture.PcapngWriter;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.VerdictSink;
import io.pinhole.report.FlowSource;
import io.pinhole.report.JsonReport;
import io.pinhole.report.Report;
import io.pinhole.report.TextReport;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleOrigin;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole monitor}: judges live traffic and forwards nothing. */
@Command(
        name = "monitor",
        sortOptions = false,
        header = "Judge what passes by on an interface, forwarding nothing.",
        description = {
            "Judge what passes by on an interface, as analyze does with a capture: what a",
            "rule set would do, before it is trusted. Nothing is forwarded or stopped."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole monitor -i eth0",
            "  pinhole monitor -i eth0 -r new.nft --write dropped.pcapng host 203.0.113.20",
            "  pinhole monitor -i eth0 --json tcp",
            "",
            "It runs until SIGINT or SIGTERM. Exit status: 0 fine, 2 bad usage, rule set or",
            "interface, 3 the interface went away."
        })
final class MonitorCommand implements Callable<Integer> {
    private static final int FTP = 21;
    private static final long FLUSH_NANOS = 500_000_000L;

    @Mixin private RuleOptions ruleOptions = new RuleOptions();

    @Option(
            names = {"-i", "--interface"},
            required = true,
            paramLabel = "IFACE",
            description = "Interface to watch; any for all of them.")
    private String device = "";

    @Option(names = "--json", description = "One JSON object a line, as analyze --json.")
    private boolean json;

    @Option(names = "--verdicts", description = "With --json: one line a packet too.")
    private boolean verdictLines;

    @Option(
            names = "--write",
            paramLabel = "FILE",
            description = {
                "Keep the packets that would be dropped or rejected, as",
                "pcapng, each with the rule in a comment."
            })
    private @Nullable Path write;

    @Option(
            names = {"-c", "--count"},
            paramLabel = "N",
            description = "End after so many packets.")
    private long count = Long.MAX_VALUE;

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    @Parameters(
            arity = "0..*",
            paramLabel = "FILTER",
            description = "What to look at, as for tcpdump (pcap-filter(7)).")
    private List<String> filter = new ArrayList<>();

    @Override
    public Integer call() throws Exception {
        if (verdictLines && !json) {
            throw new UserError("--verdicts goes with --json");
        }
        CompiledRules rules = ruleOptions.load(Map.of()).compile();
        PathOptions options =
                new PathOptions(
                        settingsOptions.load().settings(),
                        Set.of(FTP),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        System.nanoTime());
        FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        Report report =
                json
                        ? new JsonReport(out, verdictLines)
                        : new TextReport(
                                out,
                                TextReport.Options.of(
                                        TextReport.Options.colour(
                                                Terminal.isOutTerminal(), System.getenv()),
                                        false));
        try (LiveCapture capture = LiveCapture.open(device, String.join(" ", filter));
                Kept kept = new Kept(report, write)) {
            Runnable stop = capture::stop;
            Signals.on("INT", stop);
            Signals.on("TERM", stop);
            return watch(capture, options, rules, report, kept);
        } catch (CaptureException e) {
            throw new UserError(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw new UserError("cannot write " + write + ": " + e.getMessage());
        }
    }

    private int watch(
            LiveCapture capture,
            PathOptions options,
            CompiledRules rules,
            Report report,
            Kept kept) {
        int status = 0;
        report.beginFile(0, device, capture.timeDigits());
        try (PacketPath path = new PacketPath(options, rules, kept, report)) {
            FlowSource flow = path::currentFlow;
            long[] flushed = {System.nanoTime()};
            System.err.println("pinhole: watching " + device + " by " + rules.name());
            capture.run(
                    packet -> {
                        report.packet(packet.number, packet.timeNanos, packet.wireLength, flow);
                        kept.current = packet;
                        judge(path, packet);
                        if (System.nanoTime() - flushed[0] > FLUSH_NANOS) {
                            report.flush();
                            flushed[0] = System.nanoTime();
                        }
                        if (packet.number >= count) {
                            capture.stop();
                        }
                    });
            path.finish();
        } catch (CaptureException e) {
            System.err.println("pinhole: " + e.getMessage());
            status = Main.EXIT_DAMAGED;
        }
        long dropped = capture.dropped();
        report.endFile(status != 0);
        report.finish();
        if (dropped > 0) {
            System.err.println("pinhole: " + dropped + " packets came too fast and were not seen");
        }
        return status;
    }

    private static void judge(PacketPath path, CapturedPacket packet) {
        if (packet.unsupportedLink) {
            path.unsupportedLink(packet.timeNanos, packet.number);
            return;
        }
        path.process(
                packet.data,
                packet.offset,
                packet.capturedLength,
                packet.wireLength,
                packet.linkType,
                packet.timeNanos,
                packet.number,
                packet.interfaceName,
                null);
    }

    /** Tells the report, and writes what would not pass. Fragments are told, not written. */
    private static final class Kept implements VerdictSink, AutoCloseable {
        private final Report report;
        private final @Nullable PcapngWriter writer;
        private CapturedPacket current = new CapturedPacket();

        Kept(Report report, @Nullable Path file) throws IOException {
            this.report = report;
            writer =
                    file == null
                            ? null
                            : new PcapngWriter(
                                    new BufferedOutputStream(Files.newOutputStream(file)),
                                    VersionCommand.text());
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
            PcapngWriter to = writer;
            if (to == null
                    || position != current.number
                    || (verdict != Verdict.DROP && verdict != Verdict.REJECT)) {
                return;
            }
            try {
                to.write(current, verdict.label() + " by " + rule.text());
                to.flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() throws IOException {
            if (writer != null) {
                writer.close();
            }
        }
    }
}
