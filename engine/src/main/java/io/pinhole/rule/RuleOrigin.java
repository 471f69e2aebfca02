package io.pinhole.rule;

/**
 * Where a verdict was decided, made once at compile time.
 *
 * @param text {@code ftp-gateway.nft:14}, {@code policy FILE:LINE} or {@code
 *     FILE:table/chain#handle}
 * @param source the rule as written, on one line; empty for a policy
 */
public record RuleOrigin(String text, String source) {
    /** No base chain looked at the packet. */
    public static final RuleOrigin NONE = new RuleOrigin("no base chain", "");

    /** {@code policy FILE:LINE}. */
    public static RuleOrigin policy(SourcePos at) {
        return new RuleOrigin("policy " + at.shortText(), "");
    }

    @Override
    public String toString() {
        return text;
    }
}
