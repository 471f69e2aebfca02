package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code pinhole}, run as a user would: from elsewhere, and through a link. */
class LauncherIT {
    private static final Path PINHOLE = Path.of(System.getProperty("pinhole.root"), "pinhole");

    @TempDir private static Path elsewhere;

    private record Run(int status, String out, String err) {}

    @BeforeAll
    static void buildOnce() throws Exception {
        assertThat(run(PINHOLE.toString(), "version").err()).isEmpty();
    }

    @Test
    void answersThroughASymbolicLink() throws Exception {
        Path link = Files.createSymbolicLink(elsewhere.resolve("link"), PINHOLE);
        Path relative = Files.createSymbolicLink(elsewhere.resolve("relative"), Path.of("link"));
        for (Path called : List.of(link, relative, Path.of("./relative"))) {
            assertThat(run(called.toString(), "version").out()).startsWith("pinhole 0.");
        }
    }

    @Test
    void passesTheExitStatusOn() throws Exception {
        Run run = run(PINHOLE.toString(), "no-such-command");
        assertThat(run.status()).isEqualTo(Main.EXIT_USAGE);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("no-such-command");
    }

    @Test
    void staysQuietAboutACacheThatDoesNotFit() throws Exception {
        Run run =
                run("env", "PINHOLE_JAVA_OPTS=-XX:AOTCache=no-such", PINHOLE.toString(), "version");
        assertThat(run.out()).startsWith("pinhole 0.").hasLineCount(1);
        assertThat(run.err()).isEmpty();
    }

    @Test
    void saysInOneLineHowToGetAJdk() throws Exception {
        // A checkout whose search finds nothing, because no JDK is ever new enough.
        Path checkout = Files.createDirectories(elsewhere.resolve("checkout"));
        Path script = Files.copy(PINHOLE, checkout.resolve("pinhole"));
        Files.createDirectory(checkout.resolve(".mvn"));
        String search = Files.readString(PINHOLE.resolveSibling(".mvn/jdk.sh"));
        Files.writeString(
                checkout.resolve(".mvn/jdk.sh"),
                search.replace("jdk_wanted=25", "jdk_wanted=9999"));
        Run run = run("sh", script.toString(), "version");
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err().lines()).singleElement().asString().contains("needs JDK 9999");
    }

    private static Run run(String... command) throws IOException, InterruptedException {
        Path out = elsewhere.resolve("out");
        Path err = elsewhere.resolve("err");
        Process process =
                new ProcessBuilder(command)
                        .directory(elsewhere.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
    }
}
