package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.IpAddress;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.record.RecordException;
import io.pinhole.validate.record.Recorder;
import io.pinhole.validate.run.ExactProofs;
import io.pinhole.validate.run.Instrument;
import io.pinhole.validate.run.PacketTap;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.run.Surroundings.SetupException;
import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.ScenarioReader;
import io.pinhole.validate.scenario.Setup;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole record}: turns a capture into a scenario. */
@Command(
        name = "record",
        sortOptions = false,
        header = "Turn a capture into a scenario.",
        description = {
            "Turn a capture into a scenario that passes under the same rules: as",
            "dialogues and transfers where that is enough, else packet by packet."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole record monday.pcap -o tests/monday.scenario",
            "  pinhole record -r /etc/nftables.conf hang.pcapng",
            "",
            "Exit status: 0 fine, 2 bad usage, rule set or file, 3 the file is",
            "damaged part-way: what comes before the damage was recorded."
        })
final class RecordCommand implements Callable<Integer> {
    private static final int FTP = 21;

    @Parameters(paramLabel = "FILE", description = "pcap or pcapng, plain or gzip.")
    private String file = "";

    @Option(
            names = "-o",
            paramLabel = "FILE",
            description = "Write the scenario here instead of to standard output.")
    private @Nullable Path to;

    @Mixin private RuleOptions ruleOptions = new RuleOptions();

    @Option(
            names = "--ftp-port",
            split = ",",
            paramLabel = "PORT",
            description = "Control ports instead of 21.")
    private List<Integer> ftpPorts = new ArrayList<>();

    @Option(
            names = "--local",
            paramLabel = "ADDR",
            description = "An address of the firewall host itself; repeatable.")
    private List<String> locals = new ArrayList<>();

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Change one setting; repeatable. It becomes part of the scenario.")
    private List<String> sets = new ArrayList<>();

    private final OutputStream output;

    RecordCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    RecordCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        String name = to == null ? "recorded.scenario" : to.toString();
        String head = head();
        ScenarioSurroundings surroundings =
                new ScenarioSurroundings(new RuleOptions(), new SettingsOptions());
        Setup setup = setup(head, name, surroundings);
        Recorder.Recording recording;
        try (CaptureFiles files = CaptureFiles.open(List.of(file), System.in)) {
            RuleSet rules = surroundings.rules(setup, name);
            if (!rules.readsLoopbackOnly()) {
                throw new UserError(
                        rules.name()
                                + " reads interfaces ("
                                + rules.interfaceRules().getFirst().text()
                                + "), which record cannot take from a capture yet");
            }
            Set<Integer> observed = new TreeSet<>(setup.ftpPorts());
            observed.add(FTP);
            boolean attach = !setup.ftpPorts().isEmpty() && !rules.assignsHelper();
            PathOptions options =
                    new PathOptions(
                            surroundings.settings(setup),
                            observed,
                            attach ? setup.ftpPorts() : Set.of(),
                            setup.locals(),
                            new InterfaceMap(List.of()),
                            false,
                            1);
            recording =
                    Recorder.record(
                            files,
                            options,
                            rules,
                            head,
                            "as recorded in " + Path.of(file).getFileName(),
                            text -> passes(text, name, surroundings));
        } catch (SetupException e) {
            throw new UserError(e.lines().stream().flatMap(String::lines).toArray(String[]::new));
        } catch (CaptureException | RecordException e) {
            throw new UserError(String.valueOf(e.getMessage()));
        }
        write(recording.text());
        if (to != null) {
            System.err.println(
                    "pinhole: wrote "
                            + SettingsText.visible(name)
                            + ": "
                            + recording.detail().text());
        }
        if (recording.damage() != null) {
            System.err.println(
                    "pinhole: "
                            + SettingsText.visible(recording.damage())
                            + "; recorded is what comes before");
            return Main.EXIT_DAMAGED;
        }
        return 0;
    }

    private void write(String text) throws UserError {
        Path target = to;
        if (target == null) {
            PrintStream out = new PrintStream(output, false, StandardCharsets.UTF_8);
            out.print(text);
            out.flush();
            return;
        }
        try {
            Files.writeString(target, text, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UserError(
                    "cannot write "
                            + SettingsText.visible(target.toString())
                            + ": "
                            + e.getMessage());
        }
    }

    /** The lines that name rules and settings. */
    private String head() throws UserError {
        StringBuilder out = new StringBuilder();
        out.append("# Recorded from ").append(SettingsText.visible(file)).append(".\n\n");
        out.append("rules   ").append(quoted(ruleFile())).append('\n');
        for (Map.Entry<String, String> define : ruleOptions.reading.defines.entrySet()) {
            out.append("define  ").append(define.getKey()).append(" = ");
            out.append(define.getValue()).append('\n');
        }
        if (ruleOptions.ignoreNat) {
            out.append("ignore-nat\n");
        }
        for (String set : sets) {
            out.append("set     ").append(set).append('\n');
        }
        if (!ftpPorts.isEmpty()) {
            out.append("ftp-port ");
            out.append(ftpPorts.stream().map(String::valueOf).collect(Collectors.joining(" ")));
            out.append('\n');
        }
        for (String local : locals) {
            if (IpAddress.parse(local) == null) {
                throw new UserError("--local " + SettingsText.quoted(local) + " is no IP address");
            }
            out.append("local   ").append(local).append('\n');
        }
        return out.toString();
    }

    static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:-]+")
                ? text
                : '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** As the scenario names it: seen from its own folder. */
    private String ruleFile() throws UserError {
        if (ruleOptions.rules.isEmpty()) {
            return RuleFiles.DEFAULT;
        }
        if (ruleOptions.rules.size() > 1) {
            throw new UserError("a scenario names one rule file, give one --rules");
        }
        return seenFrom(to, ruleOptions.rules.getFirst());
    }

    /** A rule file as a scenario names it: seen from the scenario's folder. */
    static String seenFrom(@Nullable Path scenario, String rules) {
        Path path = Path.of(rules);
        Path folder = scenario == null ? null : scenario.toAbsolutePath().normalize().getParent();
        if (path.isAbsolute() || folder == null) {
            return rules;
        }
        return folder.relativize(path.toAbsolutePath().normalize()).toString();
    }

    private static Setup setup(String head, String name, ScenarioSurroundings surroundings)
            throws UserError {
        // The head is read as the scenario will be, with a step that is never run.
        String text = head + "host h 192.0.2.1\ntest \"setup\"\n  after 1s\n";
        return switch (read(text, name, surroundings)) {
            case ReadScenario.Loaded loaded -> loaded.scenario().tests().getFirst().setup();
            case ReadScenario.Refused refused ->
                    throw new UserError(refused.format().lines().toArray(String[]::new));
        };
    }

    private static ReadScenario read(String text, String name, ScenarioSurroundings surroundings) {
        return ScenarioReader.read(name, text.getBytes(StandardCharsets.UTF_8), surroundings);
    }

    private static boolean passes(String text, String name, ScenarioSurroundings surroundings) {
        if (!(read(text, name, surroundings) instanceof ReadScenario.Loaded loaded)) {
            return false;
        }
        try {
            return new ScenarioRunner(
                            new ScenarioRunner.Options(
                                    surroundings,
                                    new ExactProofs(),
                                    1,
                                    test -> true,
                                    Instrument.NONE,
                                    (scenario, test) -> PacketTap.NONE))
                    .run(List.of(loaded.scenario())).stream().allMatch(TestResult::passed);
        } catch (SetupException e) {
            return false;
        }
    }
}
