package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.SystemMemory;
import io.pinhole.core.IpAddress;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Shards;
import io.pinhole.path.VerdictDigest;
import io.pinhole.report.ExplainJson;
import io.pinhole.report.ExplainText;
import io.pinhole.report.FailOn;
import io.pinhole.report.JsonReport;
import io.pinhole.report.Report;
import io.pinhole.report.TextReport;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.explain.Explanation;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
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

/** {@code pinhole analyze}: judges captures and tells what FTP happened in them. */
@Command(
        name = "analyze",
        abbreviateSynopsis = true,
        sortOptions = false,
        description =
                "Judge captures by a rule set and tell what FTP happened in them: sessions,"
                        + " pinholes, transfers, what was blocked by which rule, and the cure.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole analyze capture.pcap",
            "  pinhole analyze -r /etc/nftables.conf --fail-on drop capture.pcapng",
            "  pinhole analyze --ftp-port 21,2121 monday.pcap tuesday.pcap.gz",
            "  tcpdump -i eth0 -w - tcp | pinhole analyze --json -",
            "",
            "Exit status: 0 fine, 1 --fail-on matched, 2 bad usage, rule set or file, 3 a file is"
                    + " damaged",
            "part-way: everything before the damage was judged."
        })
final class AnalyzeCommand implements Callable<Integer> {
    private static final int FTP = 21;

    /** What a shell reports for a program that a closed pipe ended. */
    private static final int EXIT_PIPE = 128 + 13;

    @Mixin private RuleOptions ruleOptions = new RuleOptions();

    @Option(
            names = "--ftp-port",
            split = ",",
            paramLabel = "PORT",
            description =
                    "Control ports instead of 21, with the bundled rule set also in what it lets"
                            + " in; with another set that assigns no helper: attach the helper there.")
    private List<Integer> ftpPorts = new ArrayList<>();

    @Option(
            names = "--json",
            description = "One JSON object a line for machines, see docs/json.md.")
    private boolean json;

    @Option(
            names = "--verdicts",
            description = "With --json: one line a packet too, in packet order.")
    private boolean verdictLines;

    @Option(
            names = "--local",
            paramLabel = "ADDR",
            description =
                    "An address of the host itself: packets to it meet input, packets from it"
                            + " output; repeatable.")
    private List<String> locals = new ArrayList<>();

    @Option(
            names = "--iface",
            paramLabel = "NAME=CIDR",
            description =
                    "Which addresses live behind which interface, for rule sets that ask;"
                            + " repeatable.")
    private List<String> interfaces = new ArrayList<>();

    @Option(
            names = "--compat",
            paramLabel = "linux",
            description =
                    "Judge as Linux does, its FTP helper's faults included; docs/semantics.md lists"
                            + " the differences.")
    private @Nullable String compat;

    @Option(
            names = "--fail-on",
            split = ",",
            paramLabel = "WHAT",
            description =
                    "Exit status 1 if anything was dropped, if there was an alert, if a transfer"
                            + " was incomplete: ${COMPLETION-CANDIDATES}.",
            completionCandidates = FailOnNames.class)
    private List<String> failOn = new ArrayList<>();

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = {
                "Threads that judge, by default one a processor; the outcome",
                "does not depend on it."
            })
    private @Nullable Integer threads;

    @Option(
            names = "--digest",
            description = {
                "Print a fingerprint of all verdicts last: that of a",
                "gateway's recording is the one the gateway printed."
            })
    private boolean digest;

    @Option(
            names = "--explain",
            paramLabel = "[FILE:]N",
            description = {
                "Instead of the report: the way of packet N through the rules,",
                "why each did not match, and what would have let it pass."
            })
    private @Nullable String explain;

    @Option(
            names = "--list-ruleset",
            description = {
                "After the report: the rule set as 'nft list ruleset' prints",
                "it, with what each rule counted."
            })
    private boolean listRuleset;

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    @Parameters(
            arity = "1..*",
            paramLabel = "FILE",
            description = "pcap or pcapng, plain or gzip; - is standard input.")
    private List<String> files = new ArrayList<>();

    /** Names for the help text. */
    static final class FailOnNames extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        FailOnNames() {
            for (FailOn f : FailOn.values()) {
                add(f.label());
            }
        }
    }

    private final OutputStream output;

    AnalyzeCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    AnalyzeCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        if (verdictLines && !json) {
            throw new UserError("--verdicts goes with --json");
        }
        if (compat != null && !compat.equals("linux")) {
            throw new UserError("--compat knows linux, not " + SettingsText.quoted(compat));
        }
        List<FailOn> failures = parseFailOn();
        SettingsInForce settings = settingsOptions.load();
        Set<Integer> ports = ports();
        RuleSet set =
                ruleOptions.load(
                        ruleOptions.isBundled() && !ftpPorts.isEmpty()
                                ? Map.of("ftp_ports", "{ " + join(ports) + " }")
                                : Map.of());
        CompiledRules program = set.compile();
        boolean attach = !ruleOptions.isBundled() && !ftpPorts.isEmpty();
        if (attach && program.assignsHelper()) {
            throw new UserError(
                    "--ftp-port is for rule sets that assign no helper; "
                            + program.name()
                            + " does: change it there");
        }
        Set<Integer> observed = new TreeSet<>(ports);
        observed.add(FTP);
        PathOptions options =
                new PathOptions(
                        settings.settings(),
                        observed,
                        attach ? ports : Set.of(),
                        locals(locals),
                        interfaces(interfaces),
                        compat != null,
                        System.nanoTime(),
                        SystemMemory::reserve);
        try (CaptureFiles capture = CaptureFiles.open(files, System.in)) {
            if (explain != null) {
                explain(capture, options, set, explain);
                return 0;
            }
            Report report =
                    json
                            ? new JsonReport(output, verdictLines)
                            : new TextReport(
                                    output,
                                    TextReport.Options.of(
                                            TextReport.Options.colour(
                                                    Terminal.isOutTerminal(), System.getenv()),
                                            files.size() > 1));
            DigestReport counted = new DigestReport(report);
            Report to = digest ? counted : report;
            boolean damaged;
            if (CaptureFiles.isRecording(files.getFirst())) {
                if (listRuleset) {
                    throw new UserError("--list-ruleset is for captures, not for recordings");
                }
                damaged =
                        new ReplayRun(
                                        capture,
                                        GatewayCommand.asGateway(options),
                                        program,
                                        to,
                                        (name, text) -> ruleOptions.again(text).compile())
                                .damaged();
            } else {
                AnalyzeRun run =
                        new AnalyzeRun(capture, options, program, to, threads(settings, program));
                damaged = run.damaged();
                if (listRuleset) {
                    output.write(run.listing().getBytes(StandardCharsets.UTF_8));
                    output.flush();
                }
            }
            if (digest) {
                printDigest(counted.digest());
            }
            if (damaged) {
                return Main.EXIT_DAMAGED;
            }
            return failures.stream().anyMatch(f -> f.matches(report.totals())) ? Main.EXIT_NO : 0;
        } catch (CaptureException e) {
            throw new UserError(SettingsText.visible(String.valueOf(e.getMessage())));
        } catch (UncheckedIOException e) {
            if (isBrokenPipe(e)) {
                return EXIT_PIPE;
            }
            throw new UserError("cannot write the output: " + e.getMessage());
        }
    }

    private void printDigest(VerdictDigest of) {
        String text =
                json
                        ? "{\"event\":\"digest\",\"packets\":%d,\"digest\":\"%s\"}%n"
                        : "verdict digest %2$s%n";
        try {
            output.write(text.formatted(of.packets(), of).getBytes(StandardCharsets.UTF_8));
            output.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tells of one packet; {@code which} is {@code N} or {@code FILE:N}. */
    private void explain(CaptureFiles capture, PathOptions options, RuleSet set, String which)
            throws CaptureException, UserError {
        if (CaptureFiles.isRecording(files.getFirst())) {
            throw new UserError("--explain is for captures, not for recordings of a gateway");
        }
        int colon = which.lastIndexOf(':');
        int file = colon < 0 ? 0 : files.indexOf(which.substring(0, colon));
        String digits = which.substring(colon + 1);
        boolean number = digits.length() <= 12 && digits.matches("[1-9][0-9]*");
        if (file < 0 || !number) {
            throw new UserError(
                    "--explain takes a packet's number, or FILE:NUMBER with one of the files given,"
                            + " not "
                            + SettingsText.quoted(which));
        }
        Explanation explanation =
                new ExplainRun(set, ExplainCommand.SHOWN, options)
                        .explain(capture, options, file, Long.parseLong(digits));
        if (explanation == null) {
            throw new UserError(
                    capture.fileName(file)
                            + " has no packet "
                            + digits
                            + ": it holds "
                            + capture.totals(file).packets());
        }
        if (json) {
            new ExplainJson(output).write(explanation);
        } else {
            boolean colour = TextReport.Options.colour(Terminal.isOutTerminal(), System.getenv());
            new ExplainText(output, colour, set.name()).write(explanation);
        }
    }

    private int threads(SettingsInForce settings, CompiledRules program) throws UserError {
        int wanted = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
        if (wanted < 1) {
            throw new UserError("--threads " + wanted + " is no number of threads");
        }
        String why = Shards.oneThreadBecause(settings.settings(), program);
        if (why == null || wanted == 1) {
            return wanted;
        }
        if (threads != null) {
            System.err.println("pinhole: one thread: " + program.name() + " " + why);
        }
        return 1;
    }

    private static boolean isBrokenPipe(UncheckedIOException e) {
        IOException cause = e.getCause();
        return cause != null && String.valueOf(cause.getMessage()).contains("Broken pipe");
    }

    private Set<Integer> ports() throws UserError {
        Set<Integer> ports = new TreeSet<>();
        for (int port : ftpPorts) {
            if (port < 1 || port > 65_535) {
                throw new UserError("--ftp-port " + port + " is no port: 1 to 65535");
            }
            ports.add(port);
        }
        if (ports.isEmpty()) {
            ports.add(FTP);
        }
        return ports;
    }

    private static String join(Set<Integer> ports) {
        return ports.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    private List<FailOn> parseFailOn() throws UserError {
        List<FailOn> out = new ArrayList<>();
        for (String name : failOn) {
            FailOn found = null;
            for (FailOn f : FailOn.values()) {
                found = f.label().equals(name) ? f : found;
            }
            if (found == null) {
                throw new UserError(
                        "--fail-on knows "
                                + String.join(", ", new FailOnNames())
                                + ", not "
                                + SettingsText.quoted(name));
            }
            out.add(found);
        }
        return out;
    }

    /** What {@code --local} says. */
    static List<IpAddress> locals(List<String> given) throws UserError {
        List<IpAddress> out = new ArrayList<>();
        for (String text : given) {
            IpAddress address = IpAddress.parse(text);
            if (address == null) {
                throw new UserError("--local " + SettingsText.quoted(text) + " is no IP address");
            }
            out.add(address);
        }
        return out;
    }

    /** What {@code --iface} says. */
    static InterfaceMap interfaces(List<String> given) throws UserError {
        List<InterfaceMap.Entry> out = new ArrayList<>();
        for (String text : given) {
            InterfaceMap.Entry entry = parseInterface(text);
            if (entry == null) {
                throw new UserError(
                        "--iface "
                                + SettingsText.quoted(text)
                                + " is not of the form eth0=198.51.100.0/24");
            }
            out.add(entry);
        }
        return new InterfaceMap(out);
    }

    private static InterfaceMap.@Nullable Entry parseInterface(String text) {
        int equals = text.indexOf('=');
        int slash = text.lastIndexOf('/');
        if (equals < 1) {
            return null;
        }
        int end = slash > equals ? slash : text.length();
        IpAddress network = IpAddress.parse(text.substring(equals + 1, end));
        if (network == null) {
            return null;
        }
        int prefix = network.isV4() ? 32 : 128;
        if (slash > equals) {
            String digits = text.substring(slash + 1);
            if (digits.isEmpty()
                    || digits.length() > 3
                    || !digits.chars().allMatch(c -> c >= '0' && c <= '9')
                    || Integer.parseInt(digits) > prefix) {
                return null;
            }
            prefix = Integer.parseInt(digits);
        }
        return new InterfaceMap.Entry(text.substring(0, equals), network, prefix);
    }
}
