package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** A subcommand that is built alone is the one that stands in the list of all. */
class MainTest {
    @ParameterizedTest
    @MethodSource("names")
    void subcommandIsBuiltAlone(String name) {
        Map<String, CommandLine> built = Main.commandLine(name, "--help").getSubcommands();
        assertThat(built).containsOnlyKeys(name);
        assertThat(usage(built.get(name)))
                .isEqualTo(usage(Main.commandLine().getSubcommands().get(name)));
    }

    static Stream<String> names() {
        return Main.commandLine().getSubcommands().keySet().stream();
    }

    @Test
    void whateverElseAsksAllOfThem() {
        int all = Main.commandLine().getSubcommands().size();
        assertThat(all).isGreaterThan(10);
        for (String first : new String[] {"analyse", "--help", "-V", "", "ANALYZE"}) {
            assertThat(Main.commandLine(first, "analyze").getSubcommands()).hasSize(all);
        }
    }

    private static String usage(CommandLine command) {
        return command.getUsageMessage(CommandLine.Help.Ansi.OFF);
    }
}
