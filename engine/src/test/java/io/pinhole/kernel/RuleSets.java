package io.pinhole.kernel;

import io.pinhole.kernel.RuleTree.Chain;
import io.pinhole.kernel.RuleTree.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;

/** Makes rule sets inside the supported language; every rule counts. */
final class RuleSets {
    private static final Pattern UNEQUAL = Pattern.compile("\\w+ (sport|dport|type|code) != [^{@]");

    private final Random random;
    private final RuleWords words;
    private int counters;
    private boolean inet;
    private boolean inForward;
    private boolean counting;

    RuleSets(Random random) {
        this.random = random;
        words = new RuleWords(random);
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    RuleTree next() {
        counters = 0;
        counting = chance(4); // such cases take long
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
        inet = family.equals("inet");
        words.inTable(family);
        List<String> objects = new ArrayList<>();
        objects.add("ct helper ftp { type \"ftp\" protocol tcp; }");
        objects.add(
                "ct timeout slow { protocol tcp; policy = { established : 900, close : 77 }; }");
        objects.add("limit slowly { rate 1/hour burst 3 packets }");
        objects.add("quota some { over 2000 bytes }");
        objects.add(
                "set ports { type inet_service; flags interval; auto-merge; elements = { "
                        + words.list(words::portRange)
                        + " } }");
        objects.add(
                "set hosts { type "
                        + RuleWords.type(v4)
                        + "; elements = { "
                        + words.hosts(v4)
                        + " } }");
        objects.add(
                "set nets { type "
                        + RuleWords.type(v4)
                        + "; flags interval; auto-merge; elements = { "
                        + words.list(() -> words.net(v4))
                        + " } }");
        objects.add(
                "set pairs { type "
                        + RuleWords.type(v4)
                        + " . inet_service; flags interval; elements = { "
                        + words.net(v4)
                        + " . "
                        + words.portRange()
                        + " } }");
        objects.add(
                "map marks { type inet_service : mark; elements = { 21 : 1, 22 : 2, 80 : 3 } }");
        objects.add(
                "map verdicts { type inet_service : verdict; flags interval; elements = { 21 : jump"
                        + " r1, 22 : drop, 20 : goto r2, 53-80 : accept, 50000-65535 : return"
                        + pick("", ", * : jump r2")
                        + " } }");
        objects.add(
                "set seen { type "
                        + RuleWords.type(v4)
                        + "; flags dynamic,timeout; timeout 1h; size "
                        + pick("3", "100")
                        + "; elements = { "
                        + words.host(v4)
                        + pick("", " timeout 2h expires 90m")
                        + " } }");
        objects.add(
                "set slow { type "
                        + RuleWords.type(v4)
                        + " . inet_service; flags dynamic; "
                        + pick("", "limit rate over 1/hour burst 2 packets; ")
                        + "}");
        objects.add("set open { type " + RuleWords.type(v4) + "; flags dynamic; }");
        objects.add(
                "set counted { type inet_service; "
                        + pick("counter", "limit rate 1/hour burst 3 packets", "quota 400 bytes")
                        + "; elements = { 21, 80, 40000"
                        + pick("", ", *")
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

    /**
     * Two inequalities of neighbours in a header: nft 1.0.6 makes one comparison of both. See
     * docs/semantics.md.
     */
    private static boolean areMerged(String one, String other) {
        return UNEQUAL.matcher(one).lookingAt() && UNEQUAL.matcher(other).lookingAt();
    }

    private String rule(String family, int level) {
        boolean v4 = family.equals("ip") || (family.equals("inet") && random.nextBoolean());
        String transport = pick("tcp", "tcp", "tcp", "udp", "icmp");
        List<String> parts = new ArrayList<>();
        for (int i = random.nextInt(3); i > 0; i--) {
            String match = words.match(v4, transport);
            if (parts.isEmpty() || !areMerged(parts.getLast(), match)) {
                parts.add(match);
            }
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
        if (chance(10)) {
            parts.add(changing(v4, transport, level));
        }
        parts.add(counter());
        if (chance(25)) {
            parts.add(statement(transport, level));
        }
        parts.add(verdict(transport, level));
        return String.join(" ", parts).strip();
    }

    /** A test of a set that packets change, or a change of one. */
    private String changing(boolean v4, String transport, int level) {
        String ip = (v4 ? "ip" : "ip6") + pick(" saddr", " daddr");
        boolean ports = !transport.equals("icmp");
        if (v4 != words.setsAreV4()) {
            return ports ? transport + " dport " + pick("", "!= ") + "@counted" : "";
        }
        return switch (random.nextInt(counting ? 14 : 9)) {
            case 0 -> "add @seen { " + ip + " }";
            case 1 -> "update @seen { " + ip + pick("", " timeout 2h") + " }";
            case 2 -> "delete @seen { " + ip + " }";
            case 3, 4 -> ip + pick(" ", " != ") + "@seen";
            case 5 ->
                    ports
                            ? "add @slow { "
                                    + ip
                                    + " . "
                                    + transport
                                    + pick(" sport", " dport")
                                    + " limit rate "
                                    + pick("", "over ")
                                    + "1/hour burst 2 packets }"
                            : "update @seen { " + ip + " }";
            case 6 -> ports ? ip + " . " + transport + " dport @slow" : ip + " @seen";
            case 7 -> ports ? transport + " sport " + pick("", "!= ") + "@counted" : "";
            default ->
                    level < 3 || level == 5 || !ports || !counting
                            ? ""
                            : "ct state new " + connections(ip);
        };
    }

    /**
     * One in a rule set, where a packet passes once: Linux may count a connection twice that comes
     * twice within a jiffy.
     */
    private String connections(String ip) {
        counting = false;
        String count = "ct count " + pick("", "over ") + pick("1", "2", "4");
        return chance(50) ? count : "add @open { " + ip + " " + count + " }";
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
}
