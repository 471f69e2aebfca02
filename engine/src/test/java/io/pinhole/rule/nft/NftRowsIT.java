package io.pinhole.rule.nft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Shape;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Asks the real nft, in a network namespace: it must take what we take and refuse what we refuse,
 * and its JSON must give the same model as the text. Where it does not, {@code nft-differs.txt}
 * says why.
 */
class NftRowsIT {
    private static final boolean CI = "true".equals(System.getenv("CI"));
    private static final String NAMESPACE = "ph-rows-" + ProcessHandle.current().pid();

    @TempDir static Path folder;

    private record Ran(int status, String output) {}

    private static Ran run(String... command) throws IOException {
        Path out = folder.resolve("out");
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
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

    private static Ran nft(String... words) throws IOException {
        List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", NAMESPACE, "nft"));
        command.addAll(List.of(words));
        return run(command.toArray(String[]::new));
    }

    @BeforeAll
    static void namespace() throws IOException {
        boolean there;
        try {
            there =
                    run("ip", "netns", "add", NAMESPACE).status == 0
                            && nft("--version").status == 0;
        } catch (IOException e) {
            there = false;
        }
        if (CI) {
            assertThat(there).as("root, ip and nft").isTrue();
        }
        assumeTrue(there, "this test needs root, ip and nft");
        run("ip", "netns", "exec", NAMESPACE, "ip", "link", "set", "lo", "up");
    }

    @AfterAll
    static void clean() throws IOException {
        run("ip", "netns", "del", NAMESPACE);
    }

    private static Map<String, String> differing() throws IOException {
        Map<String, String> out = new java.util.HashMap<>();
        for (Rows.Row row : Rows.rows(NftRowsIT.class, "nft-differs.txt")) {
            out.put(row.input().strip(), row.expected());
        }
        return out;
    }

    @Test
    void rowsOfTheTables() throws IOException {
        Map<String, String> differing = differing();
        List<String> wrong = new ArrayList<>();
        int same = 0;
        for (Rows.Row row : NftTableTest.rules()) {
            if (!differing.containsKey(row.input().strip())) {
                same += check(NftTableTest.inTable(row.input()), row.input(), wrong);
            }
        }
        for (Rows.Row row : NftTableTest.files()) {
            if (!differing.containsKey(row.input().strip())) {
                same += check(row.input(), row.input(), wrong);
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(same).isGreaterThan(400);
    }

    @Test
    void ruleFiles() throws IOException {
        List<String> wrong = new ArrayList<>();
        List<String> unread = new ArrayList<>();
        for (String where : List.of("../rules", "src/test/resources/rulesets")) {
            List<Path> files;
            try (Stream<Path> in = Files.list(Path.of(where))) {
                files = in.filter(f -> f.toString().endsWith(".nft")).sorted().toList();
            }
            for (Path file : files) {
                if (check(Files.readString(file), file.toString(), wrong) == 0) {
                    unread.add(file.getFileName().toString());
                }
            }
        }
        assertThat(wrong).isEmpty();
        // Address translation between our chains: refused by name (docs/rules.md).
        assertThat(unread).allMatch(name -> name.startsWith("nat-"));
    }

    /** 1 if text and JSON gave the same model, 0 if both refuse. */
    private static int check(String text, String name, List<String> wrong) throws IOException {
        Path file = folder.resolve("rules.nft");
        Files.writeString(file, text);
        nft("flush", "ruleset");
        Ran loaded = nft("-f", file.toString());
        ReadResult ours = NftReader.read("t.nft", text, Map.of(), IncludeResolver.NONE);
        if (ours instanceof ReadResult.Refused refused) {
            boolean outside = refused.format().contains(ValueParser.NOT_EVALUATED);
            if (loaded.status == 0 && !outside) {
                wrong.add("nft takes, we refuse: " + name + "\n" + refused.format());
            }
            return 0;
        }
        if (loaded.status != 0) {
            wrong.add("we take, nft refuses: " + name + "\n" + loaded.output);
            return 0;
        }
        String json = nft("-j", "list", "ruleset").output;
        ReadResult again = NftJsonReader.read("t.json", json.getBytes(StandardCharsets.UTF_8));
        if (again instanceof ReadResult.Refused refused) {
            wrong.add("JSON refused: " + name + "\n" + refused.format());
            return 0;
        }
        String fromText = Shape.of(((ReadResult.Loaded) ours).rules());
        RuleSet fromJson = ((ReadResult.Loaded) again).rules();
        if (!Shape.of(fromJson).equals(fromText)) {
            wrong.add("JSON differs: " + name + "\n" + fromText + "\n" + Shape.of(fromJson));
            return 0;
        }
        return 1;
    }
}
