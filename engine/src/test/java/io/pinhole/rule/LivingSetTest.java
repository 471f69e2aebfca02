package io.pinhole.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Hook;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sets that change while packets pass, second by second. */
class LivingSetTest {
    private static final String SYN = "tcp %s:40000 > 203.0.113.20:%d S new at=%s";

    private static CompiledRules program(String body, String... rules) {
        return RuleFixture.load(
                        "table ip t {\n"
                                + body
                                + "\nchain c {\ntype filter hook forward priority 0; policy drop;\n"
                                + String.join("\n", rules)
                                + "\n}\n}\n")
                .compile();
    }

    /** Verdicts of packets, as one letter each. */
    private static String verdicts(CompiledRules program, List<PacketFacts> packets) {
        StringBuilder out = new StringBuilder();
        for (PacketFacts packet : packets) {
            out.append(RuleFixture.run(program, Hook.FORWARD, packet).name().charAt(0));
        }
        return out.toString();
    }

    /** Packets {@code SOURCE@SECONDS}: the last number of the source address, and when it comes. */
    private static List<PacketFacts> packets(String text) {
        List<PacketFacts> out = new ArrayList<>();
        for (String word : text.strip().split(" +")) {
            String[] parts = word.split("@");
            out.add(RuleFixture.packet(SYN.formatted("198.51.100." + parts[0], 21, parts[1])));
        }
        return out;
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # rule                                                      | packets                     | verdicts
                    ip saddr @s accept                                          | 1@0 1@59.9 1@60             | AAD # expires
                    ip saddr @s accept                                          | 2@0 2@9.9 2@10              | AAD # what was left of it counts
                    ip saddr @s accept                                          | 3@0 3@3599 3@3600           | AAD # the set's own timeout
                    ip saddr != @s accept                                       | 1@0 1@60 9@60               | DAA
                    add @s { ip saddr timeout 5s } accept                       | 9@0 9@1 9@7                 | AAA # adding never fails
                    ip saddr @s drop; add @s { ip saddr timeout 5s } accept     | 9@0 9@4.9 9@5 9@9.9         | ADAD # added for five seconds, anew when over
                    add @s { ip saddr timeout 5s }; ip saddr @d drop; add @d { ip saddr timeout 1s } accept | 9@0 9@0.5 9@1 9@1.1 | ADAD
                    ip saddr @s drop; update @s { ip saddr timeout 5s } accept  | 9@0 9@4 9@5                 | ADA
                    update @d { ip saddr timeout 5s }; ip saddr @d accept       | 9@0 9@4 9@8 9@20            | AAAA
                    update @s { ip saddr timeout 5s limit rate 1/minute burst 1 packets } accept | 9@0 9@4 9@8 9@12 9@61 | ADDDA # kept alive: one limit
                    add @s { ip saddr timeout 5s limit rate 1/minute burst 1 packets } accept    | 9@0 9@4 9@8 9@12      | ADAD # begins anew with the element
                    add @s { ip saddr limit rate over 2/minute burst 2 packets } drop; accept    | 9@0 9@0 9@0 8@0 9@40  | AADAA
                    add @s { ip saddr limit rate over 2/minute burst 2 packets } drop; accept    | 1@0 1@0 1@0 1@0       | DDDD # it was there without a limit
                    delete @s { ip saddr }; ip saddr @s accept                  | 1@0                         | D
                    delete @s { ip saddr } accept                               | 9@0                         | A # nothing to delete is no reason to stop
                    ip saddr @s delete @s { ip saddr } accept                   | 1@0 1@1                     | AD
                    add @small { ip saddr } accept                              | 1@0 2@0 3@0 1@0             | AADA # full
                    add @small { ip saddr timeout 2s } accept                   | 1@0 2@0 3@1.9 3@2.9         | AADA # what expired makes room
                    add @small { ip saddr } delete @small { ip saddr } accept   | 1@0 2@0 3@0 3@1             | AADA # deleted ones are cleared each second
                    ip saddr @kept accept                                       | 1@0 200@0 1@4.9 1@5 200@9   | AAADA # intervals
                    ip saddr @limited accept                                    | 1@0 1@0 1@31                | ADA # the set's own limit
                    ip saddr @rest accept                                        | 7@0 7@0                     | AA # the rest, with a counter
                    """)
    void changes(String rules, String packets, String verdicts) {
        CompiledRules program =
                program(
                        """
                        set s { type ipv4_addr; flags dynamic,timeout; timeout 1h; elements = {
                          198.51.100.1 timeout 1m, 198.51.100.2 timeout 1m expires 10s, 198.51.100.3 } }
                        set d { type ipv4_addr; flags dynamic,timeout; }
                        set small { type ipv4_addr; flags dynamic,timeout; size 2; }
                        set kept { type ipv4_addr; flags interval,timeout; elements = {
                          198.51.100.0/25 timeout 5s, 198.51.100.128/25 } }
                        set limited { type ipv4_addr; limit rate 2/minute burst 1 packets; elements = {
                          198.51.100.1 } }
                        set rest { type ipv4_addr; counter; elements = { * } }
                        """,
                        rules.split("; "));
        List<PacketFacts> all = packets(packets);
        String expected = verdicts.replaceAll("\\s*#.*", "");
        assertThat(verdicts(program, all)).isEqualTo(expected);
        // As when the rule set came into force.
        program.resetLimits();
        assertThat(verdicts(program, all)).isEqualTo(expected);
    }

    /** Connections of which each is open for as many seconds as its source port says. */
    private static PacketFacts connection(int port, double at) {
        PacketFacts facts =
                RuleFixture.packet(
                        "tcp 198.51.100.7:%d > 203.0.113.20:21 S new at=%s".formatted(port, at));
        facts.flow = port;
        facts.flows =
                (flow, version, protocol, a, b, c, d, ports, now) ->
                        flow == ports >>> 16 && now < (ports >>> 16) * 1_000_000_000L;
        return facts;
    }

    private static String opened(CompiledRules program, String packets) {
        List<PacketFacts> all = new ArrayList<>();
        for (String word : packets.strip().split(" +")) {
            String[] parts = word.split("@");
            all.add(connection(Integer.parseInt(parts[0]), Double.parseDouble(parts[1])));
        }
        return verdicts(program, all);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # rule                                           | port@time                   | verdicts
                    ct count 2 accept                                | 50@0 60@0 70@0              | AAD
                    ct count over 2 drop; accept                     | 50@0 60@0 70@0              | AAD
                    ct count 2 accept                                | 50@0 50@1 50@2 60@2         | AAAA # each once
                    ct count 2 accept                                | 50@0 60@0 70@51             | AAA # one has ended
                    ct count 2 accept                                | 50@0 60@0 70@49             | AAD
                    ct count 0 accept                                | 50@0                        | D
                    ct count over 0 accept                           | 50@0                        | A
                    add @s { ip saddr ct count 1 } accept            | 50@0 60@0 70@55             | ADD
                    add @s { ip saddr ct count 1 } accept            | 50@0 70@55                  | AA
                    """)
    void countsConnections(String rules, String packets, String verdicts) {
        CompiledRules program =
                program("set s { type ipv4_addr; flags dynamic; }", rules.split("; "));
        assertThat(opened(program, packets)).isEqualTo(verdicts.replaceAll("\\s*#.*", ""));
    }

    /** A packet without ports is no connection that could be counted. */
    @Test
    void dropsWhatCannotBeCounted() {
        CompiledRules program = program("", "ct count over 5 accept", "accept");
        PacketFacts cut =
                RuleFixture.packet("tcp 198.51.100.7:1 > 203.0.113.20:21 S invalid snap=22");
        assertThat(verdicts(program, List.of(cut))).isEqualTo("D");
        assertThat(cut.decidedBy.text()).isEqualTo("test.nft:5");
    }

    @Test
    void listsWhatIsThere() {
        CompiledRules program =
                program(
                        "set s { type ipv4_addr; flags dynamic,timeout; timeout 1h; elements = {"
                                + " 198.51.100.1 timeout 1m } }",
                        "add @s { ip saddr timeout 90s counter } accept");
        verdicts(program, packets("9@0 9@1 9@59"));
        assertThat(RuleListing.of(program))
                .contains("size 65535", "flags dynamic,timeout", "timeout 1h")
                .contains("198.51.100.1 timeout 1m expires 1s")
                .contains("198.51.100.9 counter packets 3 bytes 120 timeout 1m30s expires 31s");
        verdicts(program, packets("8@60"));
        assertThat(RuleListing.of(program)).doesNotContain("198.51.100.1 ");
    }

    /** Whatever is sent, elements and connections together are bounded. */
    @Test
    void memoryIsBounded() {
        CompiledRules program =
                program(
                        "set s { type ipv4_addr . inet_service; flags dynamic; size 4000000; }",
                        "add @s { ip saddr . tcp dport ct count over 3 } accept");
        long before = heap();
        int most = ElementSet.Living.MOST_ADDED;
        int elements = 0;
        int refused = 0;
        for (int i = 0; i < most + 1000; i++) {
            String from = "198.51." + (i >>> 8 & 0xff) + '.' + (i & 0xff);
            PacketFacts facts = RuleFixture.packet(SYN.formatted(from, 1 + (i >>> 16), 0));
            // An element and its connection take a place each; without room for it, a drop.
            boolean dropped =
                    RuleFixture.run(program, Hook.FORWARD, facts) == io.pinhole.core.Verdict.DROP
                            && facts.decidedBy.text().startsWith("test.nft");
            elements += dropped ? 0 : 1;
            refused += dropped ? 1 : 0;
        }
        long bytes = heap() - before;
        assertThat(elements).isGreaterThan(most / 2);
        assertThat(bytes / most).as("bytes for one of them").isLessThan(640);
        assertThat(refused).isLessThan(elements);
        assertThat(RuleListing.of(program)).isNotEmpty(); // and the program is still in use here
    }

    private static long heap() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime r = Runtime.getRuntime();
        return r.totalMemory() - r.freeMemory();
    }
}
