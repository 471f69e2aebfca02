package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.rule.RuleFixture;
import io.pinhole.validate.space.Policies;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RuleDiffTest {
    private static final String GATEWAY =
            """
            ct state established accept
            ct helper "ftp" ct state related accept
            tcp dport 21 ct state new accept
            ct state related icmp type destination-unreachable accept
            """;

    /** One line of the forward chain more, or one instead of another: all that changes. */
    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    # instead of                   | comes                                                    | changes
                    tcp dport 21 ct state new       | tcp dport { 21, 2121 } ct state new                      | +CONNECTION tcp dport 2121
                    tcp dport 21 ct state new       | ip saddr 10.0.0.0/8 tcp dport 21 ct state new            | -CONNECTION meta nfproto ipv6 tcp dport 21; -CONNECTION ip saddr { 0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255 } tcp dport 21; -DATA meta nfproto ipv6 tcp dport 1024-65535; -DATA ip saddr { 0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255 } ip daddr { 0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255 } tcp dport 1024-65535
                    tcp dport 21 ct state new       | tcp dport 21                                             | +LOOSE tcp dport 21 ct state invalid
                    ct helper "ftp" ct state related | ct state related                                        | +ERROR meta nfproto ipv4 icmp type { source-quench, redirect, time-exceeded, parameter-problem }; +ERROR meta nfproto ipv6 icmpv6 type 0-127
                    ct helper "ftp" ct state related | ct helper "ftp" ct state related tcp dport != 3306       | -DATA tcp dport 3306; -ERROR meta nfproto ipv4 icmp type { source-quench, redirect, time-exceeded, parameter-problem }; -ERROR meta nfproto ipv6 icmpv6 type 0-127
                    ct state established            | ct state established tcp dport != 21                     | -DATA tcp dport 1024-65535; -ESTABLISHED tcp dport 21 ct state established ct direction original; -ESTABLISHED tcp sport 21 tcp dport 21 ct state established ct direction reply
                    ct state related icmp           | ct state related ip saddr 10.0.0.1 icmp                  | -ERROR ip saddr { 0.0.0.0-10.0.0.0, 10.0.0.2-255.255.255.255 } icmp type destination-unreachable
                    tcp dport 21 ct state new accept | tcp dport 21 ct state new counter accept                | nothing
                    tcp dport 21 ct state new accept | tcp dport 20-22 tcp dport != { 20, 22 } ct state new accept | nothing
                    """)
    void tellsWhatChanges(String from, String to, String expected) {
        assertThat(GATEWAY).contains(from);
        List<String> changes =
                RuleDiff.of(
                                RuleFixture.load(table(GATEWAY)),
                                RuleFixture.load(table(GATEWAY.replace(from, to))),
                                Policies.DEFAULT)
                        .changes()
                        .stream()
                        .map(c -> (c.opened() ? "+" : "-") + c.kind() + " " + c.region())
                        .toList();
        assertThat(changes.isEmpty() ? "nothing" : String.join("; ", changes)).isEqualTo(expected);
    }

    @Test
    void settingsDecideWhatPinholesCanBe() {
        var rules = RuleFixture.load(table(GATEWAY));
        var narrow = RuleFixture.load(table("ct state related tcp dport < 1000 drop\n" + GATEWAY));
        assertThat(RuleDiff.of(rules, narrow, Policies.DEFAULT).isEmpty()).isTrue();
        Policies privileged =
                new Policies(true, List.of(), false, false, List.of(), false, java.util.Set.of());
        assertThat(RuleDiff.of(rules, narrow, privileged).changes())
                .extracting(Change::region)
                .containsExactly("tcp dport { 1-20, 22-999 }"); // 21 needs no pinhole
    }

    /** What goes out by one interface needs no pinhole; what comes in by the other does. */
    @Test
    void aConnectionThatPassesBetweenOtherInterfacesIsNoneOfItsOwn() {
        String without =
                """
                table inet t {
                  ct helper ftp { type "ftp" protocol tcp; }
                  chain forward { type filter hook forward priority 0; policy drop;
                    ct state established,related accept
                    iifname "lan" oifname "wan" accept
                    iifname "wan" oifname "lan" tcp dport 21 accept
                  }
                """;
        String helper =
                "chain pre { type filter hook prerouting priority 0;"
                        + " tcp dport 21 ct helper set \"ftp\"; }\n";
        assertThat(
                        RuleDiff.of(
                                        RuleFixture.load(without + "}\n"),
                                        RuleFixture.load(without + helper + "}\n"),
                                        Policies.DEFAULT)
                                .changes())
                .extracting(c -> (c.opened() ? "+" : "-") + c.kind() + " " + c.region())
                .contains(
                        "+DATA tcp dport 1024-65535 iifname != \"lan\"",
                        "+DATA tcp dport 1024-65535 iifname \"lan\" oifname != \"wan\"");
    }

    private static String table(String rules) {
        return """
        table inet t {
          ct helper ftp { type "ftp" protocol tcp; }
          chain pre { type filter hook prerouting priority 0; tcp dport 21 ct helper set "ftp"; }
          chain forward { type filter hook forward priority 0; policy drop;
        """
                + rules
                + "}\n}\n";
    }
}
