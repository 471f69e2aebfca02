package io.pinhole.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command {@code pinhole}: finds the subcommand and turns its result into an exit status. */
@Command(
        name = "pinhole",
        description = "FTP-aware stateful firewall and packet inspection engine.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {VersionCommand.class})
public final class Main implements Runnable {
    /** The question was answered with "no". */
    public static final int EXIT_NO = 1;

    /** Bad usage, rule set or file: nothing was judged. */
    public static final int EXIT_USAGE = 2;

    /** The input is damaged part-way: everything before the damage was judged. */
    public static final int EXIT_DAMAGED = 3;

    @Spec private CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help and exit.")
    @SuppressWarnings("unused") // picocli acts on it, here and in every subcommand
    private boolean help;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    Main() {}

    /** A call without a subcommand. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs one command line and returns its exit status. */
    static int run(String... args) {
        return commandLine().execute(args);
    }

    static CommandLine commandLine() {
        return new CommandLine(new Main());
    }
}
