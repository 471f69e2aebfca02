package io.pinhole;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.rule.Field;
import io.pinhole.rule.RuleFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The pages against the code they describe. */
class DocsTest {
    private static final Path ROOT = Path.of("..");
    private static final Path DOCS = ROOT.resolve("docs");
    private static final Pattern LINK = Pattern.compile("]\\(([^)#\\s]+)(?:#[^)]*)?\\)");

    static Stream<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (Path folder : List.of(ROOT, DOCS, ROOT.resolve("pcap-samples"))) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(f -> f.toString().endsWith(".md")).forEach(pages::add);
            }
        }
        return pages.stream().sorted();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void linksLeadSomewhere(Path page) throws IOException {
        List<String> broken =
                LINK.matcher(Files.readString(page))
                        .results()
                        .map(m -> m.group(1))
                        .filter(link -> !link.startsWith("http"))
                        .filter(link -> !Files.exists(page.resolveSibling(link)))
                        .toList();
        assertThat(broken).isEmpty();
    }

    @Test
    void anomaliesHaveARowEach() throws IOException {
        List<String> rows =
                Files.readString(DOCS.resolve("anomalies.md"))
                        .lines()
                        .filter(
                                line ->
                                        line.matches(
                                                "\\| `[a-z0-9-]+` \\| (info|warn|alert) \\|.*"))
                        .toList();
        List<String> expected =
                Arrays.stream(Anomaly.values())
                        .filter(a -> a != Anomaly.NONE)
                        .map(
                                a ->
                                        "| `%s` | %s | %s |"
                                                .formatted(
                                                        a.label(),
                                                        a.severity()
                                                                .name()
                                                                .toLowerCase(Locale.ROOT),
                                                        a.text()))
                        .toList();
        assertThat(rows).as("rows of docs/anomalies.md").isEqualTo(expected);
    }

    @Test
    void rulesNameEveryField() throws IOException {
        String page = Files.readString(DOCS.resolve("rules.md"));
        List<String> listed = new ArrayList<>();
        Pattern row =
                Pattern.compile("^\\| `([a-z0-9]+)` \\| ((?:`[^`]+` ?)+)\\|$", Pattern.MULTILINE);
        for (MatchResult header : row.matcher(page).results().toList()) {
            Pattern.compile("`([^`]+)`")
                    .matcher(header.group(2))
                    .results()
                    .forEach(field -> listed.add(header.group(1) + " " + field.group(1)));
        }
        assertThat(listed)
                .containsExactlyInAnyOrderElementsOf(
                        Arrays.stream(Field.values()).map(Field::text).toList());
    }

    static Stream<String> ruleSets() throws IOException {
        Pattern block = Pattern.compile("```nft\n(.*?)```", Pattern.DOTALL);
        List<String> found = new ArrayList<>();
        for (Path page : pages().toList()) {
            block.matcher(Files.readString(page)).results().forEach(m -> found.add(m.group(1)));
        }
        return found.stream();
    }

    @ParameterizedTest
    @MethodSource("ruleSets")
    void ruleSetsOfThePagesLoad(String text) {
        assertThat(RuleFixture.load(text).compile()).isNotNull();
    }
}
