package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Whatever reads rule files takes {@code -D}, {@code -I} and {@code --ipset}. */
class ReadingOptionsTest {
    private static final String IPTABLES =
            """
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD DROP [0:0]
            :OUTPUT ACCEPT [0:0]
            -A FORWARD -p tcp --dport 21 -m set --match-set partners src -j ACCEPT
            COMMIT
            """;

    private static final String IPSET =
            """
            create partners hash:net family inet hashsize 1024 maxelem 65536
            add partners 198.51.100.0/24
            """;

    @TempDir Path dir;
    private String rules = "";
    private String sets = "";

    @BeforeEach
    void files() throws IOException {
        rules = Files.writeString(dir.resolve("rules.v4"), IPTABLES).toString();
        sets = Files.writeString(dir.resolve("sets.save"), IPSET).toString();
    }

    private record Ran(int status, String text, List<String> errors) {}

    private static Ran run(Function<OutputStream, Callable<Integer>> command, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        List<String> errors = new ArrayList<>();
        CommandLine line = new CommandLine(command.apply(out));
        line.setExecutionExceptionHandler(
                (e, c, p) -> {
                    errors.addAll(e instanceof UserError u ? u.lines() : List.of(e.toString()));
                    return 2;
                });
        int status = line.execute(args);
        return new Ran(status, out.toString(StandardCharsets.UTF_8), errors);
    }

    @Test
    void explainLooksIntoTheIpset() {
        String from = "tcp 198.51.100.7:40000 > 203.0.113.10:21 syn";
        Ran inside = run(ExplainCommand::new, rules, from, "--ipset", sets);
        assertThat(inside.text).contains("ACCEPT");
        Ran outside =
                run(ExplainCommand::new, rules, from.replace("51.100", "18.5"), "--ipset", sets);
        assertThat(outside.text).contains("DROP");
        Ran without = run(ExplainCommand::new, rules, from);
        assertThat(without.status).isEqualTo(2);
        assertThat(without.errors.getFirst()).contains("partners");
    }

    @Test
    void checkLooksIntoTheIpset() throws IOException {
        Ran ran = run(CheckCommand::new, "--ipset", sets, rules);
        assertThat(ran.errors).isEmpty();
        String empty = Files.writeString(dir.resolve("none"), IPSET.lines().findFirst().get()) + "";
        Ran nobody = run(CheckCommand::new, "--ipset", empty, rules);
        assertThat(nobody.text).isNotEqualTo(ran.text).contains("rules.v4:5");
        assertThat(run(CheckCommand::new, rules).status).isEqualTo(2);
    }

    @Test
    void diffLooksIntoTheIpset() throws IOException {
        String wider =
                Files.writeString(
                                dir.resolve("wider.v4"),
                                IPTABLES.replace("-m set --match-set partners src ", ""))
                        .toString();
        Ran ran = run(DiffCommand::new, "--ipset", sets, rules, wider);
        assertThat(ran.errors).isEmpty();
        assertThat(ran.status).isEqualTo(Main.EXIT_NO);
        assertThat(run(DiffCommand::new, "--ipset", sets, rules, rules).status).isZero();
        assertThat(run(DiffCommand::new, rules, wider).status).isEqualTo(2);
    }

    @Test
    void scenariosLookIntoTheIpset() throws IOException {
        String scenario =
                Files.writeString(
                                dir.resolve("t.scenario"),
                                """
                                rules rules.v4
                                test "partners only"
                                  198.51.100.7:40000 -> 203.0.113.10:21 syn accept
                                  192.0.2.7:40000 -> 203.0.113.10:21 syn drop
                                """)
                        .toString();
        assertThat(run(TestCommand::new, "--ipset", sets, scenario).status).isZero();
        assertThat(run(TestCommand::new, scenario).status).isNotZero();
    }

    @Test
    void includesAreLookedForInFoldersGiven() throws IOException {
        Path other = Files.createDirectory(dir.resolve("parts"));
        Files.writeString(other.resolve("accept.nft"), "table ip t { chain f { accept; }; }\n");
        String main =
                Files.writeString(
                                dir.resolve("main.nft"),
                                """
                                table ip t {
                                  chain f { type filter hook forward priority 0; policy drop; }
                                }
                                include "accept.nft"
                                """)
                        .toString();
        String packet = "tcp 192.0.2.1:1024 > 192.0.2.2:21";
        assertThat(run(ExplainCommand::new, main, packet).status).isEqualTo(2);
        Ran ran = run(ExplainCommand::new, "-I", other.toString(), main, packet);
        assertThat(ran.text).contains("ACCEPT");
        assertThat(run(CheckCommand::new, "-I", other.toString(), main).errors).isEmpty();
    }
}
