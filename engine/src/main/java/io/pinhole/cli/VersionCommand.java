package io.pinhole.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code pinhole version}. */
@Command(name = "version", description = "Print the version of pinhole and of Java.")
final class VersionCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    VersionCommand() {}

    @Override
    public Integer call() {
        spec.commandLine().getOut().println(text());
        return 0;
    }

    /** One line: {@code pinhole VERSION (COMMIT), Java VERSION}; no commit if none was given. */
    static String text() {
        Properties build = new Properties();
        try (InputStream in = VersionCommand.class.getResourceAsStream("build.properties")) {
            if (in != null) build.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String commit = build.getProperty("commit", "");
        return "pinhole "
                + build.getProperty("version", "unknown")
                + (commit.isEmpty() ? "" : " (" + commit + ")")
                + ", Java "
                + Runtime.version();
    }
}
