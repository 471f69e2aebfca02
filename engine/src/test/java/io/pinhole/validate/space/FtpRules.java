package io.pinhole.validate.space;

import java.util.Random;

/** Rule sets of a seed about FTP: helpers, pinholes, and much that gets into their way. */
public final class FtpRules {
    private final Random random;

    public FtpRules(long seed) {
        random = new Random(seed);
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    private static final String[] FORWARD = {
        "ct state established accept",
        "ct state established accept",
        "ct state established,related accept",
        "ct helper \"ftp\" ct state related accept",
        "ct helper \"ftp\" ct state related tcp sport 20 accept",
        "ct helper \"ftp\" tcp dport != { 22, 1025-1030 } accept",
        "ct state vmap { established : accept, related : jump data, invalid : drop }",
        "ct state invalid drop",
        "ct state invalid accept",
        "ct state untracked accept",
        "tcp dport { 21, 2121 } ct state new accept",
        "tcp dport 21 accept",
        "tcp dport 21 ct state new meta mark set 7 accept",
        "ip saddr 10.0.0.0/8 tcp dport 21 ct state new accept",
        "ip daddr != 10.0.0.0/8 tcp dport vmap { 21 : accept, 22 : drop, 2121 : jump data }",
        "meta mark 7 accept",
        "ct mark 3 drop",
        "ct mark set 3",
        "tcp dport 21 ct mark set 5",
        "ct mark 5 accept",
        "ct direction reply ct state established accept",
        "tcp sport 21 tcp dport >= 1024 accept",
        "meta l4proto tcp ct original proto-dst 21 accept",
        "ct original ip saddr 10.0.0.1 accept",
        "ct original ip6 daddr 2001:db8:2::20 accept",
        "ct reply ip daddr 10.1.2.3 ct state related accept",
        "ct status expected accept",
        "icmp type { echo-request, destination-unreachable } accept",
        "ct state related icmp type 11 accept",
        "icmpv6 type { 1, 128, 135 } accept",
        "udp dport 53 accept",
        "udp sport 53 ct state established accept",
        "meta l4proto { icmp, ipv6-icmp } ct state established accept",
        "ip saddr . tcp dport { 10.0.0.1 . 21, 10.1.2.3 . 1024-2000 } accept",
        "tcp flags & (syn|ack) == syn tcp dport 2121 accept",
        "tcp flags syn tcp dport 22 accept",
        "tcp dport @ports drop",
        "ip6 nexthdr tcp tcp dport 21 accept",
        "limit rate 5/second tcp dport 22 accept",
        "goto data",
        "jump data",
        "reject",
        "accept",
    };

    private static final String[] ASSIGN = {
        "tcp dport 21 ct helper set \"h\"",
        "tcp dport { 21, 2121 } ct helper set \"h\"",
        "ip daddr 203.0.113.20 tcp dport 21 ct helper set \"h\"",
        "tcp dport 21 ct state new ct helper set \"h4\"",
        "ct helper set tcp dport map { 21 : \"h\", 2121 : \"h4\" }",
        "tcp dport 21 ct helper set \"other\"",
    };

    /** A rule set that loads. */
    public String ruleSet() {
        boolean works = random.nextBoolean();
        StringBuilder out = new StringBuilder("table inet t {\n");
        out.append("ct helper h { type \"ftp\" protocol tcp; }\n");
        out.append("ct helper h4 { type \"ftp\" protocol tcp; l3proto ip; }\n");
        out.append("ct helper other { type \"sip\" protocol tcp; }\n");
        out.append(
                "set ports { type inet_service; flags interval; elements = { 22, 1024-1030 } }\n");
        out.append("chain data {\n");
        for (int i = random.nextInt(4); i > 0; i--) {
            String rule = pick(FORWARD);
            boolean other = rule.contains("data") || rule.equals("reject");
            out.append(other ? "ct helper \"ftp\" accept" : rule).append('\n');
        }
        out.append("}\n");
        if (random.nextInt(4) == 0) {
            out.append("chain raw { type filter hook prerouting priority raw;\n");
            out.append(
                    pick(
                            "tcp dport 22 notrack",
                            "ip saddr 10.1.2.3 notrack",
                            "udp dport 53 notrack"));
            out.append("\n}\n");
        }
        if (random.nextInt(8) > 0) {
            out.append("chain pre { type filter hook prerouting priority 0;\n");
            for (int i = random.nextInt(2); i >= 0; i--) {
                out.append(works ? ASSIGN[1] : pick(ASSIGN)).append('\n');
            }
            out.append("}\n");
        }
        for (String hook : new String[] {"forward", "input", "output", "forward", "postrouting"}) {
            if (random.nextInt(hook.equals("forward") ? 5 : 3) < 2) {
                out.append("chain c").append(out.length()).append(" { type filter hook ");
                out.append(hook).append(" priority ").append(random.nextInt(3)).append("; policy ");
                out.append(pick("accept", "drop", "drop")).append(";\n");
                if (works) {
                    out.append("tcp dport { 21, 2121 } ct state new accept\n");
                }
                if (works || random.nextBoolean()) {
                    out.append("ct state established accept\n");
                    out.append("ct helper \"ftp\" ct state related accept\n");
                }
                for (int i = 1 + random.nextInt(6); i > 0; i--) {
                    String rule = pick(FORWARD);
                    boolean reject = hook.equals("postrouting") && rule.equals("reject");
                    out.append(reject ? "drop" : rule).append('\n');
                }
                out.append("}\n");
            }
        }
        return out.append("}\n").toString();
    }
}
