package io.pinhole.benchmarks;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Rule sets of any length whose last rule is the first to match: {@code tcp dport 443 accept}. The
 * others drop what {@link io.pinhole.benchmarks.generate.PacketArray} never sends, near enough to
 * what it does send (clients in 198.18.0.0/16, servers in 198.19.0.0/16).
 */
final class RuleShapes {
    private RuleShapes() {}

    /**
     * @param shape {@code saddr} (prefixes), {@code dport}, {@code pair} (address and port), {@code
     *     mixed}, {@code sets}, {@code concat} (addresses with port ranges), {@code jumps} (by
     *     network to chains of 100), {@code stateful} (mixed, established flows first)
     * @param rules that do not match
     */
    static RuleSet load(String shape, int rules) {
        byte[] text = text(shape, rules).getBytes(StandardCharsets.UTF_8);
        String name = shape + "-" + rules + ".nft";
        return switch (NftReader.read(name, text, Map.of(), (from, pattern) -> List.of())) {
            case ReadResult.Loaded loaded -> loaded.rules();
            case ReadResult.Refused refused -> throw new IllegalStateException(refused.format());
        };
    }

    static String text(String shape, int rules) {
        StringBuilder out = new StringBuilder("table inet t {\n");
        StringBuilder forward = new StringBuilder();
        if (shape.equals("jumps")) {
            for (int c = 0; c * 100 < rules; c++) {
                out.append("chain c").append(c).append(" {\n");
                for (int i = 0; i < 100; i++) {
                    out.append("ip daddr ").append(address(c * 100 + i)).append(" drop\n");
                }
                out.append("}\n");
                forward.append("ip saddr 198.16.").append(c).append(".0/24 jump c").append(c);
                forward.append('\n');
            }
        } else {
            for (int i = 0; i < rules; i++) {
                forward.append(rule(shape.equals("stateful") ? "mixed" : shape, i))
                        .append(" drop\n");
            }
        }
        out.append("chain f {\ntype filter hook forward priority 0; policy drop;\n");
        if (shape.equals("stateful")) {
            out.append("ct state established,related accept\nct state invalid drop\n");
        }
        return out.append(forward).append("tcp dport 443 accept\naccept\n}\n}\n").toString();
    }

    private static String rule(String shape, int i) {
        return switch (shape) {
            case "saddr" ->
                    "ip saddr "
                            + switch (i % 3) {
                                case 0 -> address(i);
                                case 1 -> address(i & ~3) + "/30";
                                default -> "198.20." + (i >> 5 & 255) + "." + (i & 31) * 8 + "/29";
                            };
            case "dport" ->
                    "tcp dport " + (i % 2 == 0 ? "" + port(i) : port(i) + "-" + (port(i) + 9));
            case "pair" -> "ip daddr " + address(i / 100) + " tcp dport " + port(i % 100);
            case "sets" ->
                    "ip saddr { "
                            + address(4 * i)
                            + ", "
                            + address(4 * i + 1)
                            + ", "
                            + address(4 * i + 2)
                            + ", 198.20."
                            + (i >> 8 & 255)
                            + "."
                            + (i & 255)
                            + " }";
            case "concat" ->
                    "ip saddr . tcp dport { "
                            + address(i)
                            + " . 1-1000, 198.18.0.0/16 . "
                            + port(i)
                            + "-"
                            + (port(i) + 5)
                            + " }";
            case "mixed" ->
                    switch (i % 6) {
                        case 0 -> rule("saddr", i);
                        case 1 -> rule("dport", i);
                        case 2 -> rule("pair", i);
                        case 3 -> rule("sets", i);
                        case 4 -> "ip daddr " + address(i) + " ct state new udp dport 1-1000";
                        default -> "ip6 saddr 2001:db8:" + Integer.toHexString(i) + "::/48";
                    };
            default -> throw new IllegalArgumentException("no shape " + shape);
        };
    }

    private static int port(int i) {
        return 1024 + i % 60_000;
    }

    /** In 198.16.0.0/15, where no packet comes from or goes to. */
    private static String address(int i) {
        return "198." + (16 + (i >> 16 & 1)) + '.' + (i >> 8 & 255) + '.' + (i & 255);
    }
}
