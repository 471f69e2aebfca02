package io.pinhole.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code pinhole}: finds the subcommand and turns its result into an exit status. */
@Command(
        name = "pinhole",
        description = "FTP-aware stateful firewall and packet inspection engine.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = VersionCommand.class,
        footerHeading = "%nTry it:%n",
        footer = {
            "  pinhole analyze capture.pcap",
            "  pinhole COMMAND --help   options and examples of one command"
        })
public final class Main implements Callable<Integer> {
    /** The question was answered with "no". */
    public static final int EXIT_NO = 1;

    /** Bad usage, rule set or file: nothing was judged. */
    public static final int EXIT_USAGE = 2;

    /** The input is damaged part-way: everything before the damage was judged. */
    public static final int EXIT_DAMAGED = 3;

    /** What a shell reports for a program that a closed pipe ended. */
    private static final int EXIT_PIPE = 128 + 13;

    private static final List<Class<?>> COMMANDS =
            List.of(
                    AnalyzeCommand.class,
                    ExplainCommand.class,
                    CheckCommand.class,
                    DiffCommand.class,
                    GatewayCommand.class,
                    StatusCommand.class,
                    FlowsCommand.class,
                    PinholesCommand.class,
                    EventsCommand.class,
                    ReloadCommand.class,
                    TestCommand.class,
                    RecordCommand.class,
                    MonitorCommand.class,
                    ConfigCommand.class,
                    VersionCommand.class);

    private static final int TRACE_LINES = 12;
    private static final int HELP_COLUMNS = 100;

    @Spec private CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help and exit.")
    @SuppressWarnings("unused") // picocli acts on it, here and in every subcommand
    private boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Print the version and exit.")
    @SuppressWarnings("unused") // as above
    private boolean version;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    Main() {}

    /** A call without a subcommand. */
    @Override
    public Integer call() {
        CommandLine command = spec.commandLine();
        command.usage(command.getErr());
        return EXIT_USAGE;
    }

    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs one command line and returns its exit status. */
    static int run(String... args) {
        CommandLine command = commandLine(args);
        try {
            return command.execute(args);
        } catch (StackOverflowError | OutOfMemoryError e) { // picocli handles exceptions only
            internalError(e, command.getErr());
            command.getErr().flush();
            return EXIT_USAGE;
        }
    }

    /**
     * What parses a command line.
     *
     * @param args if they begin with a subcommand, the others are left out: picocli reads the
     *     annotations of each by reflection, a third of the time in which a short command is over
     */
    static CommandLine commandLine(String... args) {
        var line = new CommandLine(new Main());
        for (Class<?> subcommand : named(args)) {
            line.addSubcommand(subcommand);
        }
        return line.setUsageHelpWidth(HELP_COLUMNS)
                .setExpandAtFiles(false) // a file may well be called @something
                .setParameterExceptionHandler(Main::badUsage)
                .setExecutionExceptionHandler((e, command, parsed) -> failed(e, command));
    }

    private static List<Class<?>> named(String[] args) {
        for (Class<?> c : COMMANDS) {
            Command said = c.getAnnotation(Command.class);
            if (args.length > 0 && said != null && said.name().equals(args[0])) {
                return List.of(c);
            }
        }
        return COMMANDS;
    }

    /** One line, picocli's suggestions if it has any, and where to read on. */
    private static int badUsage(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("pinhole: " + SettingsText.visible(String.valueOf(e.getMessage())));
        UnmatchedArgumentException.printSuggestions(e, err);
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        err.flush();
        return EXIT_USAGE;
    }

    /** What the user can mend, line by line; anything else is our mistake. */
    private static int failed(Exception e, CommandLine command) {
        PrintWriter err = command.getErr();
        if (e instanceof SettingsException settings) {
            settings.shown().forEach(line -> err.println("pinhole: " + line));
        } else if (e instanceof UserError mistake) {
            err.println("pinhole: " + mistake.lines().getFirst());
            mistake.lines().stream().skip(1).forEach(err::println);
        } else if (isBrokenPipe(e)) {
            return EXIT_PIPE; // whoever reads has seen enough
        } else {
            internalError(e, err);
        }
        err.flush();
        return EXIT_USAGE;
    }

    private static boolean isBrokenPipe(Exception e) {
        Throwable cause = e instanceof UncheckedIOException ? e.getCause() : null;
        return cause != null && String.valueOf(cause.getMessage()).contains("Broken pipe");
    }

    private static void internalError(Throwable e, PrintWriter err) {
        err.println("pinhole: internal error: " + SettingsText.visible(e.toString()));
        if (!"1".equals(System.getenv("PINHOLE_DEBUG"))) {
            err.println("Please report it, with what PINHOLE_DEBUG=1 adds.");
            return;
        }
        for (Throwable t = e; t != null; t = t.getCause()) {
            err.println(SettingsText.visible(t.toString()));
            Arrays.stream(t.getStackTrace())
                    .limit(TRACE_LINES)
                    .forEach(frame -> err.println("    at " + frame));
        }
    }
}
