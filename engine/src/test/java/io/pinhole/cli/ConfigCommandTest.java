package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code pinhole config}, and what every command does with bad usage and with our own mistakes. */
class ConfigCommandTest {
    private record Run(int status, String out, String err) {}

    @TempDir Path folder;

    @Test
    void printsEverySettingAndWhereItCameFrom() throws Exception {
        Path file =
                Files.writeString(
                        folder.resolve("p.yaml"),
                        "limits:\n  flows: 7\n  controls: 8\nhelpers:\n  ftp-x:\n  ftp-y: {auth:"
                                + " refuse}\n");
        Run run =
                run(
                        "config",
                        "--config=" + file,
                        "--set=limits.controls=9",
                        "--set",
                        "helpers.ftp-y.denied-ports=22,25");

        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        assertThat(run.out().lines().map(line -> line.replaceAll(" +#", " #")).toList())
                .hasSize(SettingsTable.ALL.size() + 4 + 5)
                .startsWith("timeouts:", "  syn-sent: 2m # default")
                .contains(
                        "  established: 5d # default",
                        "  flows: 7 # " + file + ":2",
                        "  controls: 9 # --set",
                        "  pipeline: 64 # default")
                .endsWith(
                        "helpers: # what is not here is as in helper",
                        "  ftp-x:",
                        "  ftp-y:",
                        "    auth: refuse # " + file + ":6",
                        "    denied-ports: [22, 25] # --set");
    }

    @Test
    void printsTheDefaults() {
        Run run = run("config", "--defaults");

        assertThat(run.status()).isZero();
        assertThat(run.out().lines().filter(line -> line.endsWith("# default")))
                .hasSize(SettingsTable.ALL.size());
        assertThat(run.out().lines().toList())
                .isEqualTo(ConfigCommand.yaml(SettingsInForce.DEFAULTS));
    }

    @Test
    void aBadFileIsStatusTwoAndNothingIsPrinted() throws Exception {
        Path file = Files.writeString(folder.resolve("p.yaml"), "tcp: {lose: on}\nudp: 3\n");
        Run run = run("config", "--config", file.toString());

        assertThat(run.out()).isEmpty();
        assertThat(run.status()).isEqualTo(Main.EXIT_USAGE);
        assertThat(run.err().lines())
                .containsExactly(
                        "pinhole: "
                                + file
                                + ":1:7: unknown key 'tcp.lose'; did you mean 'tcp.loose'?",
                        "pinhole: "
                                + file
                                + ":2:1: unknown key 'udp'; did you mean 'timeouts.udp'?");
    }

    @Test
    void helpHasExamples() {
        Run run = run("config", "-h");

        assertThat(run.status()).isZero();
        assertThat(run.out()).contains("Examples:", "pinhole config --set", "--config=FILE");
        assertThat(run.out().lines()).allMatch(line -> line.length() <= 100);
    }

    @ParameterizedTest(name = "pinhole {0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    confg                     | Unmatched argument at index 0: 'confg'; Did you mean: pinhole config or pinhole record or pinhole version?; Try 'pinhole --help'.
                    config --confg=x          | Unknown option: '--confg=x'; Possible solutions: --config; Try 'pinhole config --help'.
                    config x                  | Unmatched argument at index 1: 'x'; Try 'pinhole config --help'.
                    config @x                 | Unmatched argument at index 1: '@x'; Try 'pinhole config --help'.
                    config --set              | Missing required parameter for option '--set' (KEY=VALUE); Try 'pinhole config --help'.
                    config --config a --config b | option '--config' (FILE) should be specified only once; Try 'pinhole config --help'.
                    config --defaults --set a=b | --defaults goes with neither --config nor --set; Try 'pinhole config --help'.
                    """)
    void badUsageIsOneLineAndAHint(String args, String lines) {
        Run run = run(args.split(" "));

        assertThat(run.status()).isEqualTo(Main.EXIT_USAGE);
        assertThat(run.out()).isEmpty();
        assertThat(String.join("; ", run.err().lines().toList())).isEqualTo("pinhole: " + lines);
    }

    @Test
    void aCallWithoutACommandShowsTheCommands() {
        Run run = run();

        assertThat(run.status()).isEqualTo(Main.EXIT_USAGE);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("Usage: pinhole").contains("analyze", "Judge captures");
    }

    @Command(name = "boom")
    private static final class Boom implements Callable<Integer> {
        @Override
        public Integer call() {
            throw new IllegalStateException("boiler \u001b[2J");
        }
    }

    @Test
    void ourOwnMistakeIsReportedWithoutATrace() {
        assumeTrue(System.getenv("PINHOLE_DEBUG") == null);
        Run run = run(command -> command.addSubcommand(new Boom()), "boom");

        assertThat(run.status()).isEqualTo(Main.EXIT_USAGE);
        assertThat(run.err().lines())
                .containsExactly(
                        "pinhole: internal error: java.lang.IllegalStateException: boiler"
                                + " \\u001b[2J",
                        "Please report it, with what PINHOLE_DEBUG=1 adds.");
    }

    /** YAML costs a tenth of a second of start-up. */
    @Test
    void withoutAFileNoYamlClassIsLoaded() throws Exception {
        assumeTrue(Files.notExists(SettingsLoader.DEFAULT_FILE));
        Path file = Files.writeString(folder.resolve("p.yaml"), "limits: {flows: 7}\n");

        assertThat(classesLoadedBy("config", "--set", "limits.flows=7"))
                .noneMatch(line -> line.startsWith("org.snakeyaml.") || line.contains("jackson"));
        // So that the test can fail: the names are what they are thought to be.
        assertThat(classesLoadedBy("config", "--config", file.toString()))
                .anyMatch(line -> line.startsWith("org.snakeyaml."))
                .anyMatch(line -> line.contains("jackson"));
    }

    private List<String> classesLoadedBy(String... args) throws Exception {
        Path log = folder.resolve("classes.log");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Xlog:class+load:file=" + log + "::filecount=0");
        command.addAll(
                List.of("-cp", System.getProperty("java.class.path"), "io.pinhole.cli.Main"));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.redirectErrorStream(true);
        builder.redirectOutput(folder.resolve("out.txt").toFile());
        assertThat(builder.start().waitFor()).as(command.toString()).isZero();
        return Files.readAllLines(log).stream()
                .map(line -> line.replaceFirst("^(\\[[^]]*])+ ", ""))
                .toList();
    }

    private static Run run(String... args) {
        return run(command -> {}, args);
    }

    private static Run run(Consumer<CommandLine> change, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command = Main.commandLine();
        change.accept(command);
        command.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        int status = command.execute(args);
        return new Run(status, out.toString(), err.toString());
    }
}
