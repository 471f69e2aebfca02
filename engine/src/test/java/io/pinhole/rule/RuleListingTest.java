package io.pinhole.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Hook;
import org.junit.jupiter.api.Test;

/** Counters as {@code nft list ruleset} prints them. */
class RuleListingTest {
    private static final String RULES =
            """
            table inet t {
            \tct helper ftp4 { type "ftp" protocol tcp; l3proto ip; }
            \tcounter hits { packets 5 bytes 500 }
            \tquota some { over 1000 bytes }
            \tlimit slowly { rate 1/second }
            \tset hosts { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 } }
            \tmap ways { type inet_service : verdict; elements = { 22 : jump other, 23 : drop } }
            \tchain other { counter accept; }
            \tchain f {
            \t\ttype filter hook forward priority mangle; policy drop;
            \t\tip saddr @hosts counter packets 7 bytes 700 counter name "hits" comment "known"
            \t\ttcp dport vmap @ways
            \t\ttcp dport 21 log prefix "x" counter accept
            \t}
            }
            """;

    private static void pass(CompiledRules rules, String packet) {
        RuleFixture.run(rules, Hook.FORWARD, RuleFixture.packet(packet));
    }

    @Test
    void printsWhatWasCounted() {
        CompiledRules rules = RuleFixture.load(RULES).compile();
        pass(rules, "tcp 10.0.0.1:1 > 10.0.0.2:22 S");
        pass(rules, "tcp 192.0.2.1:1 > 10.0.0.2:21 S");
        pass(rules, "tcp 192.0.2.2:1 > 10.0.0.2:23 S");
        String text = RuleListing.of(rules);
        assertThat(text)
                .contains("\tcounter hits {\n\t\tpackets 7 bytes 580\n\t}\n")
                .contains("\t\tcounter packets 1 bytes 40 accept\n")
                .contains("type filter hook forward priority mangle; policy drop;\n")
                .contains(
                        "ip saddr @hosts counter packets 9 bytes 780 counter name \"hits\""
                                + " comment \"known\"\n")
                .contains("tcp dport vmap @ways # packets 2 bytes 80\n")
                .contains("tcp dport 21 log prefix \"x\" counter packets 1 bytes 40 accept\n");
    }

    @Test
    void whatItPrintsIsARuleSetThatStartsFromTheseCounters() {
        CompiledRules rules = RuleFixture.load(RULES).compile();
        pass(rules, "tcp 10.0.0.1:1 > 10.0.0.2:22 S");
        String text = RuleListing.of(rules);
        CompiledRules again = RuleFixture.load(text).compile();
        String comments = " # packets.*";
        assertThat(RuleListing.of(again).replaceAll(comments, ""))
                .isEqualTo(text.replaceAll(comments, ""));
    }

    @Test
    void addsUpTheShards() {
        RuleSet set = RuleFixture.load(RULES);
        CompiledRules sum = set.compile();
        CompiledRules fresh = set.compile();
        for (int i = 0; i < 3; i++) {
            CompiledRules shard = set.compile();
            pass(shard, "tcp 10.0.0.1:1 > 10.0.0.2:22 S");
            sum.addCounts(shard, fresh);
        }
        assertThat(sum.counters().getFirst().packets()).isEqualTo(8);
        assertThat(RuleListing.of(sum)).contains("counter packets 10 bytes 820 counter name");
    }
}
