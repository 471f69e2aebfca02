package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;

/** What the pages promise of the command line. */
class ReadmeTest {
    private static final Path ROOT = Path.of("..");

    @Test
    void theScreenInTheReadmeIsWhatTheCommandPrints() throws IOException {
        String page = Files.readString(ROOT.resolve("README.md"));
        Matcher screen =
                Pattern.compile(
                                "`\\./pinhole analyze ([^`]*)`\\):\n\n```\n(.*?)```",
                                Pattern.DOTALL)
                        .matcher(page);
        assertThat(screen.find()).as("a command and its screen").isTrue();
        List<String> args = new ArrayList<>();
        for (String arg : screen.group(1).split("\\s+")) {
            args.add(arg.contains("/") ? ROOT.resolve(arg).toString() : arg);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new CommandLine(new AnalyzeCommand(out)).execute(args.toArray(String[]::new));
        assertThat(screen.group(2)).isEqualTo(out.toString(StandardCharsets.UTF_8));
    }

    /** Every {@code pinhole …} of a code block or in backquotes, without pipes and placeholders. */
    static Stream<String> commands() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            docs.filter(f -> f.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        pages.add(ROOT.resolve("pcap-samples").resolve("README.md"));
        Pattern command =
                Pattern.compile(
                        "(?:^    (?:[^\n]*\\| )?|`)(?:\\./)?pinhole ([a-z][^`|>#\n]*)",
                        Pattern.MULTILINE);
        List<String> found = new ArrayList<>();
        for (Path page : pages) {
            command.matcher(Files.readString(page))
                    .results()
                    .map(m -> m.group(1).replaceAll("'[^']*'", "x").strip())
                    .filter(c -> c.contains(" ") && !c.contains("…") && !c.contains("["))
                    .forEach(found::add);
        }
        return found.stream().distinct();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandOfThePagesIsOne(String command) {
        String[] args = command.split("\\s+");
        Throwable thrown = catchThrowable(() -> Main.commandLine().parseArgs(args));
        if (!(thrown instanceof MissingParameterException)) { // a page need not name a file
            assertThat(thrown).isNull();
        }
    }
}
