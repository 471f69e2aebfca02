package io.pinhole.rule;

import java.util.Random;

/** Random rule sets over the whole language, and packets that they tell apart. */
public final class RandomRules {
    private final Random random;

    public RandomRules(Random random) {
        this.random = random;
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    // ---- packets ----

    String packet() {
        boolean v4 = random.nextInt(3) > 0;
        String from = v4 ? address4() : address6();
        String to = v4 ? address4() : address6();
        String protocol = pick("tcp", "tcp", "tcp", "udp", "icmp", "gre");
        String head =
                switch (protocol) {
                    case "icmp" ->
                            "icmp "
                                    + from
                                    + " > "
                                    + to
                                    + " "
                                    + pick("0", "3", "8", "128", "135")
                                    + " "
                                    + random.nextInt(3);
                    case "gre" -> "gre " + from + " > " + to + " -";
                    default ->
                            protocol
                                    + " "
                                    + endpoint(v4, from)
                                    + " > "
                                    + endpoint(v4, to)
                                    + " "
                                    + pick("S", "SA", "A", "R", "FA", "-");
                };
        return head
                + " "
                + pick("new", "established", "related", "invalid", "untracked")
                + pick("", " reply", " confirmed")
                + pick("", "", " helper=ftp", " helper=sip")
                + pick("", " in=eth0", " in=lo", " in=eth10")
                + pick("", " out=eth1")
                + " mark="
                + random.nextInt(4)
                + " ctmark="
                + random.nextInt(4)
                + pick("", "", "", v4 ? " snap=22" : " snap=42")
                + " ttl="
                + pick("64", "255")
                + " len="
                + random.nextInt(300);
    }

    private static String endpointOf(String address, String port) {
        return address.contains(":") ? "[" + address + "]:" + port : address + ":" + port;
    }

    private String endpoint(boolean v4, String address) {
        return endpointOf(address, port());
    }

    private String address4() {
        return pick("10.0.0.1", "10.1.2.3", "203.0.113.20", "198.51.100.7", "224.0.0.1");
    }

    private String address6() {
        return pick("2001:db8::1", "2001:db8:2::20", "fe80::1", "ff02::1", "::1");
    }

    private String port() {
        return pick("20", "21", "22", "1024", "1025", "40000", "65535", "0");
    }

    // ---- rules ----

    public String ruleSet() {
        StringBuilder out = new StringBuilder();
        int tables = 1 + random.nextInt(2);
        for (int t = 0; t < tables; t++) {
            String family = pick("inet", "inet", "ip", "ip6");
            out.append("table ").append(family).append(" t").append(t).append(" {\n");
            out.append("ct helper h { type \"ftp\" protocol tcp; }\n");
            out.append("ct helper u { type \"sip\" protocol udp; }\n");
            out.append("ct timeout slow { protocol tcp; policy = { established : 9 }; }\n");
            out.append("limit l { rate 3/second; }\nquota q { over 2000 bytes }\n");
            out.append("set ports { type inet_service; flags interval; auto-merge\nelements = { ")
                    .append(list(this::portRange))
                    .append(" }\n}\n");
            out.append("map verdicts { type inet_service : verdict; elements = {")
                    .append(" 21 : jump r1, 22 : drop, 20 : goto r2, 1025 : accept, * : return")
                    .append(" }\n}\n");
            out.append("set hosts4 { type ipv4_addr; flags dynamic,timeout; timeout 3s; size 3;")
                    .append(" elements = { 10.0.0.1, 10.1.2.3 timeout 9s expires 2s } }\n");
            out.append("set hosts6 { type ipv6_addr; flags timeout; size 3; }\n");
            out.append("set sports { type inet_service; limit rate over 2/second burst 2 packets;")
                    .append(" elements = { 21, 1024 counter packets 1 bytes 2")
                    .append(pick("", ", *"))
                    .append(" } }\n");
            out.append("set open { type ipv4_addr . inet_service; flags dynamic; size 6; }\n");
            out.append("set kept { type ipv4_addr; flags interval,timeout; timeout 5s;")
                    .append(" elements = { 10.0.0.0/8, 203.0.113.0/24 timeout 2s } }\n");
            // A regular chain may lead to later ones only.
            chain(out, family, "r2", "", 0);
            chain(out, family, "r1", "", 1);
            chain(out, family, "r0", "", 2);
            int bases = 1 + random.nextInt(3);
            for (int b = 0; b < bases; b++) {
                String base =
                        "type filter hook "
                                + pick("forward", "forward", "prerouting")
                                + " priority "
                                + pick("0", "0", "-10", "mangle", "filter + 5")
                                + "; policy "
                                + pick("accept", "drop")
                                + ";\n";
                chain(out, family, "b" + b, base, 3);
            }
            out.append("}\n");
        }
        return out.toString();
    }

    private void chain(StringBuilder out, String family, String name, String base, int level) {
        out.append("chain ").append(name).append(" {\n").append(base);
        int rules = random.nextInt(6);
        for (int i = 0; i < rules; i++) {
            out.append(rule(family, level)).append('\n');
        }
        out.append("}\n");
    }

    private String rule(String family, int level) {
        StringBuilder out = new StringBuilder();
        // A conflict of protocols would be refused: each rule keeps to one.
        boolean v4 = family.equals("ip") || (family.equals("inet") && random.nextBoolean());
        String transport = pick("tcp", "tcp", "udp", "icmp");
        int matches = random.nextInt(3);
        for (int i = 0; i < matches; i++) {
            out.append(match(v4, transport)).append(' ');
        }
        for (int i = random.nextInt(2); i > 0; i--) {
            out.append(statement(v4, transport)).append(' ');
        }
        String verdict = verdict(level, transport);
        return (out + verdict).isBlank() ? "counter" : out + verdict;
    }

    private String verdict(int level, String transport) {
        String chain =
                level == 0
                        ? "accept"
                        : pick("jump", "goto") + " r" + (3 - level + random.nextInt(level));
        return switch (random.nextInt(8)) {
            case 0, 1 -> "accept";
            case 2 -> "drop";
            case 3 -> "reject";
            case 4 -> "return";
            case 5 -> chain;
            case 6 ->
                    level == 3 && !transport.equals("icmp")
                            ? transport + " dport vmap @verdicts"
                            : "continue";
            default -> "";
        };
    }

    private String statement(boolean v4, String transport) {
        String port = transport.equals("icmp") ? "meta length" : transport + " dport";
        return switch (random.nextInt(20)) {
            case 12, 13, 18, 19 -> write(v4);
            case 14 -> "ct count " + pick("", "over ") + pick("1", "3", "6");
            case 15 ->
                    transport.equals("icmp") || !v4
                            ? "ct state new ct count over 2"
                            : "add @open { ip saddr . "
                                    + transport
                                    + " dport ct count "
                                    + pick("", "over ")
                                    + "2 }";
            case 16 ->
                    transport.equals("icmp")
                            ? "counter"
                            : transport + " dport " + pick("", "!= ") + "@sports";
            case 17 -> v4 ? "ip saddr " + pick("", "!= ") + "@kept" : write(false);
            case 0 -> "counter";
            case 1 -> "limit rate " + pick("", "over ") + "2/second burst 2 packets";
            case 2 -> "limit rate " + pick("", "over ") + "500 bytes/second burst 100 bytes";
            case 3 -> "limit name \"l\"";
            case 4 -> "quota " + pick("", "over ") + "1000 bytes";
            case 5 -> "quota name \"q\"";
            case 6 -> "meta mark set " + pick("1", "ct mark", "meta mark | 0x2", "meta mark and 5");
            case 7 -> "ct mark set " + pick("3", "meta mark", "ct mark ^ 1");
            case 8 -> "meta mark set " + port + " map { 21 : 1, 22-1000 : 2, * : 3 }";
            case 9 -> "ct helper set " + pick("\"h\"", "\"u\"", port + " map { 21 : \"h\" }");
            case 10 -> "ct timeout set \"slow\"";
            default -> "notrack";
        };
    }

    private String write(boolean v4) {
        String ip = v4 ? "ip" : "ip6";
        String set = v4 ? "hosts4" : "hosts6";
        return switch (random.nextInt(5)) {
            case 0 -> "add @" + set + " { " + ip + " saddr }";
            case 1 -> "update @" + set + " { " + ip + " saddr timeout " + pick("1s", "4s") + " }";
            case 2 ->
                    "add @"
                            + set
                            + " { "
                            + ip
                            + " daddr timeout 2s limit rate "
                            + pick("", "over ")
                            + "1/second burst 1 packets }";
            case 3 -> "delete @" + set + " { " + ip + " saddr }";
            default -> ip + pick(" saddr ", " daddr ") + pick("", "!= ") + "@" + set;
        };
    }

    private String match(boolean v4, String transport) {
        String ip = v4 ? "ip" : "ip6";
        return switch (random.nextInt(20)) {
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
            case 11 ->
                    "iifname " + pick("\"eth*\"", "\"lo\"", "!= \"eth0\"", "{ \"eth1*\", \"lo\" }");
            case 12 -> transport.equals("tcp") ? "tcp flags " + flags() : "meta length > 60";
            case 13 -> "meta l4proto " + pick("!= { tcp, udp }", "!= gre", "> 6");
            case 14 -> "meta pkttype " + pick("multicast", "host");
            case 15 -> "ct expiration " + pick("> 30s", "<= 1m", "5s-50s");
            case 16 ->
                    "ct status "
                            + pick("assured", "! confirmed", "& (assured|confirmed) == assured");
            case 17 ->
                    transport.equals("icmp")
                            ? "meta nfproto " + (v4 ? "ipv4" : "ipv6")
                            : ip
                                    + " daddr . "
                                    + transport
                                    + " dport { "
                                    + pick(
                                            concat(v4, "20-1024", "40000"),
                                            concat(v4, "21", "1-20")
                                                    + ", "
                                                    + concat(v4, "1024-5000", "40000"))
                                    + " }";
            case 18 -> v4 ? "ct original ip saddr 10.0.0.0/8" : "ct reply ip6 daddr fe80::/10";
            default ->
                    v4
                            ? pick(
                                    "ip ttl 255",
                                    "ip saddr & 255.0.0.0 == 10.0.0.0",
                                    "ip length < 90")
                            : pick(
                                    "ip6 hoplimit 255",
                                    "ip6 saddr & ffff:: == fe80::",
                                    "ip6 nexthdr != udp");
        };
    }

    private String flags() {
        return pick(
                "syn",
                "syn,ack",
                "== syn",
                "!= syn",
                "& (syn|ack) == syn",
                "syn / syn,ack",
                "! rst");
    }

    /** The kernel refuses concatenations that overlap: ports keep them apart. */
    private String concat(boolean v4, String... ports) {
        return (v4 ? address4() + pick("", "/16") : address6() + pick("", "/32"))
                + " . "
                + pick(ports);
    }

    private String addresses(boolean v4) {
        String one = v4 ? address4() : address6();
        return switch (random.nextInt(5)) {
            case 0 -> one;
            case 1 -> "!= " + one;
            case 2 -> one + (v4 ? "/" + (1 + random.nextInt(32)) : "/" + (1 + random.nextInt(128)));
            case 3 -> "{ " + list(v4 ? this::address4 : this::address6) + " }";
            default ->
                    (v4 ? "10.0.0.0-" : "2001:db8::-") + (v4 ? "203.0.113.20" : "2001:db8:2::20");
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

    private String list(java.util.function.Supplier<String> of) {
        StringBuilder out = new StringBuilder(of.get());
        for (int i = random.nextInt(4); i > 0; i--) {
            out.append(", ").append(of.get());
        }
        return out.toString();
    }

    // ---- long chains ----

    /** Chains of up to some hundred rules, most of which change the mark and go on. */
    public String longRuleSet() {
        StringBuilder out = new StringBuilder("table inet t {\n");
        out.append("ct helper h { type \"ftp\" protocol tcp; }\nlimit l { rate 3/second; }\n");
        out.append("set hosts { type ipv4_addr; flags interval; auto-merge; elements = { ")
                .append(many(this::prefix4, 40))
                .append(" } }\n");
        out.append("set exact { type ipv4_addr . inet_service; elements = { ")
                .append(many(() -> host4() + " . " + lowPort(), 60))
                .append(" } }\n");
        for (int c = 3; c >= 0; c--) {
            out.append("chain r").append(c).append(" {\n");
            longRules(out, 1 + random.nextInt(c == 0 ? 30 : 120), c + 1);
            out.append("}\n");
        }
        out.append("chain f {\ntype filter hook forward priority 0; policy ")
                .append(pick("accept", "drop"))
                .append(";\n");
        longRules(out, 1 + random.nextInt(600), 0);
        return out.append("}\n}\n").toString();
    }

    /** Jumps lead to chains from {@code later} on. */
    private void longRules(StringBuilder out, int count, int later) {
        // Each chain has a habit, as real ones do, and exceptions from it.
        int habit = random.nextInt(8);
        for (int i = 0; i < count; i++) {
            int kind = random.nextInt(8) > 0 ? habit : random.nextInt(14);
            String test =
                    switch (kind) {
                        case 0 -> "ip saddr " + prefix4();
                        case 1 -> "tcp dport " + lowRange();
                        case 2 -> "ip saddr " + host4() + " tcp dport " + lowPort();
                        case 3 -> "ip daddr { " + many(this::prefix4, 4) + " }";
                        case 4 ->
                                "ip saddr . tcp dport { " + pair(1, 7) + ", " + pair(15, 12) + " }";
                        case 5 -> "ip6 saddr 2001:db8:" + random.nextInt(6) + "::/48";
                        case 6 -> "udp sport { " + many(this::lowRange, 4) + " }";
                        case 7 -> "meta mark " + random.nextInt(8) + " ip daddr " + prefix4();
                        case 8 -> "ip saddr != " + prefix4();
                        case 9 -> "ip saddr " + pick("", "!= ") + "@hosts";
                        case 10 -> "ip daddr . tcp sport " + pick("", "!= ") + "@exact";
                        case 11 -> "iifname " + pick("\"eth*\"", "\"lo\"", "!= \"eth0\"");
                        case 12 -> "ct state " + pick("new", "established,related", "!= invalid");
                        default -> pick("", "meta l4proto udp", "counter ip saddr 10.0.0.0/9");
                    };
            String action =
                    switch (random.nextInt(40)) {
                        case 0 -> "accept";
                        case 1 -> "drop";
                        case 2 -> "reject";
                        case 3 -> "return";
                        case 4, 5 ->
                                later < 4 ? "jump r" + (later + random.nextInt(4 - later)) : "";
                        case 6 -> later < 4 ? "goto r" + (later + random.nextInt(4 - later)) : "";
                        case 7 -> "limit name \"l\" drop";
                        case 8 -> "ct mark set " + random.nextInt(4);
                        case 9 -> "ct helper set \"h\"";
                        case 10 -> "counter";
                        case 11 -> verdictMap(later, test.contains("udp"), test.contains("ip6"));
                        default ->
                                "meta mark set meta mark "
                                        + pick("<< 1", "^ " + random.nextInt(64));
                    };
            out.append(test).append(' ').append(action).append('\n');
        }
    }

    private String verdictMap(int later, boolean udp, boolean v6) {
        if (later >= 4 || v6) {
            return "continue";
        }
        return random.nextBoolean()
                ? (udp ? "udp" : "tcp")
                        + " dport vmap { "
                        + "1-9 : jump r"
                        + later
                        + ", 10 : drop, 11-14 : continue, 15 : return }"
                : "ip saddr . ip daddr vmap { 10.0.0.0/16 . 10.1.0.0/16 : jump r3,"
                        + " 10.1.0.0-10.1.9.9 . 10.0.0.0/15 : drop }";
    }

    /** Ports keep the two apart: the kernel refuses concatenations that overlap. */
    private String pair(int from, int width) {
        int low = from + random.nextInt(width);
        return prefix4() + " . " + low + "-" + (low + 1 + random.nextInt(width));
    }

    private String host4() {
        return "10." + random.nextInt(3) + '.' + random.nextInt(4) + '.' + random.nextInt(6);
    }

    private String prefix4() {
        return switch (random.nextInt(3)) {
            case 0 -> host4();
            case 1 -> "10." + random.nextInt(3) + '.' + random.nextInt(4) + ".0/24";
            default -> "10." + random.nextInt(3) + ".0.0/" + (12 + random.nextInt(16));
        };
    }

    private String lowPort() {
        return "" + (1 + random.nextInt(30));
    }

    private String lowRange() {
        int low = 1 + random.nextInt(30);
        return random.nextBoolean() ? "" + low : low + "-" + (low + 1 + random.nextInt(12));
    }

    private String many(java.util.function.Supplier<String> of, int most) {
        java.util.Set<String> out = new java.util.LinkedHashSet<>();
        for (int i = random.nextInt(most); i >= 0; i--) {
            out.add(of.get());
        }
        return String.join(", ", out);
    }

    public String packetForLongRuleSet() {
        boolean v4 = random.nextInt(5) > 0;
        String from = v4 ? host4() : "2001:db8:" + random.nextInt(6) + "::1";
        String to = v4 ? host4() : "2001:db8:" + random.nextInt(6) + "::2";
        return pick("tcp ", "tcp ", "udp ")
                + endpointOf(from, lowPort())
                + " > "
                + endpointOf(to, lowPort())
                + " S "
                + pick("new", "established", "related", "invalid")
                + pick("", " in=eth0", " in=lo", " in=eth10")
                + " mark="
                + random.nextInt(8)
                + " ctmark="
                + random.nextInt(4)
                + pick("", "", "", "", "", v4 ? " snap=22" : " snap=42")
                + " at="
                + random.nextInt(20);
    }
}
