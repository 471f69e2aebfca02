package io.pinhole.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;

/** Rule sets and packets for tests. */
public final class RuleFixture {
    private RuleFixture() {}

    /** Reads a rule set that must load. */
    public static RuleSet load(String text) {
        return load(text, Map.of());
    }

    public static RuleSet load(String text, Map<String, String> defines) {
        ReadResult result = NftReader.read("test.nft", text, defines, IncludeResolver.NONE);
        return switch (result) {
            case ReadResult.Loaded(RuleSet rules) -> rules;
            case ReadResult.Refused refused -> throw new AssertionError(refused.format());
        };
    }

    /** The errors of a rule set that must not load, as printed. */
    public static String errors(String text) {
        return errors(text, Map.of(), IncludeResolver.NONE);
    }

    public static String errors(
            String text, Map<String, String> defines, IncludeResolver includes) {
        ReadResult result = NftReader.read("test.nft", text, defines, includes);
        assertThat(result).isInstanceOf(ReadResult.Refused.class);
        return ((ReadResult.Refused) result).format();
    }

    /** One rule in a chain at hook forward. */
    public static String inForward(String family, String rule) {
        return "table "
                + family
                + " t {\n"
                + "  ct helper ftp4 { type \"ftp\" protocol tcp; l3proto "
                + (family.equals("ip6") ? "ip6" : "ip")
                + "; }\n"
                + "  ct timeout slow { protocol tcp; policy = { established : 120 }; }\n"
                + "  counter hits { }\n"
                + "  limit slowly { rate 1/second; }\n"
                + "  quota some { 1000 bytes }\n"
                + "  set ports { type inet_service; flags interval; elements = { 21, 30-40 }; }\n"
                + "  map marks { type inet_service : mark; elements = { 21 : 0x15 }; }\n"
                + "  map verdicts { type inet_service : verdict; elements = { 21 : accept }; }\n"
                + "  flowtable fast { hook ingress priority 0; devices = { lo }; }\n"
                + "  chain other { }\n"
                + "  chain c {\n"
                + "    type filter hook forward priority filter; policy drop;\n"
                + "    "
                + rule
                + "\n  }\n}\n";
    }

    /** The rule of {@link #inForward}. */
    public static Rule ruleInForward(RuleSet rules) {
        Chain chain = rules.tables().getFirst().chains().getLast();
        assertThat(chain.rules()).hasSize(1);
        return chain.rules().getFirst();
    }

    /**
     * A packet as words: {@code tcp 198.51.100.7:40000 > 203.0.113.20:21 S} (flags F S R P A U, or
     * {@code -}), {@code udp A:p > B:p}, {@code icmp A > B type code}, {@code gre A > B}; then any
     * of {@code new established related untracked invalid}, {@code reply}, {@code confirmed},
     * {@code helper=ftp}, {@code in=eth0}, {@code out=eth1}, {@code mark=1}, {@code ctmark=1},
     * {@code snap=24} (bytes captured), {@code ttl=255}, {@code len=100} (payload), {@code at=1.5}
     * (seconds).
     */
    public static PacketFacts packet(String text) {
        String[] words = text.strip().split("\\s+");
        String[] from = endpoint(words[1]);
        String[] to = endpoint(words[3]);
        String flags = words.length > 4 ? words[4] : "-";
        int payload = 0;
        int snap = Integer.MAX_VALUE;
        int ttl = 64;
        PacketFacts facts = new PacketFacts();
        facts.ctState = CtState.NEW;
        facts.hasFlow = true;
        for (String word : words) {
            String value = word.substring(word.indexOf('=') + 1);
            if (word.startsWith("len=")) {
                payload = Integer.parseInt(value);
            } else if (word.startsWith("snap=")) {
                snap = Integer.parseInt(value);
            } else if (word.startsWith("ttl=")) {
                ttl = Integer.parseInt(value);
            } else {
                state(facts, word, value);
            }
        }
        byte[] transport =
                switch (words[0]) {
                    case "tcp" ->
                            PacketBytes.tcp(
                                    port(from), port(to), bits(flags), 1, 1, new byte[payload]);
                    case "udp" -> udp(port(from), port(to), payload);
                    case "icmp" -> {
                        byte[] icmp = new byte[8 + payload];
                        icmp[0] = (byte) Integer.parseInt(words[4]);
                        icmp[1] = (byte) Integer.parseInt(words[5]);
                        yield icmp;
                    }
                    default -> new byte[8 + payload];
                };
        boolean v4 = Objects.requireNonNull(IpAddress.parse(from[0])).isV4();
        int protocol =
                switch (words[0]) {
                    case "tcp" -> 6;
                    case "udp" -> 17;
                    case "icmp" -> v4 ? 1 : 58;
                    default -> 47;
                };
        byte[] ip =
                v4
                        ? PacketBytes.ipv4(from[0], to[0], protocol, 7, 0, transport)
                        : PacketBytes.ipv6(from[0], to[0], protocol, transport);
        if (v4) {
            PacketBytes.ttl(ip, ttl);
        } else {
            ip[7] = (byte) ttl;
        }
        wrap(facts, ip, Math.min(snap, ip.length));
        return facts;
    }

    /** Puts a whole IP packet, of which {@code captured} bytes are there, into the facts. */
    public static void wrap(PacketFacts facts, byte[] ip, int captured) {
        Anomaly fault =
                facts.packet.wrap(MemorySegment.ofArray(ip), 0, captured, ip.length, LinkType.RAW);
        assertThat(fault).isEqualTo(Anomaly.NONE);
        facts.originalSourceHigh = facts.packet.sourceHigh();
        facts.originalSourceLow = facts.packet.sourceLow();
        facts.originalDestinationHigh = facts.packet.destinationHigh();
        facts.originalDestinationLow = facts.packet.destinationLow();
        facts.originalSourcePort = facts.packet.sourcePort();
        facts.originalDestinationPort = facts.packet.destinationPort();
    }

    private static void state(PacketFacts facts, String word, String value) {
        switch (word) {
            case "new", "established", "related" ->
                    facts.ctState = CtState.valueOf(word.toUpperCase(java.util.Locale.ROOT));
            case "untracked", "invalid" -> {
                facts.ctState = CtState.valueOf(word.toUpperCase(java.util.Locale.ROOT));
                facts.hasFlow = false;
            }
            case "reply" -> facts.ctDirection = Direction.REPLY;
            case "confirmed" -> facts.ctStatus |= PacketFacts.STATUS_CONFIRMED;
            default -> {
                if (word.startsWith("helper=")) {
                    facts.parentHelper = value;
                } else if (word.startsWith("in=")) {
                    facts.inputInterface = value;
                } else if (word.startsWith("out=")) {
                    facts.outputInterface = value;
                } else if (word.startsWith("mark=")) {
                    facts.mark = Integer.parseInt(value);
                } else if (word.startsWith("ctmark=")) {
                    facts.ctMark = Integer.parseInt(value);
                } else if (word.startsWith("at=")) {
                    facts.timeNanos = (long) (Double.parseDouble(value) * 1e9);
                }
            }
        }
    }

    private static String[] endpoint(String text) {
        if (text.startsWith("[")) {
            int end = text.indexOf(']');
            return new String[] {text.substring(1, end), text.substring(end + 2)};
        }
        if (text.indexOf(':') != text.lastIndexOf(':')) {
            return new String[] {text, "0"};
        }
        int colon = text.indexOf(':');
        return colon < 0
                ? new String[] {text, "0"}
                : new String[] {text.substring(0, colon), text.substring(colon + 1)};
    }

    private static int port(String[] endpoint) {
        return Integer.parseInt(endpoint[1]);
    }

    private static int bits(String flags) {
        int bits = 0;
        for (int i = 0; i < 6; i++) {
            if (flags.indexOf("FSRPAU".charAt(i)) >= 0) {
                bits |= 1 << i;
            }
        }
        return bits;
    }

    private static byte[] udp(int sport, int dport, int payload) {
        byte[] datagram = new byte[8 + payload];
        PacketBytes.put16(datagram, 0, sport);
        PacketBytes.put16(datagram, 2, dport);
        PacketBytes.put16(datagram, 4, 8 + payload);
        return datagram;
    }

    /** Runs all chains of a hook. */
    public static Verdict run(RuleProgram program, Hook hook, PacketFacts facts) {
        return program.run(hook, Integer.MIN_VALUE, Integer.MAX_VALUE, facts);
    }
}
