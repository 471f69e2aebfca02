package io.pinhole.validate.check;

import io.pinhole.validate.check.Corpus.Base;
import io.pinhole.validate.check.Corpus.Fault;
import java.util.ArrayList;
import java.util.List;

/** Realistic rule sets in nft's own text, and what can be wrong with them. */
final class NftCorpus {
    private NftCorpus() {}

    private static final String HELPER = "ct helper ftp { type \"ftp\" protocol tcp; }\n";

    static final List<Base> BASES =
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

    static final List<Fault> FAULTS = faults();

    private static List<Fault> faults() {
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
}
