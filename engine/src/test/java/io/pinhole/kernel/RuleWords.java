package io.pinhole.kernel;

import java.util.Random;
import java.util.function.Supplier;

/** What random rules read: matches, addresses, ports. */
final class RuleWords {
    private final Random random;
    private boolean inet;
    private boolean setsAreV4;

    RuleWords(Random random) {
        this.random = random;
    }

    /** What follows stands in a table of this family. */
    void inTable(String family) {
        inet = family.equals("inet");
        setsAreV4 = !family.equals("ip6");
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    String match(boolean v4, String transport) {
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
            case 18 -> {
                String times = pick("> 45s", "<= 90s", "100s-200s", "> 1d");
                yield "ct expiration " + (KernelClock.isYoung() ? "> 1d" : times);
            }
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
            case 35 -> "meta mark & 3 " + pick("== 1", "!= 0", "< 2");
            case 36 -> "meta l4proto . meta length { tcp . 40-60, udp . 0-100, icmp . 36 }";
            case 37 -> "ct direction . ct mark { original . 0, reply . 3 }";
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
                        "icmp code 1",
                        "icmp type destination-unreachable")
                : pick(
                        "icmpv6 type echo-request",
                        "icmpv6 type { 1, 128 }",
                        "icmpv6 code 0",
                        "icmpv6 code 1");
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

    static String type(boolean v4) {
        return v4 ? "ipv4_addr" : "ipv6_addr";
    }

    String host(boolean v4) {
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

    /** True if the addresses in the table's sets are those of IPv4. */
    boolean setsAreV4() {
        return setsAreV4;
    }

    String hosts(boolean v4) {
        return list(() -> host(v4));
    }

    String net(boolean v4) {
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

    String portRange() {
        int low = Integer.parseInt(port());
        return random.nextBoolean()
                ? "" + low
                : low + "-" + Math.min(65535, low + 1 + random.nextInt(2000));
    }

    String list(Supplier<String> of) {
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
