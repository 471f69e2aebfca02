package io.pinhole.cli;

import io.pinhole.rule.RuleSet;
import io.pinhole.validate.check.DiffReport;
import io.pinhole.validate.check.RuleDiff;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.Policies;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole diff}: what passes under one rule set and not under the other. */
@Command(
        name = "diff",
        sortOptions = false,
        header = "Say what passes under one rule set and not under another.",
        description = {
            "Say what passes under NEW that did not under OLD, and the reverse, over all",
            "packets and all FTP dialogues, with an example for each difference."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole diff /etc/nftables.conf new.nft",
            "  git show HEAD:ftp.nft > old.nft; pinhole diff old.nft ftp.nft",
            "",
            "Exit status: 0 the same packets pass, 1 they differ, 2 bad usage or rule set."
        })
final class DiffCommand implements Callable<Integer> {
    @Option(
            names = "-D",
            paramLabel = "NAME=VALUE",
            description = "Replace a 'define' of both rule sets; repeatable.")
    private Map<String, String> defines = new LinkedHashMap<>();

    @Option(names = "--json", description = "One JSON object a line for machines.")
    private boolean json;

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    @Parameters(index = "0", paramLabel = "OLD", description = "A rule set, as for 'analyze -r'.")
    private String before = "";

    @Parameters(index = "1", paramLabel = "NEW", description = "The other one.")
    private String after = "";

    private final OutputStream output;

    DiffCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    DiffCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        RuleSet old = CheckCommand.load(before, defines);
        RuleSet now = CheckCommand.load(after, defines);
        RuleDiff.Difference difference;
        try {
            difference =
                    RuleDiff.of(old, now, Policies.of(settingsOptions.load().settings().helper()));
        } catch (Bdd.TooLarge e) {
            throw new UserError(String.valueOf(e.getMessage()));
        }
        if (json) {
            DiffReport.json(output, difference);
        } else {
            boolean colour = Terminal.isOutTerminal() && System.getenv("NO_COLOR") == null;
            DiffReport.text(output, colour, difference, before, after);
        }
        return difference.isEmpty() ? 0 : Main.EXIT_NO;
    }
}
