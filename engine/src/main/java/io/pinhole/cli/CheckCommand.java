package io.pinhole.cli;

import io.pinhole.rule.RuleSet;
import io.pinhole.validate.check.CheckReport;
import io.pinhole.validate.check.Exposure;
import io.pinhole.validate.check.Finding;
import io.pinhole.validate.check.RuleCheck;
import io.pinhole.validate.check.Severity;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.Policies;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole check}: what is wrong with a rule set, over all packets. */
@Command(
        name = "check",
        sortOptions = false,
        header = "Look for what is wrong with a rule set.",
        description = {
            "Look for what is wrong with a rule set: rules that can never match,",
            "rules that change nothing, and what goes wrong with FTP."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole check /etc/nftables.conf",
            "  pinhole check --fail-on warning --json ftp.nft",
            "  pinhole check --exposure old.nft new.nft",
            "",
            "Exit status: 0 nothing at or above --fail-on, 1 something, 2 bad usage or",
            "rule set."
        })
final class CheckCommand implements Callable<Integer> {
    @Option(
            names = "-D",
            paramLabel = "NAME=VALUE",
            description = "Replace a 'define' of the rule set; repeatable.")
    private Map<String, String> defines = new LinkedHashMap<>();

    @Option(
            names = "--fail-on",
            paramLabel = "SEVERITY",
            description = "Exit status 1 from this on: info, warning or error (default).")
    private String failOn = "error";

    @Option(names = "--json", description = "One JSON object a line for machines.")
    private boolean json;

    @Option(
            names = "--exposure",
            description = {
                "Instead: how many pairs of host and TCP port stand open, always and",
                "while an FTP session runs, in each of the rule sets given."
            })
    private boolean exposure;

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    @Parameters(
            arity = "1..*",
            paramLabel = "RULES",
            description = "Rule sets, as for 'analyze -r'.")
    private List<String> files = new ArrayList<>();

    private final OutputStream output;

    CheckCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    CheckCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        Severity limit = severity();
        Policies policies = Policies.of(settingsOptions.load().settings().helper());
        boolean colour = Terminal.isOutTerminal() && System.getenv("NO_COLOR") == null;
        boolean fails = false;
        try {
            if (exposure) {
                exposure(policies);
                return 0;
            }
            for (String file : files) {
                RuleSet rules = load(file, defines);
                int count = rules.ruleCount();
                List<Finding> findings = RuleCheck.of(rules, policies);
                if (json) {
                    CheckReport.json(output, file, findings, count);
                } else {
                    CheckReport.text(output, colour, file, findings, count);
                }
                fails |=
                        findings.stream()
                                .anyMatch(f -> f.problem().severity().compareTo(limit) >= 0);
            }
        } catch (Bdd.TooLarge e) {
            throw new UserError(String.valueOf(e.getMessage()));
        }
        return fails ? Main.EXIT_NO : 0;
    }

    private void exposure(Policies policies) throws UserError {
        List<Exposure> rows = new ArrayList<>();
        for (String file : files) {
            RuleSet rules = load(file, defines);
            rows.add(Exposure.of(file, rules, policies, 4));
            rows.add(Exposure.of(file, rules, policies, 6));
        }
        if (json) {
            CheckReport.exposureJson(output, rows);
        } else {
            CheckReport.exposure(output, rows);
        }
    }

    private Severity severity() throws UserError {
        for (Severity s : Severity.values()) {
            if (s.label().equals(failOn.toLowerCase(Locale.ROOT))) {
                return s;
            }
        }
        throw new UserError(
                "--fail-on knows info, warning, error, not " + SettingsText.quoted(failOn));
    }

    /** Address translation does not matter to what is looked for. */
    static RuleSet load(String file, Map<String, String> defines) throws UserError {
        RuleOptions options = new RuleOptions();
        options.rules = List.of(file);
        options.defines = defines;
        options.ignoreNat = true;
        return options.load(Map.of());
    }
}
