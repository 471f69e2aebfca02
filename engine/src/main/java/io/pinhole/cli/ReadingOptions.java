package io.pinhole.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how rule files are read, for {@code @Mixin} into whatever reads them. */
final class ReadingOptions {
    @Option(
            names = "-D",
            paramLabel = "NAME=VALUE",
            description = "Replace a 'define' of the rule set; repeatable.")
    Map<String, String> defines = new LinkedHashMap<>();

    @Option(
            names = {"-I", "--includepath"},
            paramLabel = "DIR",
            description = {
                "Look for included files in this folder too, after that of",
                "the file that includes them; repeatable."
            })
    List<String> includePath = new ArrayList<>();

    @Option(
            names = "--ipset",
            paramLabel = "FILE",
            description = "The sets that iptables rules name: output of 'ipset save'.")
    @Nullable String ipset;

    /** For these rule files. */
    RuleOptions of(List<String> rules) {
        RuleOptions options = new RuleOptions();
        options.rules = rules;
        options.reading = this;
        return options;
    }
}
