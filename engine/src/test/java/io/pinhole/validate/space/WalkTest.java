package io.pinhole.validate.space;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** The sets must hold exactly the packets that the evaluator lets through. */
class WalkTest {
    private static final int RULE_SETS = 120;
    private static final int PACKETS = 60;

    private final long seed = Seeds.seed();
    private final Random random = new Random(seed);

    @Test
    void theSetsHoldWhatTheEvaluatorAccepts() {
        Map<Verdict, Integer> seen = new EnumMap<>(Verdict.class);
        for (int i = 0; i < RULE_SETS; i++) {
            String text = ruleSet();
            RuleSet rules = RuleFixture.load(text);
            PacketSpace space = PacketSpace.of(rules);
            Walk walk = new Walk(space, rules, Route.FORWARD);
            for (int n = 0; n < PACKETS; n++) {
                String packet = packet();
                PacketFacts facts = flowOf(RuleFixture.packet(packet));
                if (facts.packet.isIcmpError()) {
                    continue; // their flow is another packet's
                }
                var vector = Vectors.of(space, facts); // before rules change the facts
                if (!space.bdd().contains(space.wellFormed(), vector)) {
                    continue;
                }
                Verdict verdict = judge(rules, facts);
                if (verdict == null) {
                    continue;
                }
                seen.merge(verdict, 1, Integer::sum);
                assertThat(space.bdd().contains(walk.accepted(), vector))
                        .as("seed %d: %s is %s by %s in%n%s", seed, packet, verdict, facts.decidedBy, text)
                        .isEqualTo(verdict == Verdict.ACCEPT);
                assertThat(space.bdd().contains(walk.rejected(), vector))
                        .isEqualTo(verdict == Verdict.REJECT);
                if (facts.ctState == CtState.NEW) {
                    assertThat(space.bdd().contains(walk.helped(), vector))
                            .as("seed %d: helper of %s in%n%s", seed, packet, text)
                            .isEqualTo(facts.helper != null);
                }
            }
        }
        assertThat(seen.values()).as("seed " + seed).hasSize(3).allMatch(n -> n > 50);
    }

    /** A packet in the reply direction has its flow's addresses the other way round. */
    private static PacketFacts flowOf(PacketFacts facts) {
        if (facts.ctDirection == Direction.REPLY) {
            facts.originalSourceHigh = facts.packet.destinationHigh();
            facts.originalSourceLow = facts.packet.destinationLow();
            facts.originalSourcePort = facts.packet.destinationPort();
            facts.originalDestinationHigh = facts.packet.sourceHigh();
            facts.originalDestinationLow = facts.packet.sourceLow();
            facts.originalDestinationPort = facts.packet.sourcePort();
        }
        return facts;
    }

    /** As the path does it; null where notrack and the packet's state do not fit together. */
    private static Verdict judge(RuleSet rules, PacketFacts facts) {
        CompiledRules program = rules.compile();
        CtState state = facts.ctState;
        boolean flow = facts.hasFlow;
        int track = RuleProgram.CONNTRACK_PRIORITY;
        facts.ctState = CtState.INVALID;
        facts.hasFlow = false;
        Verdict verdict = program.run(Hook.PREROUTING, Integer.MIN_VALUE, track, facts);
        facts.ctState = state;
        facts.hasFlow = flow;
        if (verdict == Verdict.ACCEPT) {
            if (facts.notrack != (state == CtState.UNTRACKED)) {
                return null;
            }
            verdict = program.run(Hook.PREROUTING, track, Integer.MAX_VALUE, facts);
        }
        for (Hook hook : new Hook[] {Hook.FORWARD, Hook.POSTROUTING}) {
            if (verdict == Verdict.ACCEPT) {
                verdict = RuleFixture.run(program, hook, facts);
            }
        }
        return verdict;
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    private String packet() {
        boolean v4 = random.nextInt(3) > 0;
        String protocol = pick("tcp", "tcp", "udp", "icmp", "gre");
        String from = address(v4);
        String to = address(v4);
        String head =
                switch (protocol) {
                    case "icmp" ->
                            "icmp " + from + " > " + to + " " + pick("0", "8", "128", "135") + " 0";
                    case "gre" -> "gre " + from + " > " + to + " -";
                    default ->
                            protocol
                                    + " "
                                    + endPoint(v4, from)
                                    + " > "
                                    + endPoint(v4, to)
                                    + " "
                                    + pick("S", "SA", "A", "R");
                };
        return head
                + " "
                + pick("new", "new", "established", "related", "invalid", "untracked")
                + pick("", "", " reply")
                + pick("", "", " helper=ftp")
                + pick("", " in=eth0", " in=lo")
                + pick("", " out=eth1")
                + " ctmark="
                + random.nextInt(4)
                + " ttl="
                + pick("64", "255")
                + " len="
                + (8 + random.nextInt(300));
    }

    private String endPoint(boolean v4, String address) {
        return v4 ? address + ":" + port() : "[" + address + "]:" + port();
    }

    private String address(boolean v4) {
        return v4
                ? pick("10.0.0.1", "10.1.2.3", "203.0.113.20", "198.51.100.7")
                : pick("2001:db8::1", "2001:db8:2::20", "2001:db9::1");
    }

    private String port() {
        return pick("20", "21", "22", "1024", "1025", "40000", "65535", "0");
    }

    private String ruleSet() {
        StringBuilder out = new StringBuilder();
        for (int t = random.nextInt(2); t >= 0; t--) {
            String family = pick("inet", "inet", "ip", "ip6");
            out.append("table ").append(family).append(" t").append(t).append(" {\n");
            out.append("ct helper h { type \"ftp\" protocol tcp; }\n");
            out.append("set ports { type inet_service; flags interval; auto-merge\nelements = { ")
                    .append(list(this::portRange))
                    .append(" }\n}\nmap verdicts { type inet_service : verdict; elements = {")
                    .append(" 21 : jump r1, 22 : drop, 20 : goto r2, 1025 : accept, * : return")
                    .append(" }\n}\n");
            chain(out, family, "r2", "", 0);
            chain(out, family, "r1", "", 1);
            for (int b = random.nextInt(3); b >= 0; b--) {
                chain(
                        out,
                        family,
                        "b" + b,
                        "type filter hook "
                                + pick("forward", "forward", "prerouting")
                                + " priority "
                                + pick("0", "0", "-10", "5")
                                + "; policy "
                                + pick("accept", "drop")
                                + ";\n",
                        2);
            }
            if (random.nextInt(3) == 0) {
                out.append("chain raw { type filter hook prerouting priority raw;\n");
                out.append(match(!family.equals("ip6"), "tcp")).append(" notrack\n");
                out.append("ct state untracked meta mark set 3\n}\n");
            }
            out.append("}\n");
        }
        return out.toString();
    }

    private void chain(StringBuilder out, String family, String name, String base, int level) {
        out.append("chain ").append(name).append(" {\n").append(base);
        for (int i = random.nextInt(6); i > 0; i--) {
            boolean v4 = family.equals("ip") || (family.equals("inet") && random.nextBoolean());
            String transport = pick("tcp", "tcp", "udp", "icmp");
            for (int m = random.nextInt(3); m > 0; m--) {
                out.append(match(v4, transport)).append(' ');
            }
            out.append(statement(transport)).append(verdict(level, transport)).append('\n');
        }
        out.append("}\n");
    }

    private String verdict(int level, String transport) {
        return switch (random.nextInt(8)) {
            case 0, 1 -> "accept";
            case 2 -> "drop";
            case 3 -> "reject";
            case 4 -> "return";
            case 5 ->
                    level == 0
                            ? "accept"
                            : pick("jump", "goto") + " r" + (3 - level + random.nextInt(level));
            case 6 ->
                    level == 2 && !transport.equals("icmp")
                            ? transport + " dport vmap @verdicts"
                            : "continue";
            default -> "counter";
        };
    }

    private String statement(String transport) {
        String port = transport.equals("icmp") ? "meta length" : transport + " dport";
        return switch (random.nextInt(10)) {
            case 0 -> "meta mark set " + pick("1", "ct mark", "meta mark | 0x2", "meta mark << 1 ");
            case 1 -> "ct mark set " + pick("3", "meta mark", "ct mark ^ 1");
            case 2 -> "meta mark set " + port + " map { 21 : 1, 22-1000 : 2, * : 3 }";
            case 3 -> "ct helper set \"h\"";
            default -> "";
        }
                + " ";
    }

    private String match(boolean v4, String transport) {
        String ip = v4 ? "ip" : "ip6";
        return switch (random.nextInt(18)) {
            case 0, 1, 2 -> ip + pick(" saddr ", " daddr ") + addresses(v4);
            case 3, 4, 5 ->
                    transport.equals("icmp")
                            ? (v4 ? "icmp" : "icmpv6") + " type " + pick("8", "!= 3", "{ 0, 128 }")
                            : transport + pick(" sport ", " dport ") + ports();
            case 6 -> "ct state " + pick("", "!= ", "== ") + pick("new", "established,related");
            case 7 -> "ct state { new, invalid }";
            case 8 -> "ct helper " + pick("", "!= ") + "\"ftp\"";
            case 9 -> "ct direction " + pick("original", "reply");
            case 10 -> "meta mark " + pick("1", "!= 2", "& 1 == 1", "> 1", "{ 1, 3 }");
            case 11 -> "iifname " + pick("\"eth*\"", "\"lo\"", "!= \"eth0\"", "{ \"eth0\", \"lo\" }");
            case 12 ->
                    transport.equals("tcp")
                            ? "tcp flags " + pick("syn", "== syn", "& (syn|ack) == syn", "! rst")
                            : "meta length > 60";
            case 13 -> "meta l4proto " + pick("{ tcp, udp }", "!= gre");
            case 14 -> "ct mark " + pick("1", "!= 0", "< 3");
            case 15 ->
                    transport.equals("icmp")
                            ? "meta nfproto " + (v4 ? "ipv4" : "ipv6")
                            : ip
                                    + " daddr . "
                                    + transport
                                    + " dport { "
                                    + address(v4)
                                    + (v4 ? "/16" : "/32")
                                    + " . 20-1024 }";
            case 16 -> v4 ? "ct original ip saddr 10.0.0.0/8" : "ct reply ip6 daddr 2001:db8::/32";
            default ->
                    v4
                            ? pick("ip ttl 255", "ip saddr & 255.0.0.0 == 10.0.0.0", "ip length < 90")
                            : "ip6 saddr & ffff:ffff:: == 2001:db8::";
        };
    }

    private String addresses(boolean v4) {
        String one = address(v4);
        return switch (random.nextInt(4)) {
            case 0 -> one;
            case 1 -> "!= " + one;
            case 2 -> one + (v4 ? "/" + (1 + random.nextInt(32)) : "/" + (1 + random.nextInt(128)));
            default -> (v4 ? "10.0.0.0-" : "2001:db8::-") + (v4 ? "203.0.113.20" : "2001:db8:2::20");
        };
    }

    private String ports() {
        return switch (random.nextInt(5)) {
            case 0 -> port();
            case 1 -> pick("> ", "< ", ">= ", "<= ", "!= ") + port();
            case 2 -> "{ " + list(this::portRange) + " }";
            case 3 -> pick("", "!= ") + "@ports";
            default -> portRange();
        };
    }

    private String portRange() {
        int low = Integer.parseInt(port());
        return random.nextBoolean()
                ? "" + low
                : low + "-" + Math.min(65535, low + 1 + random.nextInt(2000));
    }

    private String list(Supplier<String> of) {
        StringBuilder out = new StringBuilder(of.get());
        for (int i = random.nextInt(4); i > 0; i--) {
            out.append(", ").append(of.get());
        }
        return out.toString();
    }
}
