package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Verdict;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Passage;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.RandomRules;
import io.pinhole.validate.space.Route;
import io.pinhole.validate.space.Visit;
import io.pinhole.validate.space.Walk;
import io.pinhole.validate.space.WalkTest;
import io.pinhole.validate.space.Witness;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RuleCheckTest {
    private static final int RULE_SETS = 120;
    private static final int PACKETS = 150;

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

    /** Without the first rule, what the second sets would let its packets through. */
    @Test
    void callsNoRuleRedundantWhereALaterOneReadsWhatAnotherSets() {
        assertThat(found(table("", "tcp dport 23 drop\nmeta mark set 1\nmeta mark 1 accept")))
                .isEmpty();
    }

    @Test
    void showsNoPacketThatIsShorterThanItsHeaders() {
        assertThat(witness("meta length < 100 accept\nmeta length < 60 tcp dport 22 drop").length())
                .isBetween(40, 59);
    }

    private static Witness witness(String rules) {
        RuleSet set = RuleFixture.load(table("", rules + "\naccept"));
        Finding finding =
                RuleCheck.of(set, Policies.DEFAULT).stream()
                        .filter(f -> f.problem() == Problem.SHADOWED)
                        .findFirst()
                        .orElseThrow();
        return Objects.requireNonNull(finding.witness());
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

    /**
     * Random rule sets and packets from around their bounds: what never matches never does, what
     * changes nothing does not when it is gone, what excludes itself matches nothing on its own,
     * and every witness shows what it should.
     */
    @Test
    void findingsHoldAgainstTheEvaluator() {
        long seed = Seeds.seed();
        RandomRules random = new RandomRules(seed);
        Map<Problem, Integer> seen = new EnumMap<>(Problem.class);
        for (int i = 0; i < RULE_SETS; i++) {
            String text = random.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            List<String> packets = new ArrayList<>();
            for (int n = 0; n < PACKETS; n++) {
                packets.add(random.packet(rules));
            }
            Set<String> matched = new TreeSet<>();
            judged(text, packets, matched);
            Set<String> silent = new TreeSet<>();
            for (Finding f : RuleCheck.of(rules, Policies.DEFAULT)) {
                seen.merge(f.problem(), 1, Integer::sum);
                String at = f.at() == null ? "" : f.at().shortText();
                String what = "seed %d: %s in%n%s".formatted(seed, f, text);
                List<String> all = new ArrayList<>(packets);
                if (f.witness() != null) {
                    all.add(words(f.witness()));
                    witnessHolds(f, at, f.witness(), rules, what);
                }
                switch (f.problem()) {
                    case CONTRADICTION -> {
                        assertThat(matched).as(what).doesNotContain(at);
                        silent.add(at);
                        Set<String> alone = new TreeSet<>();
                        if (!f.rule().contains("mark ")) { // other rules set it
                            judged(alone(text, f), packets, alone);
                        }
                        assertThat(alone).as(what).doesNotContain(at);
                    }
                    case SHADOWED, COVERED, UNREACHABLE -> {
                        assertThat(matched).as(what).doesNotContain(at);
                        silent.add(at);
                    }
                    case REDUNDANT ->
                            assertThat(judged(without(text, f), all, new TreeSet<>()))
                                    .as(what)
                                    .isEqualTo(judged(text, all, new TreeSet<>()));
                    default -> {}
                }
            }
            everyOtherRuleMatches(rules, silent, "seed %d:%n%s".formatted(seed, text));
        }
        assertThat(seen.keySet())
                .contains(
                        Problem.SHADOWED,
                        Problem.COVERED,
                        Problem.UNREACHABLE,
                        Problem.REDUNDANT,
                        Problem.CONTRADICTION);
    }

    /** Verdicts by packet, without those that no tracker gives; and the rules that matched any. */
    private static Map<String, Verdict> judged(
            String text, List<String> packets, Set<String> matched) {
        CompiledRules program = RuleFixture.load(text).compile();
        Map<String, Verdict> out = new HashMap<>();
        for (String packet : packets) {
            PacketFacts facts = WalkTest.flowOf(RuleFixture.packet(packet));
            Verdict verdict = WalkTest.isPossible(facts) ? WalkTest.judge(program, facts) : null;
            if (verdict != null) {
                out.put(packet, verdict);
            }
        }
        matched.addAll(WalkTest.matched(program));
        return out;
    }

    /** The rule set without the rule, its line left empty. */
    private static String without(String text, Finding f) {
        List<String> lines = new ArrayList<>(text.lines().toList());
        lines.set(line(f) - 1, "");
        return String.join("\n", lines) + "\n";
    }

    /** Only the rule, in a chain that sees all packets; the other chains are empty. */
    private static String alone(String text, Finding f) {
        List<String> lines = new ArrayList<>();
        boolean inChain = false;
        for (String line : text.lines().toList()) {
            boolean opens = line.startsWith("chain ");
            boolean closes = line.equals("}");
            boolean hook = line.startsWith("type filter");
            boolean own = lines.size() == line(f) - 1;
            lines.add(
                    inChain && !closes && !own
                            ? hook ? "type filter hook forward priority 0; policy accept;" : ""
                            : line);
            inChain = opens || inChain && !closes;
        }
        return String.join("\n", lines) + "\n";
    }

    private static int line(Finding f) {
        return Objects.requireNonNull(f.at()).line();
    }

    /** What is not accused of never matching matches some packet, the analysis's own example. */
    private static void everyOtherRuleMatches(RuleSet rules, Set<String> silent, String what) {
        PacketSpace space = PacketSpace.of(rules);
        Map<String, Witness> matches = new TreeMap<>();
        Set<String> met = new TreeSet<>();
        Walk walk = new Walk(space, rules, Route.FORWARD);
        for (Walk.BaseWalk base : walk.bases()) {
            matches(space, base.passage(), matches, met);
        }
        met.removeAll(matches.keySet());
        assertThat(met).as(what).isEqualTo(silent);
        matches.forEach(
                (rule, witness) -> {
                    PacketFacts facts = WalkTest.flowOf(RuleFixture.packet(words(witness)));
                    CompiledRules program = rules.compile();
                    if (isWritten(witness, facts) && WalkTest.judge(program, facts) != null) {
                        assertThat(WalkTest.matched(program))
                                .as("%s by %s in %s", rule, witness, what)
                                .contains(rule);
                    }
                });
    }

    private static void matches(
            PacketSpace space, Passage passage, Map<String, Witness> matches, Set<String> met) {
        for (Visit visit : passage.visits()) {
            String rule = visit.rule().origin().text();
            met.add(rule);
            int packets = space.bdd().and(visit.reach(), visit.condition());
            if (packets != Bdd.FALSE) {
                matches.put(rule, Witness.of(space, packets));
            }
            for (Visit.Branch branch : visit.branches()) {
                if (branch.into() != null) {
                    matches(space, branch.into(), matches, met);
                }
            }
        }
    }

    private static void witnessHolds(
            Finding f, String at, Witness witness, RuleSet rules, String what) {
        CompiledRules program = rules.compile();
        PacketFacts facts = WalkTest.flowOf(RuleFixture.packet(words(witness)));
        if (!isWritten(witness, facts) || WalkTest.judge(program, facts) == null) {
            return; // null of a rule set with notrack
        }
        Set<String> matched = WalkTest.matched(program);
        switch (f.problem()) {
            case REDUNDANT -> assertThat(matched).as(what).contains(at);
            case SHADOWED, COVERED ->
                    assertThat(
                                    f.because().stream()
                                            .map(RuleOrigin::text)
                                            .anyMatch(matched::contains))
                            .as(what)
                            .isTrue();
            default -> {}
        }
    }

    /**
     * Whether the fixture can: not what an ICMP error quotes, nor any protocol or half a header.
     */
    private static boolean isWritten(Witness witness, PacketFacts facts) {
        boolean length = witness.read().contains("length");
        return Set.of(1, 6, 17, 47, 58).contains(witness.protocol())
                && !facts.packet.isIcmpError()
                && (!length || witness.length() == facts.packet.ipLength());
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
