package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** Every rule set of rules/ has scenarios, they pass, and no rule or set element is without one. */
class RuleScenariosTest {
    static Stream<String> sets() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("../rules"))) {
            return files
                    .map(p -> p.getFileName().toString())
                    .filter(n -> n.endsWith(".nft"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("sets")
    void isCoveredByItsScenarios(String set) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TestCommand command = new TestCommand(out);
        new CommandLine(command)
                .parseArgs(
                        "--coverage",
                        "--min-coverage",
                        "100",
                        "../rules/" + set.replace(".nft", ".scenario"));
        int status = command.call();
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("all passed")
                .contains("coverage of " + set)
                .doesNotContain("never reached");
        assertThat(status).isZero();
    }
}
