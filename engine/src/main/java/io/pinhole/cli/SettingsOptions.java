package io.pinhole.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options {@code --config} and {@code --set}, for {@code @Mixin} into a command. */
final class SettingsOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description =
                    "Read settings from this YAML file instead of /etc/pinhole/pinhole.yaml (which"
                            + " need not exist).")
    @Nullable Path config;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description =
                    "Change one setting, on top of the file; repeatable, the last of equal keys"
                            + " wins.")
    List<String> sets = new ArrayList<>();

    /** Whether any of the options was given. */
    boolean given() {
        return config != null || !sets.isEmpty();
    }

    /**
     * The settings of this run.
     *
     * @throws SettingsException which {@link Main} prints, status 2
     */
    SettingsInForce load() throws SettingsException {
        return SettingsLoader.load(config, sets);
    }
}
