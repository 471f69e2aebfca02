package io.pinhole.rule.explain;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RandomRules;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An explanation is the truth: the rules say the same, and its changes work. */
class ExplainerTest {
    private static final long SEED = Seeds.seed();
    private static final String GATEWAY =
            """
            table inet f {
              ct helper ftp { type "ftp" protocol tcp; }
              chain pre {
                type filter hook prerouting priority filter
                tcp dport 21 ct helper set "ftp"
              }
              chain in_lan {
                ip daddr 10.0.0.0/8 drop
                tcp dport { 80, 443 } accept
              }
              chain f {
                type filter hook forward priority filter; policy drop
                ct state invalid drop
                ct state established accept
                ct state related ct helper "ftp" accept
                tcp dport 21 ct state new accept
                iifname "lan0" jump in_lan
                ip saddr . tcp dport { 192.0.2.1 . 22, 192.0.2.2 . 2222 } accept
                tcp flags != syn,ack tcp flags syn tcp dport 8000-8009 accept
                udp dport vmap { 53 : accept, 67 : drop }
                icmp type echo-request limit rate 5/second accept
              }
            }
            """;

    private final Random random = new Random(SEED);

    private static PacketSpec packet(String text) throws PacketTextException {
        String[] parts = text.split(" --state ");
        CtState state =
                parts.length == 1
                        ? CtState.NEW
                        : CtState.valueOf(parts[1].strip().toUpperCase(java.util.Locale.ROOT));
        return PacketText.parse(parts[0], state, null, Direction.ORIGINAL, 0);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # packet                                        | verdict | by          | first change
                    tcp 198.51.100.7:9 > 203.0.113.1:21             | ACCEPT  | test.nft:16 |
                    tcp 198.51.100.7:9 > 203.0.113.1:2121           | DROP    | policy test.nft:12 | ct state related instead of new, ct helper "ftp"
                    tcp 198.51.100.7:9 > 203.0.113.1:80 in lan0     | ACCEPT  | test.nft:9 |
                    tcp 198.51.100.7:9 > 10.0.0.1:80 in lan0        | DROP    | test.nft:8  | ct state related instead of new, ct helper "ftp"
                    tcp 198.51.100.7:9 > 10.0.0.1:80 ack --state invalid | DROP | test.nft:13 | ct state established instead of invalid
                    udp 198.51.100.7:9 > 203.0.113.1:53             | ACCEPT  | test.nft:20 |
                    udp 198.51.100.7:9 > 203.0.113.1:67             | DROP    | test.nft:20 | ct state related instead of new, ct helper "ftp"
                    icmp 198.51.100.7 > 203.0.113.1 echo-request    | ACCEPT  | test.nft:21 |
                    """)
    void explains(String text, String verdict, String by, String first) throws Exception {
        Explanation e = explain(RuleFixture.load(GATEWAY), packet(text));
        assertThat(e.verdict()).isEqualTo(Verdict.valueOf(verdict));
        assertThat(e.decidedBy().text()).isEqualTo(by);
        if (first == null) {
            assertThat(e.changes()).isEmpty();
        } else {
            assertThat(e.changes())
                    .extracting(c -> String.join(", ", c.what()))
                    .as("changes")
                    .contains(first);
        }
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # packet                                     | rule        | why it did not match
                    tcp 198.51.100.7:9 > 203.0.113.1:2121        | test.nft:16 | tcp dport is 2121
                    udp 198.51.100.7:9 > 203.0.113.1:53          | test.nft:16 | the packet is udp
                    tcp 198.51.100.7:9 > 203.0.113.1:1           | test.nft:17 | meta iifname is unknown
                    tcp 192.0.2.1:9 > 203.0.113.1:2222           | test.nft:18 | ip saddr . tcp dport is 192.0.2.1 . 2222, not in the set
                    tcp [2001:db8::1]:9 > [2001:db8::2]:22       | test.nft:18 | the packet is IPv6
                    tcp 192.0.2.1:9 > 203.0.113.1:8001 rst       | test.nft:19 | tcp flags is rst
                    udp 192.0.2.1:9 > 203.0.113.1:54             | test.nft:20 | udp dport is 54, not in the map
                    tcp 192.0.2.1:9 > 203.0.113.1:1 --state related | test.nft:15 | no helper announced this flow
                    """)
    void saysWhatFailedFirst(String text, String rule, String why) throws Exception {
        Explanation e = explain(RuleFixture.load(GATEWAY), packet(text));
        assertThat(e.visits())
                .flatExtracting(Explanation.Visit::lines)
                .filteredOn(line -> line.rule().text().equals(rule))
                .singleElement()
                .extracting(Explanation.Line::why)
                .isEqualTo(why);
    }

    private static Explanation explain(RuleSet rules, PacketSpec packet) {
        return new Explainer(rules, Hook.FORWARD, 1000).explain(packet);
    }

    @Test
    void agreesWithTheRulesAndItsChangesWork() {
        RandomRules generator = new RandomRules(random);
        int changes = 0;
        int dropped = 0;
        for (int i = 0; i < 40; i++) {
            String text = i % 10 == 0 ? generator.longRuleSet() : generator.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            for (int p = 0; p < 8; p++) {
                PacketSpec packet = random();
                Explanation e = explain(rules, packet);
                Walker.Outcome plain = Walker.walk(packet, Hook.FORWARD, rules.compile()::run);
                assertThat(e.verdict() + " at " + e.hook() + " by " + e.decidedBy())
                        .as("seed %d, set %d: %s %s%n%s", SEED, i, e.packet(), e.tracking(), text)
                        .isEqualTo(
                                plain.verdict()
                                        + " at "
                                        + plain.hook()
                                        + " by "
                                        + plain.decidedBy());
                dropped += e.verdict() == Verdict.ACCEPT ? 0 : 1;
                for (Explanation.Change change : e.changes()) {
                    changes++;
                    assertThat(Walker.walk(change.packet(), Hook.FORWARD, rules.compile()::run))
                            .as("seed %d, set %d: %s%n%s", SEED, i, change, text)
                            .extracting(Walker.Outcome::verdict)
                            .isEqualTo(Verdict.ACCEPT);
                }
            }
        }
        assertThat(dropped).isGreaterThan(50);
        assertThat(changes).isGreaterThan(dropped / 12);
    }

    private PacketSpec random() {
        try {
            boolean v4 = random.nextInt(4) > 0;
            String from = v4 ? "10.0." + random.nextInt(4) + ".1" : "[2001:db8::1]";
            String to = v4 ? "203.0.113.20" : "[2001:db8:2::20]";
            String ports = ":" + pick("20", "21", "22", "1025", "40000");
            return PacketText.parse(
                    pick("tcp ", "tcp ", "udp ")
                            + from
                            + ports
                            + " > "
                            + to
                            + ":"
                            + pick("20", "21", "22", "1025", "40000")
                            + pick("", " in eth0", " in lo out eth1")
                            + pick("", " mark 1")
                            + pick("", " len 80"),
                    CtState.values()[random.nextInt(5)],
                    pick("ftp", null),
                    random.nextBoolean() ? Direction.ORIGINAL : Direction.REPLY,
                    random.nextInt(3));
        } catch (PacketTextException e) {
            throw new AssertionError(String.join("\n", e.format()), e);
        }
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }
}
