package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.rule.SourcePos;
import io.pinhole.validate.check.Corpus.Base;
import io.pinhole.validate.check.JsonCorpus.Planted;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Faults planted one at a time into realistic rule sets in each rule language: each is found, and
 * nothing else; and the sets as they are have none.
 */
class CheckCorpusTest {
    private final Corpus corpus = new Corpus();

    static Stream<Path> shipped() throws IOException {
        List<Path> out = new ArrayList<>();
        try (Stream<Path> files = Files.list(Path.of("../rules"))) {
            files.filter(p -> p.toString().endsWith(".nft")).sorted().forEach(out::add);
        }
        try (Stream<Path> files = Files.list(JsonCorpus.FOLDER.resolve("listed"))) {
            files.sorted().forEach(out::add);
        }
        return out.stream();
    }

    @ParameterizedTest
    @MethodSource("shipped")
    void saysNothingOfTheSetsThatComeWithIt(Path file) throws IOException {
        assertThat(Corpus.findings(file.getFileName().toString(), Files.readString(file)))
                .isEmpty();
    }

    @Test
    void saysNothingOfCleanSets() throws IOException {
        List<Base> all = new ArrayList<>(NftCorpus.BASES);
        all.addAll(IptablesCorpus.BASES);
        all.addAll(JsonCorpus.bases());
        for (Base base : all) {
            assertThat(Corpus.findings(base.name(), base.clean())).as(base.name()).isEmpty();
        }
    }

    @Test
    void findsEachFaultAndNothingElse() {
        for (Base base : NftCorpus.BASES) {
            corpus.plant(base, NftCorpus.FAULTS);
        }
        for (Base base : IptablesCorpus.BASES) {
            corpus.plant(base, IptablesCorpus.faults(base));
        }
        assertThat(corpus.wrong).isEmpty();
        assertThat(corpus.count()).as("%s", corpus.planted).isGreaterThan(300);
        assertThat(corpus.planted).hasSizeGreaterThanOrEqualTo(14);
    }

    @Test
    void findsEachFaultInJson() throws IOException {
        for (Base base : JsonCorpus.bases()) {
            for (Planted planted : JsonCorpus.planted(base)) {
                corpus.check(planted.set(), planted.fault());
            }
        }
        assertThat(corpus.wrong).isEmpty();
        assertThat(corpus.count()).as("%s", corpus.planted).isGreaterThan(100);
        assertThat(corpus.planted).hasSizeGreaterThanOrEqualTo(14);
    }

    /** However JSON is laid out, a finding stands where its object does. */
    @Test
    void saysWhereInJson() throws IOException {
        for (Base base : JsonCorpus.bases()) {
            for (Planted planted : JsonCorpus.planted(base)) {
                String byLine = planted.set().text();
                for (String text : List.of(byLine, byLine.replace("\n", " "), spread(byLine))) {
                    saysWhere(base.name(), text);
                }
            }
        }
    }

    private static String spread(String json) {
        return json.replace("{", "{\n  ").replace(", ", ",\n  ");
    }

    private static void saysWhere(String name, String text) {
        List<Finding> findings = Corpus.findings(name, text);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CheckReport.text(out, false, name, findings, 1);
        String report = out.toString(StandardCharsets.UTF_8);
        List<Integer> places = new ArrayList<>();
        for (Finding finding : findings) {
            SourcePos at = finding.at();
            assertThat(at).as("%s", finding).isNotNull();
            int start = at.column() - 1;
            for (int line = 1, end = 0; line < at.line(); line++) {
                end = text.indexOf('\n', end) + 1;
                start = end + at.column() - 1;
            }
            places.add(start);
            assertThat(report).contains(name + ":" + at.line() + ":" + at.column() + ": ");
            if (finding.rule().matches("|(chain|set) .*")) {
                continue;
            }
            String label = String.valueOf(at.label()); // table/chain#handle
            assertThat(report).contains("    " + label + "  " + finding.rule().substring(0, 9));
            int rule = text.lastIndexOf("\"rule\":", start);
            int next = text.indexOf("\"rule\":", start);
            assertThat(text.substring(rule, next < 0 ? text.length() : next))
                    .as("%s", finding)
                    .contains("\"handle\": " + label.substring(label.indexOf('#') + 1) + ",");
        }
        assertThat(places).isSorted();
    }
}
