package io.pinhole.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code pinhole version}. */
@Command(name = "version", description = "Print the version of pinhole and of Java.")
final class VersionCommand implements Callable<Integer>, IVersionProvider {
    @Spec private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    VersionCommand() {}

    @Override
    public String[] getVersion() {
        return new String[] {text()};
    }

    @Override
    public Integer call() {
        spec.commandLine().getOut().println(text());
        return 0;
    }

    /** {@code 0.1.0}. */
    static String number() {
        return build().getProperty("version", "0.0.0");
    }

    private static Properties build() {
        Properties build = new Properties();
        try (InputStream in = VersionCommand.class.getResourceAsStream("build.properties")) {
            if (in != null) build.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return build;
    }

    /** One line: {@code pinhole VERSION (COMMIT), Java VERSION}; no commit if none was given. */
    static String text() {
        Properties build = build();
        String commit = build.getProperty("commit", "");
        return "pinhole "
                + build.getProperty("version", "unknown")
                + (commit.isEmpty() ? "" : " (" + commit + ")")
                + ", Java "
                + Runtime.version();
    }
}
