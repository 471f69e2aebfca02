package io.pinhole.cli;

import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.nft.ReadResult;
import io.pinhole.rule.read.RuleReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that name a rule set, for {@code @Mixin} into a command. */
final class RuleOptions {
    /** Between the texts of several files where they are kept as one. */
    private static final String NEXT_FILE = "\n# ---- next rule file ----\n";

    @Option(
            names = {"-r", "--rules"},
            paramLabel = "RULES",
            description = {
                "Rule set to judge by: nft text, the JSON of 'nft -j list",
                "ruleset', or the output of iptables-save; repeatable, for",
                "sets in force together. Without it the bundled",
                RuleFiles.DEFAULT + "."
            })
    List<String> rules = new ArrayList<>();

    @Mixin ReadingOptions reading = new ReadingOptions();

    @Option(
            names = "--ignore-nat",
            description = {
                "Judge without address translation where the rule set",
                "does any; otherwise such a set is refused."
            })
    boolean ignoreNat;

    /** True if the bundled set is in force. */
    boolean isBundled() {
        return rules.isEmpty();
    }

    /**
     * Reads the rule set.
     *
     * @param more defines that options stand for, such as {@code --ftp-port}
     */
    RuleSet load(Map<String, String> more) throws UserError {
        Map<String, String> all = new LinkedHashMap<>(reading.defines);
        for (Map.Entry<String, String> define : more.entrySet()) {
            if (all.putIfAbsent(define.getKey(), define.getValue()) != null) {
                throw new UserError(
                        "-D " + define.getKey() + " and --ftp-port say the same thing twice");
            }
        }
        List<RuleReader.Source> files = new ArrayList<>();
        if (rules.isEmpty()) {
            files.add(new RuleReader.Source(RuleFiles.DEFAULT, bundled()));
        }
        for (String name : rules) {
            files.add(new RuleReader.Source(name, RuleFiles.read(name)));
        }
        return read(files, all);
    }

    private static byte[] bundled() {
        try {
            return RuleFiles.bundled(RuleFiles.DEFAULT);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private RuleSet read(List<RuleReader.Source> files, Map<String, String> all) throws UserError {
        String setFile = reading.ipset;
        IpSets sets = setFile == null ? IpSets.NONE : IpSets.read(setFile, RuleFiles.read(setFile));
        RuleReader.Context context =
                new RuleReader.Context(all, new RuleFiles(reading.includePath), sets);
        return switch (RuleReader.read(files, context)) {
            case ReadResult.Loaded(RuleSet set) -> {
                refuseNat(set);
                yield set;
            }
            case ReadResult.Refused refused ->
                    throw new UserError(refused.format().lines().toArray(String[]::new));
        };
    }

    /**
     * Reads other texts in place of the rule files', as after a reload; what they include is looked
     * for where the rule files lie.
     *
     * @param text as {@link #text()} gave it
     */
    RuleSet again(String text) throws UserError {
        List<RuleReader.Source> files = new ArrayList<>();
        for (String part : text.split(NEXT_FILE)) {
            String name = files.size() < rules.size() ? rules.get(files.size()) : RuleFiles.DEFAULT;
            files.add(new RuleReader.Source(name, part.getBytes(StandardCharsets.UTF_8)));
        }
        return read(files, reading.defines);
    }

    /** The rule files as they stand now, one after another. */
    String text() throws UserError {
        if (rules.isEmpty()) {
            return new String(bundled(), StandardCharsets.UTF_8);
        }
        List<String> texts = new ArrayList<>();
        for (String name : rules) {
            texts.add(new String(RuleFiles.read(name), StandardCharsets.UTF_8));
        }
        return String.join(NEXT_FILE, texts);
    }

    private void refuseNat(RuleSet set) throws UserError {
        List<RuleOrigin> nat = set.natRules();
        if (nat.isEmpty() || ignoreNat) {
            return;
        }
        String where =
                nat.stream().limit(5).map(RuleOrigin::text).collect(Collectors.joining(", "))
                        + (nat.size() > 5 ? " and " + (nat.size() - 5) + " more" : "");
        throw new UserError(
                "the rule set translates addresses ("
                        + where
                        + "), which Pinhole does not evaluate yet",
                "--ignore-nat judges the packets as if it did not; in a scenario: ignore-nat.");
    }
}
