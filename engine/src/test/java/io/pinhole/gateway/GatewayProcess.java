package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** {@code pinhole gateway} in the gateway's namespace, as a process of its own. */
final class GatewayProcess implements AutoCloseable {
    private final Process process;
    private final Path log;

    private GatewayProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /** The command that runs this build's {@code pinhole} with these arguments. */
    static List<String> command(String... arguments) {
        return commandOf(System.getProperty("java.class.path"), arguments);
    }

    private static List<String> commandOf(String classes, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-XX:+UseSerialGC",
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classes,
                        "io.pinhole.cli.Main"));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Runs a client command, such as {@code status}, and returns what it said. */
    static String ask(Lab lab, Path socket, String... arguments) {
        List<String> command = new ArrayList<>(command(arguments));
        command.add("--control");
        command.add(socket.toString());
        return lab.in("gw", String.join(" ", command)).ok().output();
    }

    /** Starts it and waits until it judges. */
    static GatewayProcess start(Lab lab, String... arguments) throws IOException {
        return start(lab, List.of(), System.getProperty("java.class.path"), arguments);
    }

    /**
     * @param wrapper a command that runs the gateway, such as setpriv with its options
     * @param classes class path to run it from
     */
    static GatewayProcess start(Lab lab, List<String> wrapper, String classes, String... arguments)
            throws IOException {
        Path log = Files.createTempFile("gateway", ".log");
        List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", lab.namespace("gw")));
        command.addAll(wrapper);
        List<String> all = new ArrayList<>(List.of("gateway"));
        all.addAll(List.of(arguments));
        command.addAll(commandOf(classes, all.toArray(String[]::new)));
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        GatewayProcess gateway = new GatewayProcess(process, log);
        gateway.await("judging by");
        return gateway;
    }

    /** The class path again, in a folder that everybody may read. */
    static String readableCopy(Path folder) throws IOException {
        Path to = folder.resolve("classes");
        List<String> copied = new ArrayList<>();
        int n = 0;
        for (String entry : System.getProperty("java.class.path").split(":")) {
            Path from = Path.of(entry);
            if (!Files.exists(from)) {
                continue;
            }
            Path copy = to.resolve(n++ + "-" + from.getFileName());
            Files.createDirectories(to);
            try (var files = Files.walk(from)) {
                for (Path file : files.toList()) {
                    Path target = copy.resolve(from.relativize(file).toString());
                    if (Files.isDirectory(file)) {
                        Files.createDirectories(target);
                    } else {
                        Files.copy(file, from.equals(file) ? copy : target);
                    }
                }
            }
            copied.add(copy.toString());
        }
        run("chmod", "-R", "a+rX", folder.toString());
        return String.join(":", copied);
    }

    private static void run(String... command) throws IOException {
        try {
            new ProcessBuilder(command).start().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits for a line of the log that contains this. */
    String await(String text) {
        return await(line -> line.contains(text), text);
    }

    String await(Predicate<String> wanted, String what) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (System.nanoTime() < end) {
            for (String line : log().lines().toList()) {
                if (wanted.test(line)) {
                    return line;
                }
            }
            if (!process.isAlive()) {
                break;
            }
            sleep(50);
        }
        throw new AssertionError("no \"" + what + "\" in the log:\n" + log());
    }

    static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
    }

    /** Like a crash: nothing is tidied up. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    /** Its process, and not that of a wrapper: each replaces itself by the next. */
    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Ends it by SIGTERM; it must end well. Returns its log. */
    String stop() throws InterruptedException {
        process.destroy();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("ends on SIGTERM").isTrue();
        assertThat(process.exitValue()).as(log()).isZero();
        return log();
    }

    @Override
    public void close() throws IOException {
        if (process.isAlive()) {
            process.destroy();
            try {
                if (!process.waitFor(15, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        Files.deleteIfExists(log);
    }
}
