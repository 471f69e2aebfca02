package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.rule.Canonical;
import io.pinhole.rule.Chain;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Table;
import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.ReadResult;
import io.pinhole.rule.read.RuleReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Any bytes as a rule file of any of the languages: a rule set that compiles and can be written
 * down, or errors with places that a terminal can show.
 */
class RuleFilesFuzzTest {
    private static final byte[] SETS =
            "create s hash:ip,port\nadd s 10.0.0.1,tcp:80\n".getBytes(StandardCharsets.UTF_8);

    @FuzzTest(maxDuration = "60s")
    void reads(byte[] data) {
        fuzzerTestOneInput(data);
    }

    public static void fuzzerTestOneInput(byte[] data) {
        RuleReader.Context context =
                new RuleReader.Context(Map.of(), IncludeResolver.NONE, IpSets.read("sets", SETS));
        switch (RuleReader.read(List.of(new RuleReader.Source("fuzz", data)), context)) {
            case ReadResult.Loaded(RuleSet rules) -> {
                rules.compile();
                for (Table table : rules.tables()) {
                    for (Chain chain : table.chains()) {
                        for (Rule rule : chain.rules()) {
                            Canonical.rule(rule);
                            assertThat(rule.origin().text()).isNotBlank();
                        }
                    }
                }
            }
            case ReadResult.Refused(List<RuleError> errors) -> {
                assertThat(errors).isNotEmpty().hasSizeLessThan(60);
                for (RuleError error : errors) {
                    assertThat(error.message()).isNotBlank().doesNotContain("\n", "\u001b");
                    assertThat(error.lineText()).doesNotContain("\n", "\u001b");
                    assertThat(error.lineText().length()).isLessThan(400);
                    assertThat(error.format().lines().count()).isLessThan(4);
                }
            }
        }
        IpSets sets = IpSets.read("sets", data);
        assertThat(sets.errors()).hasSizeLessThan(60);
    }
}
