package io.pinhole.cli;

import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Option;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The options that name a rule set, for {@code @Mixin} into a command. */
final class RuleOptions {
    @Option(
            names = {"-r", "--rules"},
            paramLabel = "RULES",
            description =
                    "Rule set to judge by, an nft file; without it the bundled "
                            + RuleFiles.DEFAULT
                            + ".")
    @Nullable String rules;

    @Option(
            names = "-D",
            paramLabel = "NAME=VALUE",
            description = "Replace a 'define' of the rule set; repeatable.")
    Map<String, String> defines = new LinkedHashMap<>();

    @Option(
            names = "--ignore-nat",
            description =
                    "Judge without address translation where the rule set does any; otherwise such a"
                            + " set is refused.")
    boolean ignoreNat;

    /** True if the bundled set is in force. */
    boolean isBundled() {
        return rules == null;
    }

    /**
     * Reads the rule set.
     *
     * @param more defines that options stand for, such as {@code --ftp-port}
     */
    RuleSet load(Map<String, String> more) throws UserError {
        Map<String, String> all = new LinkedHashMap<>(defines);
        for (Map.Entry<String, String> define : more.entrySet()) {
            if (all.putIfAbsent(define.getKey(), define.getValue()) != null) {
                throw new UserError(
                        "-D " + define.getKey() + " and --ftp-port say the same thing twice");
            }
        }
        String name = rules == null ? RuleFiles.DEFAULT : rules;
        byte[] text;
        try {
            text = rules == null ? RuleFiles.bundled(name) : RuleFiles.read(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return read(text, all);
    }

    private RuleSet read(byte[] text, Map<String, String> all) throws UserError {
        String name = rules == null ? RuleFiles.DEFAULT : rules;
        return switch (NftReader.read(name, text, all, new RuleFiles())) {
            case ReadResult.Loaded(RuleSet set) -> {
                refuseNat(set);
                yield set;
            }
            case ReadResult.Refused refused ->
                    throw new UserError(refused.format().lines().toArray(String[]::new));
        };
    }

    /**
     * Reads another text in place of the rule file's, as after a reload; what it includes is looked
     * for where the rule file lies.
     */
    RuleSet again(String text) throws UserError {
        return read(text.getBytes(StandardCharsets.UTF_8), defines);
    }

    /** The rule file as it stands now; empty if it cannot be read. */
    String text() throws UserError {
        try {
            byte[] bytes =
                    rules == null ? RuleFiles.bundled(RuleFiles.DEFAULT) : RuleFiles.read(rules);
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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
                "--ignore-nat judges the packets as if it did not.");
    }
}
