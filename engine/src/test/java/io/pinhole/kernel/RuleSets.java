package io.pinhole.kernel;

import io.pinhole.kernel.RuleTree.Chain;
import io.pinhole.kernel.RuleTree.Table;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/** Makes rule sets inside the supported language; every rule counts. */
final class RuleSets {
    private final Random random;
    private int counters;
    private boolean inet;
    private boolean inForward;
    private boolean setsAreV4;

    RuleSets(Random random) {
        this.random = random;
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    RuleTree next() {
        counters = 0;
        List<Table> tables = new ArrayList<>();
        int n = 1 + random.nextInt(3);
        for (int i = 0; i < n; i++) {
            tables.add(table("t" + i));
        }
        return new RuleTree(tables);
    }

    private Table table(String name) {
        String family = pick("inet", "inet", "inet", "ip", "ip6");
        boolean v4 = !family.equals("ip6");
        setsAreV4 = v4;
        inet = family.equals("inet");
        List<String> objects = new ArrayList<>();
        objects.add("ct helper ftp { type \"ftp\" protocol tcp; }");
        objects.add(
                "ct timeout slow { protocol tcp; policy = { established : 900, close : 77 }; }");
        objects.add("limit slowly { rate 1/hour burst 3 packets }");
        objects.add("quota some { over 2000 bytes }");
        objects.add(
                "set ports { type inet_service; flags interval; auto-merge; elements = { "
                        + list(this::portRange)
                        + " } }");
        objects.add("set hosts { type " + type(v4) + "; elements = { " + hosts(v4) + " } }");
        objects.add(
                "set nets { type "
                        + type(v4)
                        + "; flags interval; auto-merge; elements = { "
                        + list(() -> net(v4))
                        + " } }");
        objects.add(
                "set pairs { type "
                        + type(v4)
                        + " . inet_service; flags interval; elements = { "
                        + net(v4)
                        + " . "
                        + portRange()
                        + " } }");
        objects.add(
                "map marks { type inet_service : mark; elements = { 21 : 1, 22 : 2, 80 : 3 } }");
        objects.add(
                "map verdicts { type inet_service : verdict; flags interval; elements = { 21 : jump"
                        + " r1, 22 : drop, 20 : goto r2, 53-80 : accept, 50000-65535 : return"
                        + pick("", ", * : jump r2")
                        + " } }");
        List<Chain> chains = new ArrayList<>();
        chains.add(chain(family, "r2", "", 0, 4));
        chains.add(chain(family, "r1", "", 1, 4));
        chains.add(chain(family, "r0", "", 2, 4));
        if (chance(60)) {
            chains.add(
                    new Chain(
                            "helper",
                            base("prerouting", pick("-150", "-150", "0", "mangle"), "accept"),
                            List.of(
                                    "tcp dport { 21, 2121 } "
                                            + counter()
                                            + " ct helper set \"ftp\"")));
        }
        if (chance(30)) {
            chains.add(
                    chain(
                            family,
                            "early",
                            base("prerouting", pick("raw", "-250", "-201", "-399"), "accept"),
                            5,
                            4));
        }
        chains.add(
                chain(
                        family,
                        "pre",
                        base("prerouting", pick("-198", "-100", "0"), "accept"),
                        3,
                        4));
        chains.add(
                chain(
                        family,
                        "forward",
                        base("forward", pick("0", "-10", "filter + 5"), pick("accept", "drop")),
                        4,
                        8));
        chains.add(
                chain(
                        family,
                        "post",
                        base("postrouting", pick("srcnat", "0", "mangle"), "accept"),
                        4,
                        4));
        return new Table(family, name, objects, chains);
    }

    private static String base(String hook, String priority, String policy) {
        return "type filter hook " + hook + " priority " + priority + "; policy " + policy + ";";
    }

    private String counter() {
        return "counter name \"c" + ++counters + "\"";
    }

    /**
     * @param level 0 to 2: a regular chain, which may lead to those of a lower level; 3: before
     *     routing; 4: behind it; 5: before connection tracking
     */
    private Chain chain(String family, String name, String base, int level, int most) {
        List<String> rules = new ArrayList<>();
        inForward = base.contains("hook forward");
        int n = random.nextInt(most + 1);
        for (int i = 0; i < n; i++) {
            rules.add(rule(family, level));
        }
        if (level == 4 && base.contains("policy drop") && chance(80)) {
            rules.add("ct state established,related " + counter() + " accept");
            rules.add(pick("", "ct state new ") + "tcp dport @ports " + counter() + " accept");
            rules.add(counter());
        }
        return new Chain(name, base, rules);
    }

    private String rule(String family, int level) {
        boolean v4 = family.equals("ip") || (family.equals("inet") && random.nextBoolean());
        String transport = pick("tcp", "tcp", "tcp", "udp", "icmp");
        List<String> parts = new ArrayList<>();
        for (int i = random.nextInt(3); i > 0; i--) {
            parts.add(match(v4, transport, level));
        }
        if (chance(8)) {
            parts.add(
                    pick(
                            "limit rate 1/hour burst 2 packets",
                            "limit rate over 1/day burst 4 packets",
                            "limit rate 1 bytes/hour burst 300 bytes",
                            "limit name \"slowly\"",
                            "quota over 700 bytes",
                            "quota 500 bytes",
                            "quota name \"some\""));
        }
        parts.add(counter());
        if (chance(25)) {
            parts.add(statement(transport, level));
        }
        parts.add(verdict(transport, level));
        return String.join(" ", parts).strip();
    }

    private String statement(String transport, int level) {
        return switch (random.nextInt(9)) {
            case 0 -> "meta mark set " + pick("1", "meta mark | 0x2", "meta mark and 5", "7");
            case 1 -> "meta mark set ct mark";
            case 2 -> "ct mark set " + pick("3", "meta mark", "ct mark | 4", "0x10");
            case 3 ->
                    transport.equals("icmp")
                            ? "meta mark set 9"
                            : "meta mark set " + transport + " dport map @marks";
            case 4 -> level == 5 ? "notrack" : "log prefix \"x\" group 7";
            case 5 -> "ct timeout set \"slow\"";
            case 6 -> "ct helper set \"ftp\"";
            case 7 ->
                    transport.equals("icmp")
                            ? "meta mark set 8"
                            : "meta mark set "
                                    + transport
                                    + " sport map { 20 : 2, 40000-50000 : 4 }";
            default -> level == 5 ? "notrack" : "ct mark set meta mark";
        };
    }

    private String verdict(String transport, int level) {
        String deeper =
                level == 0
                        ? "accept"
                        : pick("jump", "goto")
                                + " r"
                                + (level > 2
                                        ? random.nextInt(3)
                                        : 3 - level + random.nextInt(level));
        return switch (random.nextInt(16)) {
            case 0, 1 -> "accept";
            case 2 -> (level == 3 || level == 5) && chance(85) ? "" : "drop";
            case 3 ->
                    inForward
                            ? pick("reject", inet ? "reject with icmpx admin-prohibited" : "drop")
                            : "";
            case 4 -> "return";
            case 5, 6 -> deeper;
            case 7 ->
                    level >= 3 && !transport.equals("icmp")
                            ? transport + " dport vmap @verdicts"
                            : "";
            case 8 ->
                    level >= 3
                            ? "ct state vmap { new : jump r0, established : accept, invalid : "
                                    + pick("drop", "continue")
                                    + " }"
                            : "continue";
            default -> "";
        };
    }

    private String match(boolean v4, String transport, int level) {
        String ip = v4 ? "ip" : "ip6";
        boolean icmp = transport.equals("icmp");
        return switch (random.nextInt(38)) {
            case 0, 1, 2 -> ip + pick(" saddr ", " daddr ") + addresses(v4);
            case 3, 4, 5 -> icmp ? icmp(v4) : transport + pick(" sport ", " dport ") + ports();
            case 6, 7 ->
                    "ct state "
                            + pick("", "!= ")
                            + pick("new", "established,related", "invalid", "related", "untracked");
            case 8 -> "ct state { new, invalid, established }";
            case 9 -> "ct helper " + pick("", "!= ") + "\"ftp\"";
            case 10 -> "ct direction " + pick("original", "reply");
            case 11 -> "meta mark " + pick("1", "!= 2", "& 1 == 1", "> 1", "{ 1, 3 }", "0-3");
            case 12 -> "ct mark " + pick("3", "!= 0", "& 4 == 4", "{ 0, 3 }");
            case 13 ->
                    pick("iifname ", "oifname ")
                            + pick(
                                    "\"left\"",
                                    "\"right\"",
                                    "!= \"left\"",
                                    "\"l*\"",
                                    "{ \"left\", \"x\" }");
            case 14 -> pick("iif ", "oif ") + pick("\"left\"", "\"right\"", "!= \"left\"");
            case 15 ->
                    icmp
                            ? icmp(v4)
                            : transport.equals("tcp") ? "tcp flags " + flags() : "udp length > 60";
            case 16 -> "meta l4proto " + pick("!= gre", "> 6", "tcp", "icmp", "ipv6-icmp");
            case 17 -> "meta length " + pick("> 60", "< 100", "40-90", "{ 40, 52 }");
            case 18 -> "ct expiration " + pick("> 45s", "<= 90s", "100s-200s", "> 1d");
            case 19 ->
                    "ct status "
                            + pick(
                                    "assured",
                                    "seen-reply",
                                    "confirmed",
                                    "expected",
                                    "& (assured|confirmed) == assured",
                                    "& seen-reply != 0");
            case 20 ->
                    icmp
                            ? icmp(v4)
                            : ip
                                    + " daddr . "
                                    + transport
                                    + " dport { "
                                    + host(v4)
                                    + " . "
                                    + portRange()
                                    + ", "
                                    + pick(v4 ? "10.0.0.0/8" : "2001:db8:5::/48")
                                    + " . "
                                    + port()
                                    + " }";
            case 21 ->
                    pick("ct original ", "ct reply ")
                            + ip
                            + pick(" saddr ", " daddr ")
                            + pick(net(v4), host(v4), "!= " + host(v4));
            case 22 ->
                    icmp
                            ? icmp(v4)
                            : "meta l4proto tcp "
                                    + pick("ct original ", "ct reply ")
                                    + pick("proto-src ", "proto-dst ")
                                    + pick("21", "40000-50000", "{ 21, 80 }");
            case 23 ->
                    v4
                            ? pick("ip ttl 63", "ip ttl 64", "ip ttl > 100", "ip ttl { 63, 127 }")
                            : pick("ip6 hoplimit 63", "ip6 hoplimit 64", "ip6 hoplimit > 100");
            case 24 ->
                    v4
                            ? pick(
                                    "ip saddr & 255.255.0.0 == 198.51.0.0",
                                    "ip length < 90",
                                    "ip protocol tcp",
                                    "ip dscp 0x10",
                                    "ip version 4",
                                    "ip hdrlength 5")
                            : pick(
                                    "ip6 saddr & ffff:ffff:: == 2001:db8::",
                                    "ip6 nexthdr != udp",
                                    "ip6 nexthdr tcp",
                                    "ip6 length < 60",
                                    "ip6 dscp 0x10");
            case 25 ->
                    icmp || v4 != setsAreV4
                            ? (v4 ? "ip protocol icmp" : "ip6 nexthdr ipv6-icmp")
                            : ip
                                    + pick(
                                            " saddr @hosts",
                                            " daddr != @hosts",
                                            " daddr @nets",
                                            " saddr . tcp dport @pairs",
                                            " daddr . tcp dport @pairs");
            case 26 -> "meta pkttype " + pick("host", "!= host", "broadcast");
            case 27 -> inet ? "ct state new" : "meta protocol " + (v4 ? "ip" : "ip6");
            case 28 -> icmp ? icmp(v4) : "th dport " + ports();
            case 31 ->
                    icmp
                            ? icmp(v4)
                            : ip
                                    + " saddr . "
                                    + ip
                                    + " daddr . "
                                    + transport
                                    + " dport "
                                    + pick("", "!= ")
                                    + "{ "
                                    + host(v4)
                                    + " . "
                                    + net(v4)
                                    + " . "
                                    + portRange()
                                    + " }";
            case 32 ->
                    "ct state . ct direction "
                            + pick("", "!= ")
                            + "{ new . original, established . "
                            + pick("original", "reply")
                            + " }";
            case 33 ->
                    "iifname . "
                            + (icmp ? "meta length" : transport + " dport")
                            + " { \"left\" . "
                            + pick("21", "80", "40-60", "40000-50000")
                            + ", \"right\" . "
                            + pick("21", "100", "40000-50000")
                            + " }";
            case 34 -> v4 ? "ip frag-off & 0x4000 == 0" : "ip6 flowlabel < 40";
            case 35 ->
                    "meta mark & 3 != ct mark"
                            .replace(" != ct mark", pick(" == 1", " != 0", " < 2"));
            case 36 -> "meta l4proto . meta length { tcp . 40-60, udp . 0-100, icmp . 36 }";
            case 37 ->
                    "ct original packets 0".isEmpty()
                            ? ""
                            : "ct direction . ct mark { original . 0, reply . 3 }";
            case 29 -> inet ? "meta nfproto " + (v4 ? "ipv4" : "ipv6") : "meta length < 1000";
            default ->
                    transport.equals("tcp")
                            ? pick(
                                    "tcp doff > 5",
                                    "tcp window < 1000",
                                    "tcp sequence > 1000",
                                    "tcp flags & (fin|syn|rst|ack) == syn",
                                    "tcp urgptr 0")
                            : "ct state new";
        };
    }

    private String icmp(boolean v4) {
        return v4
                ? pick(
                        "icmp type echo-request",
                        "icmp type { 0, 3, 8 }",
                        "icmp type != 8",
                        "icmp code 0",
                        "icmp id 1",
                        "icmp type destination-unreachable")
                : pick(
                        "icmpv6 type echo-request",
                        "icmpv6 type { 1, 128 }",
                        "icmpv6 code 0",
                        "icmpv6 id 1");
    }

    private String flags() {
        return pick(
                "syn",
                "syn,ack",
                "== syn",
                "!= syn",
                "& (syn|ack) == syn",
                "syn / syn,ack",
                "syn / fin,syn,rst,ack",
                "! rst",
                "fin,psh,urg / fin,psh,urg");
    }

    private static String type(boolean v4) {
        return v4 ? "ipv4_addr" : "ipv6_addr";
    }

    private String host(boolean v4) {
        return v4
                ? pick(
                        "198.51.100.7",
                        "198.51.100.8",
                        "198.51.100.130",
                        "203.0.113.10",
                        "203.0.113.20",
                        "203.0.113.200")
                : pick(
                        "2001:db8:1::7",
                        "2001:db8:1::8",
                        "2001:db8:2::10",
                        "2001:db8:2::20",
                        "2001:db8:2:1::1");
    }

    private String hosts(boolean v4) {
        return list(() -> host(v4));
    }

    private String net(boolean v4) {
        return v4
                ? pick(
                        "198.51.100.0/24",
                        "203.0.113.0/28",
                        "203.0.113.128/25",
                        "198.51.100.7",
                        "192.0.2.0/24",
                        "198.51.100.7-198.51.100.100")
                : pick(
                        "2001:db8:1::/48",
                        "2001:db8:2::/64",
                        "2001:db8:2::10",
                        "2001:db8:1::-2001:db8:1::7");
    }

    private String concat(boolean v4) {
        return (chance(50) ? host(v4) : net(v4)) + " . " + portRange();
    }

    private String addresses(boolean v4) {
        return switch (random.nextInt(5)) {
            case 0 -> host(v4);
            case 1 -> "!= " + host(v4);
            case 2 -> net(v4);
            case 3 -> pick("", "!= ") + "{ " + hosts(v4) + " }";
            default -> "{ " + list(() -> net(v4)) + " }";
        };
    }

    private String port() {
        return pick(
                "20", "21", "22", "53", "80", "443", "1024", "2121", "8080", "40000", "50000",
                "50001");
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
        // Each once, and nothing that another contains: auto-merge is not everywhere.
        StringBuilder out = new StringBuilder(of.get());
        for (int i = random.nextInt(3); i > 0; i--) {
            String next = of.get();
            if (!out.toString().contains(next)) {
                out.append(", ").append(next);
            }
        }
        return out.toString();
    }
}
