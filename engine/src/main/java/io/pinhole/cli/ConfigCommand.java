package io.pinhole.cli;

import io.pinhole.core.Settings.HelperPolicy;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code pinhole config}. */
@Command(
        name = "config",
        description = "Print every setting in force and where it came from, as YAML for --config.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole config",
            "  pinhole config --config gateway.yaml --set limits.flows=2000000",
            "  pinhole config --set helper.denied-ports=3306,6000-6063",
            "  pinhole config --set helpers.ftp-bank.strict=on",
            "  pinhole config --defaults > pinhole.yaml",
            "",
            "Exit status: 0, or 2 if a setting is not allowed. All settings: docs/settings.md"
        })
final class ConfigCommand implements Callable<Integer> {
    /** Longer lines push only their own comment to the right. */
    private static final int COMMENT_COLUMN = 44;

    @Spec private CommandSpec spec;

    @Mixin private SettingsOptions options;

    @Option(names = "--defaults", description = "Print the defaults, whatever any file says.")
    private boolean defaults;

    @SuppressWarnings("NullAway.Init") // picocli sets spec and options
    ConfigCommand() {}

    @Override
    public Integer call() throws SettingsException {
        if (defaults && options.given()) {
            throw new ParameterException(
                    spec.commandLine(), "--defaults goes with neither --config nor --set");
        }
        SettingsInForce inForce = defaults ? SettingsInForce.DEFAULTS : options.load();
        PrintWriter out = spec.commandLine().getOut();
        yaml(inForce).forEach(out::println);
        out.flush();
        return 0;
    }

    /** Lines that {@link SettingsLoader} reads to equal settings. */
    static List<String> yaml(SettingsInForce inForce) {
        List<String> lines = new ArrayList<>();
        Map<String, String> origins = inForce.origins();
        for (String section : SettingsTable.SECTIONS) {
            lines.add(section + ":");
            Record holder = (Record) Setting.get(inForce.settings(), section);
            for (Setting setting : SettingsTable.ALL) {
                if (!setting.section().equals(section)) continue;
                String origin = origins.getOrDefault(setting.key(), "default");
                lines.add(line("  ", setting, holder, origin));
            }
        }
        Map<String, HelperPolicy> helpers = inForce.settings().helpers();
        if (!helpers.isEmpty()) {
            lines.add(SettingsTable.HELPERS + ":  # what is not here is as in helper");
        }
        helpers.forEach(
                (name, policy) -> {
                    List<String> own = new ArrayList<>();
                    for (Setting setting : SettingsTable.ALL) {
                        if (!setting.section().equals(SettingsTable.HELPER)) continue;
                        String origin = origins.get(SettingsKeys.ofHelper(name, setting));
                        if (origin != null) own.add(line("    ", setting, policy, origin));
                    }
                    lines.add("  " + name + ":");
                    lines.addAll(own);
                });
        return lines;
    }

    private static String line(String indent, Setting setting, Record holder, String origin) {
        String value = setting.type().write(setting.in(holder));
        String text = indent + setting.name() + ": " + value;
        return text + " ".repeat(Math.max(2, COMMENT_COLUMN - text.length())) + "# " + origin;
    }
}
