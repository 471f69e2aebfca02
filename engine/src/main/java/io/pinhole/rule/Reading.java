package io.pinhole.rule;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What expressions and tests say of one packet, for explanations. Allocates. */
public final class Reading {
    private final RuleCompiler compiler = new RuleCompiler(new RuleSet("", List.of()));

    /** A 128-bit value. */
    public record Wide(long high, long low) {}

    /** The value of an expression; null where the packet has none. */
    public @Nullable Wide value(Expr expr, PacketFacts facts) {
        Value value = compiler.value(expr);
        return value.present(facts) ? new Wide(value.high(facts), value.low(facts)) : null;
    }

    /** {@code tcp dport . ip saddr}: the value of a key as nft writes it; null as above. */
    public @Nullable String text(List<Expr> key, PacketFacts facts) {
        StringBuilder out = new StringBuilder();
        for (Expr part : key) {
            Wide value = value(part, facts);
            if (value == null) {
                return null;
            }
            out.append(out.isEmpty() ? "" : " . ")
                    .append(part.type().format(value.high(), value.low()));
        }
        return out.toString();
    }

    /** The key itself, as nft writes it. */
    public static String name(List<Expr> key) {
        return key.stream().map(Canonical::expr).collect(Collectors.joining(" . "));
    }
}
