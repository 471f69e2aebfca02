package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.Settings;
import io.pinhole.path.PathOptions;
import io.pinhole.report.TextReport;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.check.DiffReport;
import io.pinhole.validate.check.Evidence;
import io.pinhole.validate.check.OnTraffic;
import io.pinhole.validate.check.RuleDiff;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.Policies;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole diff}: what passes under one rule set and not under the other. */
@Command(
        name = "diff",
        sortOptions = false,
        header = "Say what passes under one rule set and not under another.",
        description = {
            "Say what passes under NEW that did not under OLD, and the reverse, over all",
            "packets and all FTP dialogues, with an example for each difference."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole diff /etc/nftables.conf new.nft",
            "  git show HEAD:ftp.nft > old.nft; pinhole diff old.nft ftp.nft",
            "  pinhole diff old.nft new.nft --scenario changes.scenario --pcap changes/",
            "  pinhole diff old.nft new.nft --on monday.pcap",
            "",
            "Exit status: 0 the same packets pass, 1 they differ, 2 bad usage, rule set or",
            "capture, 3 a capture is damaged part-way."
        })
final class DiffCommand implements Callable<Integer> {
    private static final int FTP = 21;

    @Mixin private ReadingOptions reading = new ReadingOptions();

    @Option(names = "--json", description = "One JSON object a line for machines.")
    private boolean json;

    @Option(
            names = "--scenario",
            paramLabel = "FILE",
            description = {
                "Also write each example as a test: what NEW does, and OLD",
                "does otherwise."
            })
    private @Nullable Path scenario;

    @Option(
            names = "--pcap",
            paramLabel = "DIR",
            description = "Also write each example as a capture.")
    private @Nullable Path pcap;

    @Option(
            names = "--on",
            paramLabel = "FILE",
            description = {
                "Also judge recorded traffic by both: which connections fare",
                "otherwise; repeatable."
            })
    private List<String> captures = new ArrayList<>();

    @Option(
            names = "--local",
            paramLabel = "ADDR",
            description = "With --on: an address of the firewall host itself; repeatable.")
    private List<String> locals = new ArrayList<>();

    @Option(
            names = "--iface",
            paramLabel = "NAME=CIDR",
            description = {
                "With --on: which addresses live behind which interface;",
                "repeatable."
            })
    private List<String> interfaces = new ArrayList<>();

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    @Parameters(index = "0", paramLabel = "OLD", description = "A rule set, as for 'analyze -r'.")
    private String before = "";

    @Parameters(index = "1", paramLabel = "NEW", description = "The other one.")
    private String after = "";

    private final OutputStream output;

    DiffCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    DiffCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        RuleSet old = CheckCommand.load(before, reading);
        RuleSet now = CheckCommand.load(after, reading);
        Settings settings = settingsOptions.load().settings();
        PathOptions options =
                new PathOptions(
                        settings,
                        Set.of(FTP),
                        Set.of(),
                        AnalyzeCommand.locals(locals),
                        AnalyzeCommand.interfaces(interfaces),
                        false,
                        1);
        RuleDiff.Difference difference;
        try {
            difference =
                    RuleDiff.of(old, Policies.of(settings, old), now, Policies.of(settings, now));
        } catch (Bdd.TooLarge e) {
            throw CheckCommand.tooEntangled(e);
        }
        OnTraffic.Effect effect = captures.isEmpty() ? null : effect(old, now, options);
        List<String> files = captures.stream().map(SettingsText::visible).toList();
        if (json) {
            DiffReport.json(output, difference);
            if (effect != null) {
                DiffReport.effectJson(output, effect, files);
            }
        } else {
            boolean colour = TextReport.Options.colour(Terminal.isOutTerminal(), System.getenv());
            DiffReport.text(output, colour, difference, before, after);
            if (effect != null) {
                DiffReport.effect(output, colour, effect, files);
            }
        }
        evidence(difference, old, now, settings);
        if (effect != null && !effect.damage().isEmpty()) {
            effect.damage().forEach(d -> System.err.println("pinhole: " + SettingsText.visible(d)));
            return Main.EXIT_DAMAGED;
        }
        return difference.isEmpty() && (effect == null || effect.moved().isEmpty())
                ? 0
                : Main.EXIT_NO;
    }

    private OnTraffic.Effect effect(RuleSet old, RuleSet now, PathOptions options)
            throws UserError {
        try (CaptureFiles files = CaptureFiles.open(captures, System.in)) {
            for (RuleSet set : List.of(old, now)) {
                if (!set.readsLoopbackOnly() && options.interfaces().isEmpty()) {
                    throw new UserError(
                            set.name()
                                    + " reads interfaces ("
                                    + set.interfaceRules().getFirst().text()
                                    + "), which --on takes from --iface",
                            "Say which addresses live behind which: --iface eth0=198.51.100.0/24");
                }
            }
            return OnTraffic.of(files, old, now, options);
        } catch (CaptureException e) {
            throw new UserError(SettingsText.visible(String.valueOf(e.getMessage())));
        }
    }

    /** The examples as tests and as captures. */
    private void evidence(RuleDiff.Difference difference, RuleSet old, RuleSet now, Settings with)
            throws UserError {
        if (scenario == null && pcap == null) {
            return;
        }
        PathOptions options =
                new PathOptions(
                        with,
                        Set.of(FTP),
                        Set.of(),
                        List.of(),
                        AnalyzeCommand.interfaces(List.of()),
                        false,
                        1);
        List<Evidence> all = Evidence.of(difference.changes(), old, now, options);
        DiffScenario written =
                new DiffScenario(before, after, reading.defines, settingsOptions.sets, scenario);
        for (Evidence e : all) {
            if (e.steps().isEmpty()) {
                System.err.println(
                        "pinhole: no test shows "
                                + e.change().example().text()
                                + " (ct state "
                                + e.change().example().stateText()
                                + ")");
            }
        }
        written.write(all, old, now, pcap);
    }
}
