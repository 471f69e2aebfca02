package io.pinhole.cli;

import io.pinhole.core.Settings;
import io.pinhole.report.TextReport;
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
            "  pinhole check ftp.nft --never 'any -> 203.0.113.10:22'",
            "  pinhole check --ipset sets.save /etc/iptables/rules.v4",
            "",
            "Exit status: 0 nothing at or above --fail-on and all claims proved, 1",
            "otherwise, 2 bad usage or rule set."
        })
final class CheckCommand implements Callable<Integer> {
    @Mixin private ReadingOptions reading = new ReadingOptions();

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

    @Option(
            names = "--never",
            paramLabel = "A->B:PORT",
            description = {
                "Instead: prove that no packet opens such a connection, in no",
                "state and through no pinhole; repeatable. 'any' is any host."
            })
    private List<String> never = new ArrayList<>();

    @Option(
            names = "--always",
            paramLabel = "A->B:PORT",
            description = "Instead: prove that every such packet does; repeatable.")
    private List<String> always = new ArrayList<>();

    @Option(
            names = "--local",
            paramLabel = "ADDR",
            description = {
                "With --never and --always: an address of the firewall host",
                "itself; repeatable."
            })
    private List<String> locals = new ArrayList<>();

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
        Settings settings = settingsOptions.load().settings();
        boolean colour = TextReport.Options.colour(Terminal.isOutTerminal(), System.getenv());
        boolean fails = false;
        try {
            if (exposure) {
                exposure(settings);
                return 0;
            }
            if (!never.isEmpty() || !always.isEmpty()) {
                Claims claims = new Claims(never, always, locals);
                boolean all = true;
                for (String file : files) {
                    all &= claims.prove(load(file, reading), settings, output, json, colour);
                }
                return all ? 0 : Main.EXIT_NO;
            }
            for (String file : files) {
                RuleSet rules = load(file, reading);
                int count = rules.ruleCount();
                List<Finding> findings = RuleCheck.of(rules, Policies.of(settings, rules));
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
            throw tooEntangled(e);
        }
        return fails ? Main.EXIT_NO : 0;
    }

    static UserError tooEntangled(Bdd.TooLarge e) {
        return new UserError(
                String.valueOf(e.getMessage()),
                "Rules that test unrelated things, this one sources and that one destinations,"
                        + " multiply. Give it more memory (PINHOLE_JAVA_OPTS=-Xmx4g), or look at"
                        + " its chains one by one.");
    }

    private void exposure(Settings settings) throws UserError {
        List<Exposure> rows = new ArrayList<>();
        for (String file : files) {
            RuleSet rules = load(file, reading);
            Policies policies = Policies.of(settings, rules);
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
    static RuleSet load(String file, ReadingOptions reading) throws UserError {
        RuleOptions options = reading.of(List.of(file));
        options.ignoreNat = true;
        return options.load(Map.of());
    }
}
