package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.ReadResult;
import io.pinhole.rule.read.RuleReader;
import io.pinhole.validate.space.Policies;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Faults planted one at a time into realistic rule sets in each rule language: each is found, and
 * nothing else; and the sets as they are have none.
 */
class CheckCorpusTest {
    /** Text of a set, with places: {@code #table}, {@code #first} and {@code #last} are lines. */
    private record Base(String name, String text) {}

    /**
     * A fault.
     *
     * @param edits pairs of what is replaced and by what; one that finds nothing to replace does
     *     not fit the set
     * @param found what must be found
     */
    private record Fault(String name, Set<String> found, List<String> edits) {
        static Fault of(String name, String found, String... edits) {
            return new Fault(name, new TreeSet<>(Set.of(found.split(" "))), List.of(edits));
        }
    }

    private static final String HELPER = "ct helper ftp { type \"ftp\" protocol tcp; }\n";

    private static final List<Base> NFT =
            List.of(
                    new Base(
                            "gateway",
                            "table inet fw {\n"
                                    + HELPER
                                    + """
                                    #table
                                    chain pre {
                                      type filter hook prerouting priority 0;
                                      tcp dport 21 ct helper set "ftp"
                                    }
                                    chain forward {
                                      type filter hook forward priority 0; policy drop;
                                      #first
                                      ct state established accept
                                      ct helper "ftp" ct state related accept
                                      tcp dport 21 ct state new accept
                                      #last
                                    }
                                    }
                                    """),
                    new Base(
                            "server",
                            "table inet filter {\n"
                                    + HELPER
                                    + """
                                    #table
                                    chain pre {
                                      type filter hook prerouting priority 0;
                                      tcp dport 21 ct helper set "ftp"
                                    }
                                    chain input {
                                      type filter hook input priority 0; policy drop;
                                      iif lo accept
                                      #first
                                      ct state established accept
                                      ct helper "ftp" ct state related accept
                                      icmp type echo-request limit rate 5/second accept
                                      tcp dport { 21, 22 } ct state new accept
                                      #last
                                    }
                                    }
                                    """),
                    new Base(
                            "office",
                            "table inet fw {\n"
                                    + HELPER
                                    + """
                                    set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/26, 198.18.0.0/15 }; }
                                    #table
                                    chain pre {
                                      type filter hook prerouting priority 0;
                                      ip daddr 203.0.113.20 tcp dport 21 ct helper set "ftp"
                                    }
                                    chain services {
                                      tcp dport vmap { 22 : accept, 80 : accept, 443 : accept }
                                      ip daddr 203.0.113.20 tcp dport 21 accept
                                    }
                                    chain forward {
                                      type filter hook forward priority 0; policy drop;
                                      #first
                                      ct state established accept
                                      ct helper "ftp" ct state related accept
                                      ip saddr @blocked drop
                                      ct state new iifname "eth0" jump services
                                      #last
                                    }
                                    }
                                    """),
                    new Base(
                            "two tables",
                            "table ip early {\nchain pre { type filter hook prerouting priority -150;"
                                    + " ip saddr 127.0.0.0/8 counter drop\n}\n}\ntable ip fw {\n"
                                    + HELPER
                                    + """
                                    #table
                                    chain pre {
                                      type filter hook prerouting priority 0;
                                      tcp dport 21 ct helper set "ftp"
                                    }
                                    chain forward {
                                      type filter hook forward priority 0; policy drop;
                                      #first
                                      ct state established accept
                                      ct helper "ftp" ct state related accept
                                      ip saddr 198.51.100.0/24 tcp dport 21 ct state new accept
                                      ip daddr 203.0.113.0/28 tcp dport { 80, 443 } ct state new accept
                                      #last
                                    }
                                    }
                                    """));

    private static final List<Fault> NFT_FAULTS = nftFaults();

    private static List<Fault> nftFaults() {
        List<Fault> out = new ArrayList<>();
        // What is planted in the way of the packets, with three choices of numbers.
        for (int n = 0; n < 3; n++) {
            int p = 7000 + 100 * n;
            String net = "10." + n + ".0.0/16";
            String host = "10." + n + ".1.2";
            for (String condition :
                    List.of(
                            "ip saddr " + host + " ip saddr 11.0.0.1 accept",
                            "ct state new ct state established accept",
                            "tcp dport " + p + " tcp dport != " + p + " accept",
                            "ip ttl < 5 ip ttl > " + (6 + n) + " drop",
                            "tcp dport { " + p + ", " + (p + 1) + " } tcp dport > 9000 accept")) {
                out.add(
                        Fault.of(
                                "contradiction " + condition,
                                "contradiction",
                                "#first",
                                condition));
            }
            String range = p + "-" + (p + 50);
            for (String[] two :
                    new String[][] {
                        {"tcp dport " + range + " accept", "tcp dport " + (p + 5) + " drop"},
                        {"udp dport " + range + " drop", "udp dport " + (p + 50) + " accept"},
                        {"ip saddr " + net + " drop", "ip saddr " + host + " tcp dport 80 accept"},
                        {
                            "tcp dport { " + p + ", " + (p + 1) + " } accept",
                            "tcp dport { " + p + ", " + (p + 1) + " } ip saddr != " + net + " drop"
                        },
                        {
                            "tcp dport vmap { " + p + " : accept, " + (p + 1) + " : drop }",
                            "tcp dport " + (p + 1) + " accept"
                        },
                    }) {
                out.add(
                        Fault.of(
                                "shadowed " + two[1],
                                "shadowed",
                                "#first",
                                two[0] + "\n" + two[1]));
            }
            for (String[] two :
                    new String[][] {
                        {"tcp dport " + range + " accept", "tcp dport " + (p + 5) + " accept"},
                        {
                            "udp dport >= " + p + " udp dport <= " + (p + 9) + " accept",
                            "udp dport { " + p + ", " + (p + 9) + " } accept"
                        },
                        {"ip saddr " + net + " accept", "ip saddr " + host + " accept"},
                        // One of the sets lets in all of lo before that.
                        {"ip saddr " + net + " drop", "ip saddr " + host + " tcp dport 22 drop"},
                    }) {
                out.add(Fault.of("covered " + two[1], "covered", "#first", two[0] + "\n" + two[1]));
            }
            out.add(Fault.of("redundant " + p, "redundant", "#last", "tcp dport " + p + " drop"));
            out.add(
                    Fault.of(
                            "redundant " + net, "redundant", "#last", "ip saddr " + net + " drop"));
            out.add(
                    Fault.of(
                            "unreachable " + net,
                            "unreachable",
                            "#first",
                            "ip saddr " + net + " tcp dport " + p + " jump inner",
                            "#table",
                            "chain inner { ip saddr 11.0.0.1 accept\n tcp sport > 99 accept\n }"));
            out.add(
                    Fault.of(
                            "unused " + p,
                            "unused-chain",
                            "#table",
                            "chain lost { tcp dport " + p + " accept\n }"));
            out.add(
                    Fault.of(
                            "overlap " + range,
                            "overlapping-elements",
                            "#first",
                            "udp dport @twice accept",
                            "#table",
                            "set twice { type inet_service; flags interval; auto-merge; elements = { "
                                    + range
                                    + ", "
                                    + (p + 9)
                                    + "-"
                                    + (p + 90)
                                    + " }; }"));
        }
        // What administrators of FTP get wrong.
        String set = "tcp dport 21 ct helper set \"ftp\"";
        out.add(Fault.of("no helper", "helper-never-assigned", set, "tcp dport 21 counter"));
        out.add(
                Fault.of(
                        "at raw",
                        "helper-too-late control-without-helper",
                        "hook prerouting priority 0",
                        "hook prerouting priority raw"));
        out.add(
                Fault.of(
                        "after the accept",
                        "helper-too-late control-without-helper",
                        set,
                        "tcp dport 21 counter",
                        "  tcp dport 21 ct state new accept\n  #last",
                        "tcp dport 21 ct state new accept\n" + set));
        for (String port : List.of("2121", "20", "{ 2121, 2122 }")) {
            out.add(
                    Fault.of(
                            "helper for " + port,
                            "helper-wrong-port control-without-helper",
                            set,
                            set.replace("21", port)));
        }
        out.add(
                Fault.of(
                        "related forgotten",
                        "related-not-accepted",
                        "hook forward", // where both directions are filtered
                        "hook forward",
                        "ct helper \"ftp\" ct state related accept\n",
                        "\n"));
        for (String much :
                List.of(
                        "ct state related accept",
                        "ct state { related } accept",
                        "ct state & related == related accept")) {
            out.add(
                    Fault.of(
                            "too wide " + much,
                            "related-too-wide",
                            "ct helper \"ftp\" ct state related accept",
                            much));
        }
        for (String ports :
                List.of("1024-65535", ">= 1024", "> 1023", "{ 1024-40000, 40001-65535 }")) {
            out.add(
                    Fault.of(
                            "high ports " + ports,
                            "high-ports-open",
                            "#last",
                            "tcp dport " + ports + " ct state new accept"));
        }
        out.add(
                Fault.of(
                        "implicit TLS",
                        "helper-on-implicit-tls",
                        set,
                        set.replace("21", "{ 21, 990 }"),
                        "#last",
                        "tcp dport 990 ct state new accept"));
        return out;
    }

    private static final List<Base> IPTABLES =
            List.of(
                    new Base(
                            "gateway",
                            """
                            *raw
                            :PREROUTING ACCEPT [0:0]
                            -A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
                            COMMIT
                            *filter
                            :INPUT ACCEPT [0:0]
                            :FORWARD DROP [0:0]
                            :OUTPUT ACCEPT [0:0]
                            #table
                            #first
                            -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
                            -A FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
                            -A FORWARD -d 203.0.113.20/32 -p tcp -m tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
                            #last
                            COMMIT
                            """),
                    new Base(
                            "server",
                            """
                            *raw
                            :PREROUTING ACCEPT [0:0]
                            -A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
                            COMMIT
                            *filter
                            :INPUT DROP [0:0]
                            :FORWARD DROP [0:0]
                            :OUTPUT ACCEPT [0:0]
                            #table
                            -A INPUT -i lo -j ACCEPT
                            #first
                            -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
                            -A INPUT -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
                            -A INPUT -p tcp -m multiport --dports 21,22 -m conntrack --ctstate NEW -j ACCEPT
                            #last
                            COMMIT
                            """));

    private static List<Fault> iptablesFaults(String chain) {
        List<Fault> out = new ArrayList<>();
        String a = "-A " + chain + " ";
        String helper = "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n";
        for (int n = 0; n < 3; n++) {
            int p = 7000 + 100 * n;
            String tcp = "-p tcp -m tcp --dport ";
            out.add(
                    Fault.of(
                            "shadowed " + p,
                            "shadowed",
                            "#first",
                            a
                                    + tcp
                                    + p
                                    + ":"
                                    + (p + 9)
                                    + " -j ACCEPT\n"
                                    + a
                                    + tcp
                                    + p
                                    + " -j DROP"));
            out.add(
                    Fault.of(
                            "covered " + p,
                            "covered",
                            "#first",
                            a
                                    + tcp
                                    + p
                                    + ":"
                                    + (p + 9)
                                    + " -j ACCEPT\n"
                                    + a
                                    + tcp
                                    + p
                                    + " -j ACCEPT"));
            out.add(Fault.of("redundant " + p, "redundant", "#last", a + tcp + p + " -j DROP"));
            out.add(
                    Fault.of(
                            "contradiction " + p,
                            "contradiction",
                            "#first",
                            a
                                    + "-m conntrack --ctstate NEW -m state --state ESTABLISHED "
                                    + tcp
                                    + p
                                    + " -j ACCEPT"));
            out.add(
                    Fault.of(
                            "unreachable " + p,
                            "unreachable",
                            "#table",
                            ":inner - [0:0]",
                            "#first",
                            a
                                    + "-s 10."
                                    + n
                                    + ".0.0/16 "
                                    + tcp
                                    + p
                                    + " -j inner\n"
                                    + "-A inner -s 11.0.0.1/32 -j ACCEPT\n-A inner -p tcp -m tcp --sport 99:65535 -j ACCEPT"));
            out.add(
                    Fault.of(
                            "unused " + p,
                            "unused-chain",
                            "#table",
                            ":lost - [0:0]",
                            "#first",
                            "-A lost " + tcp + p + " -j ACCEPT"));
        }
        out.add(Fault.of("no helper", "helper-never-assigned", helper, ""));
        out.add(
                Fault.of(
                        "helper for 2121",
                        "helper-wrong-port control-without-helper",
                        "--dport 21 -j CT",
                        "--dport 2121 -j CT"));
        out.add(
                Fault.of(
                        "related forgotten",
                        "related-not-accepted",
                        "-A FORWARD", // where both directions are filtered
                        "-A FORWARD",
                        a + "-m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT\n",
                        "\n"));
        out.add(Fault.of("too wide", "related-too-wide", " -m helper --helper ftp", ""));
        out.add(
                Fault.of(
                        "high ports",
                        "high-ports-open",
                        "#last",
                        a
                                + "-p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate NEW -j ACCEPT"));
        return out;
    }

    static Stream<Path> shipped() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("../rules"))) {
            return files.filter(p -> p.toString().endsWith(".nft")).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("shipped")
    void saysNothingOfTheSetsThatComeWithIt(Path file) throws IOException {
        assertThat(found(file.getFileName().toString(), Files.readString(file))).isEmpty();
    }

    @Test
    void saysNothingOfCleanSets() {
        for (Base base : NFT) {
            assertThat(found(base.name, clean(base.text))).as(base.name).isEmpty();
        }
        for (Base base : IPTABLES) {
            assertThat(found(base.name, clean(base.text))).as(base.name).isEmpty();
        }
    }

    @Test
    void findsEachFaultAndNothingElse() {
        Map<String, Integer> planted = new TreeMap<>();
        List<String> wrong = new ArrayList<>();
        for (Base base : NFT) {
            for (Fault fault : NFT_FAULTS) {
                plant(base, fault, planted, wrong);
            }
        }
        for (Base base : IPTABLES) {
            String chain = base.name.equals("server") ? "INPUT" : "FORWARD";
            for (Fault fault : iptablesFaults(chain)) {
                plant(base, fault, planted, wrong);
            }
        }
        assertThat(wrong).isEmpty();
        int all = planted.values().stream().mapToInt(Integer::intValue).sum();
        assertThat(all).as("%s", planted).isGreaterThan(300);
        assertThat(planted).hasSizeGreaterThanOrEqualTo(14);
    }

    private static void plant(
            Base base, Fault fault, Map<String, Integer> planted, List<String> wrong) {
        String text = base.text;
        for (int i = 0; i < fault.edits.size(); i += 2) {
            if (!text.contains(fault.edits.get(i))) {
                return;
            }
            text = text.replace(fault.edits.get(i), fault.edits.get(i + 1));
        }
        fault.found.forEach(kind -> planted.merge(kind, 1, Integer::sum));
        Set<String> found = found(base.name, clean(text));
        if (!found.equals(fault.found)) {
            wrong.add(base.name + ", " + fault.name + ": " + found);
        }
    }

    private static String clean(String text) {
        return text.lines().filter(l -> !l.strip().matches("#(table|first|last)")).toList().stream()
                .collect(java.util.stream.Collectors.joining("\n", "", "\n"));
    }

    private static Set<String> found(String name, String text) {
        RuleReader.Source source =
                new RuleReader.Source(name, text.getBytes(StandardCharsets.UTF_8));
        return switch (RuleReader.read(
                List.of(source),
                new RuleReader.Context(Map.of(), IncludeResolver.NONE, IpSets.NONE))) {
            case ReadResult.Loaded(RuleSet rules) -> {
                Set<String> out = new TreeSet<>();
                RuleCheck.of(rules, Policies.DEFAULT).forEach(f -> out.add(f.problem().label()));
                yield out;
            }
            case ReadResult.Refused refused ->
                    throw new AssertionError(refused.format() + "\n" + text);
        };
    }
}
