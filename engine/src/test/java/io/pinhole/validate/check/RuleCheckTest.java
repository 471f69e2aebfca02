package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Verdict;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleCount;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.RandomRules;
import io.pinhole.validate.space.WalkTest;
import io.pinhole.validate.space.Witness;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RuleCheckTest {
    private static final String HELPED =
            """
            ct helper ftp { type "ftp" protocol tcp; }
            chain pre { type filter hook prerouting priority 0; tcp dport 21 ct helper set "ftp"; }
            """;
    private static final String STATEFUL = "ct state established accept\n";
    private static final String RELATED = "ct helper \"ftp\" ct state related accept\n";
    private static final String CONTROL = "tcp dport 21 ct state new accept\n";

    /** Rule sets with one planted fault each: kind and line of all that is found. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "contradiction:3 | ip saddr 10.0.0.1 ip saddr 10.0.0.2 accept",
                "contradiction:3 | ct state new ct state established accept",
                "contradiction:3 | tcp dport > 65535 accept",
                "contradiction:3 | ip ttl < 5 ip ttl > 6 accept",
                "shadowed:4 | tcp dport 22-80 accept; tcp dport 22 drop; tcp dport 443 accept",
                "covered:5 | tcp dport 22 accept; tcp dport 23 accept; tcp dport 22-23 accept",
                "shadowed:5 | ip saddr 10.0.0.0/8 accept; ip saddr 11.0.0.0/8 accept;"
                        + " ip saddr 10.0.0.0/7 drop; tcp dport 443 accept",
                "redundant:3 | tcp dport 22 drop",
                "redundant:3 | tcp dport 22 accept; accept",
                "unreachable:6 | ip saddr 10.0.0.0/8 jump inner; tcp dport 22 accept"
                        + " | chain inner { ip saddr 11.0.0.1 accept; tcp dport 23 accept; }",
                "unused-chain:5 | accept | chain lost { accept; }",
                "helper-never-assigned:4 | " + STATEFUL + RELATED + CONTROL,
                "return-direction-missing:1 | tcp dport 21 accept",
                "overlapping-elements:5 | udp dport @s accept"
                        + " | set s { type inet_service; flags interval; auto-merge;"
                        + " elements = { 20-30, 25-40 }; }",
            })
    void findsWhatWasPlanted(String row) {
        String[] parts = row.split(" \\| ");
        String more = parts.length > 2 ? parts[2] : "";
        assertThat(found(table(more, parts[1].replace("; ", "\n")))).containsExactly(parts[0]);
    }

    @Test
    void findsWhatIsWrongWithHelpers() {
        String forward = STATEFUL + RELATED + CONTROL;
        assertThat(kinds(table(HELPED, forward))).isEmpty();
        assertThat(kinds(table(HELPED, STATEFUL + CONTROL)))
                .containsExactly("related-not-accepted");
        assertThat(kinds(table(HELPED.replace("priority 0", "priority raw"), forward)))
                .containsExactly("control-without-helper", "helper-too-late");
        assertThat(kinds(table(HELPED.replace("dport 21", "dport 2121"), forward)))
                .containsExactly("control-without-helper", "helper-wrong-port");
        assertThat(kinds(table(HELPED, forward + "tcp dport 1024-65535 ct state new accept\n")))
                .containsExactly("high-ports-open");
        assertThat(kinds(table(HELPED, STATEFUL + "ct state related accept\n" + CONTROL)))
                .containsExactly("related-too-wide");
        assertThat(
                        kinds(
                                table(
                                        HELPED.replace("dport 21", "dport { 21, 990 }"),
                                        forward + "tcp dport 990 ct state new accept\n")))
                .containsExactly("helper-on-implicit-tls");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "active-stateless.nft",
                "both-stateless.nft",
                "passive-stateless.nft",
                "stateful-helper-dir.nft"
            })
    void saysNothingOfCleanSets(String name) throws Exception {
        try (var in = RuleCheckTest.class.getResourceAsStream("/rulesets/" + name)) {
            assertThat(
                            found(
                                    new String(
                                            in.readAllBytes(),
                                            java.nio.charset.StandardCharsets.UTF_8)))
                    .isEmpty();
        }
    }

    /** Random rule sets: what never matches never does, and every witness shows what it should. */
    @Test
    void findingsHoldAgainstTheEvaluator() {
        long seed = Seeds.seed();
        RandomRules random = new RandomRules(seed);
        Map<Problem, Integer> seen = new HashMap<>();
        for (int i = 0; i < 60; i++) {
            String text = random.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            List<Finding> findings = RuleCheck.of(rules, Policies.DEFAULT);
            CompiledRules program = rules.compile();
            for (int n = 0; n < 100; n++) {
                PacketFacts facts = WalkTest.flowOf(RuleFixture.packet(random.packet()));
                if (WalkTest.isPossible(facts)) {
                    WalkTest.judge(program, facts);
                }
            }
            Map<String, Long> counts = counts(program);
            for (Finding f : findings) {
                seen.merge(f.problem(), 1, Integer::sum);
                String at = f.at() == null ? "" : f.at().shortText();
                switch (f.problem()) {
                    case CONTRADICTION, SHADOWED, COVERED, UNREACHABLE ->
                            assertThat(counts.getOrDefault(at, 0L))
                                    .as("seed %d: %s in%n%s", seed, f, text)
                                    .isZero();
                    default -> {}
                }
                Witness witness = f.witness();
                if (witness != null) {
                    witnessHolds(f, witness, rules, text);
                }
            }
        }
        assertThat(seen.keySet())
                .contains(
                        Problem.SHADOWED,
                        Problem.COVERED,
                        Problem.REDUNDANT,
                        Problem.CONTRADICTION);
    }

    private static void witnessHolds(Finding f, Witness witness, RuleSet rules, String text) {
        CompiledRules program = rules.compile();
        PacketFacts facts = WalkTest.flowOf(RuleFixture.packet(words(witness)));
        Verdict verdict = WalkTest.judge(program, facts);
        if (verdict == null) {
            return; // of a rule set with notrack
        }
        Map<String, Long> counts = counts(program);
        String at = java.util.Objects.requireNonNull(f.at()).shortText();
        switch (f.problem()) {
            case REDUNDANT -> assertThat(counts.get(at)).as("%s%n%s", f, text).isEqualTo(1);
            case SHADOWED, COVERED ->
                    assertThat(
                                    f.because().stream()
                                            .anyMatch(r -> counts.getOrDefault(r.text(), 0L) > 0))
                            .as("%s%n%s", f, text)
                            .isTrue();
            default -> {}
        }
    }

    private static Map<String, Long> counts(CompiledRules program) {
        Map<String, Long> out = new HashMap<>();
        for (RuleCount count : program.counts()) {
            out.merge(count.rule().text(), count.packets(), Long::sum);
        }
        return out;
    }

    /** A witness as the fixture reads packets. */
    static String words(Witness w) {
        String from = w.source().isV4() ? "" + w.source() : "[" + w.source() + "]";
        String to = w.destination().isV4() ? "" + w.destination() : "[" + w.destination() + "]";
        String head =
                switch (w.protocol()) {
                    case 6, 17 ->
                            (w.protocol() == 6 ? "tcp " : "udp ")
                                    + from
                                    + ":"
                                    + w.sourcePort()
                                    + " > "
                                    + to
                                    + ":"
                                    + w.destinationPort()
                                    + " "
                                    + flags(w.tcpFlags());
                    case 1, 58 ->
                            "icmp "
                                    + w.source()
                                    + " > "
                                    + w.destination()
                                    + " "
                                    + w.sourcePort()
                                    + " "
                                    + w.destinationPort();
                    default -> "gre " + w.source() + " > " + w.destination() + " -";
                };
        return head
                + " "
                + w.state().label()
                + (w.reply() ? " reply" : "")
                + (w.parent() ? " helper=ftp" : "")
                + " ctmark="
                + w.more().getOrDefault("ct mark", 0L)
                + " ttl="
                + w.more().getOrDefault(w.source().isV4() ? "ip ttl" : "ip6 hoplimit", 0L)
                + " len="
                + Math.max(0, w.length() - header(w))
                + (w.input() == null ? "" : " in=" + w.input())
                + (w.output() == null ? "" : " out=" + w.output());
    }

    private static int header(Witness w) {
        return (w.source().isV4() ? 20 : 40) + (w.protocol() == 6 ? 20 : 8);
    }

    private static String flags(int bits) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < 6; i++) {
            if ((bits & 1 << i) != 0) {
                out.append("FSRPAU".charAt(i));
            }
        }
        return out.isEmpty() ? "-" : out.toString();
    }

    /** A table in which the forward chain's first rule stands on line 3. */
    private static String table(String more, String rules) {
        return "table inet t {\n"
                + " chain forward { type filter hook forward priority 0; policy drop;\n"
                + rules
                + "\n}\n"
                + more
                + "\n}\n";
    }

    private static List<String> kinds(String text) {
        return found(text).stream().map(f -> f.substring(0, f.indexOf(':'))).sorted().toList();
    }

    private static List<String> found(String text) {
        return RuleCheck.of(RuleFixture.load(text), Policies.DEFAULT).stream()
                .map(f -> f.problem().label() + ":" + (f.at() == null ? 0 : f.at().line()))
                .toList();
    }
}
