package io.pinhole.rule.iptables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pinhole.rule.nft.Rows;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Asks the real iptables-restore, in a network namespace: it must take what we take and refuse what
 * we refuse, and what iptables-save prints then must mean the same as what was read.
 */
class IptablesRowsIT {
    private static final boolean CI = "true".equals(System.getenv("CI"));
    private static final String NAMESPACE = "ph-ipt-" + ProcessHandle.current().pid();

    /** By the beginning of the row: why it may differ. */
    private static final Map<String, String> DIFFERS =
            Map.ofEntries(
                    Map.entry("-m set ", "the kernel of the test may lack ipset"),
                    Map.entry("-p tcp -m set ", "the same"),
                    Map.entry("-p udp -m set ", "the same"),
                    Map.entry("6 -m set ", "the same"),
                    Map.entry(
                            "-m iprange --dst-range 10.0.0.9-10.0.0.1 ",
                            "iptables warns that it never matches"),
                    Map.entry(
                            "-m comment --comment \"open ",
                            "iptables reads to the end of the line"),
                    Map.entry("-s 10.0.0.1,10.0.0.2 ", "iptables makes two rules of it"),
                    Map.entry("-j LOG --log-prefix \"drop: \" ", "level 4 is not printed"),
                    Map.entry("-j MARK --set-mark 0x1/0xf", "printed as --set-xmark"),
                    Map.entry("-j MARK --or-mark", "printed as --set-xmark"),
                    Map.entry("-j MARK --and-mark", "printed as --set-xmark"),
                    Map.entry("-j MARK --xor-mark", "printed as --set-xmark"));

    @TempDir static Path folder;

    private record Ran(int status, String output) {}

    private static Ran run(String input, String... command) throws IOException {
        Path in = folder.resolve("in");
        Path out = folder.resolve("out");
        Files.writeString(in, input);
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectInput(in.toFile())
                        .redirectOutput(out.toFile())
                        .start();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return new Ran(-1, "no answer");
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            throw new IOException(e);
        }
        return new Ran(process.exitValue(), Files.readString(out, StandardCharsets.UTF_8));
    }

    private static Ran inside(String input, String... words) throws IOException {
        List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", NAMESPACE));
        command.addAll(List.of(words));
        return run(input, command.toArray(String[]::new));
    }

    @BeforeAll
    static void namespace() throws IOException {
        boolean there;
        try {
            there =
                    run("", "ip", "netns", "add", NAMESPACE).status == 0
                            && inside("", "iptables-restore", "--version")
                                    .output
                                    .contains("nf_tables")
                            && inside("", "nft", "--version").status == 0;
        } catch (IOException e) {
            there = false;
        }
        if (CI) {
            assertThat(there).as("root, ip, nft and iptables-nft").isTrue();
        }
        assumeTrue(there, "this test needs root, ip, nft and iptables-nft");
    }

    @AfterAll
    static void clean() throws IOException {
        run("", "ip", "netns", "del", NAMESPACE);
    }

    @Test
    void rowsOfTheTables() throws IOException {
        List<String> wrong = new ArrayList<>();
        int same = 0;
        for (Rows.Row row : IptablesTableTest.rules()) {
            same += check(IptablesTableTest.inChain(row), row, wrong);
        }
        for (Rows.Row row : IptablesTableTest.files()) {
            same += check(row.input(), row, wrong);
        }
        assertThat(wrong).isEmpty();
        assertThat(same).isGreaterThan(60);
    }

    /** 1 if both read it and mean the same, 0 if both refuse. */
    private static int check(String text, Rows.Row row, List<String> wrong) throws IOException {
        if (DIFFERS.keySet().stream().anyMatch(row.input()::startsWith)) {
            return 0;
        }
        String family = text.contains("ip6tables-save") || text.contains("2001:db8") ? "ip6" : "ip";
        inside("", "nft", "flush", "ruleset");
        Ran loaded = inside(text, family + "tables-restore");
        boolean ours = row.expected().startsWith("=> ");
        if (!ours) {
            if (loaded.status == 0 && !row.expected().contains("not evaluated by Pinhole")) {
                wrong.add("iptables takes, we refuse: " + row.input() + row.expected());
            }
            return 0;
        }
        if (loaded.status != 0) {
            wrong.add("we take, iptables refuses: " + row.input() + loaded.output);
            return 0;
        }
        String saved = inside("", family + "tables-save").output;
        List<String> before = meanings(text);
        List<String> after = meanings(saved);
        if (!after.equals(before)) {
            wrong.add(row.input() + "  " + before + "\n  " + after + "\n" + saved);
            return 0;
        }
        return 1;
    }

    /** What the rules say, in an order of no consequence for the tables' own. */
    private static List<String> meanings(String text) {
        return IptablesTableTest.outcome(text)
                .lines()
                .map(line -> line.replaceAll(" counter packets \\d+ bytes \\d+", ""))
                .sorted()
                .toList();
    }
}
