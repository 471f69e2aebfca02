package io.pinhole.validate.space;

import io.pinhole.rule.RuleSet;
import java.util.Random;
import java.util.function.Supplier;

/** Rule sets and packets of a seed, small enough that packets meet most rules. */
public final class RandomRules {
    private final Random random;

    public RandomRules(long seed) {
        random = new Random(seed);
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    /**
     * A packet as {@code RuleFixture.packet} reads it, half of its values at the bounds of what
     * these rules compare with or beside them.
     */
    public String packet(RuleSet rules) {
        Bounds bounds = new Bounds(rules, random);
        boolean v4 = random.nextInt(3) > 0;
        String protocol = pick("tcp", "tcp", "udp", "icmp", "gre");
        String from = address(v4, bounds);
        String to = address(v4, bounds);
        String head =
                switch (protocol) {
                    case "icmp" ->
                            "icmp " + from + " > " + to + " " + pick("0", "8", "128", "135") + " 0";
                    case "gre" -> "gre " + from + " > " + to + " -";
                    default ->
                            protocol
                                    + " "
                                    + endPoint(v4, from, bounds)
                                    + " > "
                                    + endPoint(v4, to, bounds)
                                    + " "
                                    + pick("S", "SA", "A", "R", "-", "SR");
                };
        int header = (v4 ? 20 : 40) + (protocol.equals("tcp") ? 20 : 8);
        return head
                + " "
                + pick("new", "new", "established", "related", "invalid", "untracked")
                + pick("", "", " reply")
                + pick("", "", " helper=ftp")
                + pick("", " in=eth0", " in=lo", " in=eth", " in=et")
                + pick("", " out=eth1")
                + " ctmark="
                + (random.nextBoolean() ? random.nextInt(4) : (int) bounds.mark() & 0xffff)
                + " ttl="
                + (random.nextBoolean() ? pick("64", "255") : bounds.hops())
                + " len="
                + Math.clamp(
                        random.nextBoolean() ? 8L + random.nextInt(300) : bounds.length() - header,
                        8, // flags can be read of any of them
                        1400);
    }

    private String endPoint(boolean v4, String address, Bounds bounds) {
        String port = random.nextBoolean() ? port() : bounds.port();
        return v4 ? address + ":" + port : "[" + address + "]:" + port;
    }

    private String address(boolean v4, Bounds bounds) {
        return random.nextBoolean() ? address(v4) : bounds.address(v4);
    }

    private String address(boolean v4) {
        return v4
                ? pick("10.0.0.1", "10.1.2.3", "203.0.113.20", "198.51.100.7")
                : pick("2001:db8::1", "2001:db8:2::20", "2001:db9::1");
    }

    private String port() {
        return pick("20", "21", "22", "1024", "1025", "40000", "65535", "0");
    }

    /** A rule set that loads. */
    public String ruleSet() {
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
                    case 0 ->
                            "meta mark set "
                                    + pick("1", "ct mark", "meta mark | 0x2", "meta mark << 1 ");
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
            case 11 ->
                    "iifname " + pick("\"eth*\"", "\"lo\"", "!= \"eth0\"", "{ \"eth0\", \"lo\" }");
            case 12 ->
                    transport.equals("tcp")
                            ? "tcp flags " + pick("syn", "== syn", "& (syn|ack) == syn", "! rst")
                            : "meta length > 60";
            case 13 -> "meta l4proto " + pick("< 20", "!= gre");
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
                            ? pick(
                                    "ip ttl 255",
                                    "ip saddr & 255.0.0.0 == 10.0.0.0",
                                    "ip length < 90")
                            : "ip6 saddr & ffff:ffff:: == 2001:db8::";
        };
    }

    private String addresses(boolean v4) {
        String one = address(v4);
        return switch (random.nextInt(4)) {
            case 0 -> one;
            case 1 -> "!= " + one;
            case 2 -> one + (v4 ? "/" + (1 + random.nextInt(32)) : "/" + (1 + random.nextInt(128)));
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

    private String list(Supplier<String> of) {
        StringBuilder out = new StringBuilder(of.get());
        for (int i = random.nextInt(4); i > 0; i--) {
            out.append(", ").append(of.get());
        }
        return out.toString();
    }
}
