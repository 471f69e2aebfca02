package io.pinhole.rule.read;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Languages of rule files, told apart by what stands in them. */
public enum RuleFormat {
    /** What {@code nft -f} reads. */
    NFT,
    /** What {@code nft -j list ruleset} writes. */
    NFT_JSON,
    /** What {@code iptables-save} and {@code ip6tables-save} write. */
    IPTABLES;

    /** Enough for any header; what comes before the first statement are comments and blanks. */
    private static final int LOOKED_AT = 64 << 10;

    private static final Pattern TABLE = Pattern.compile("\\*[a-z]+");

    /** The language of a file; nft text where nothing says otherwise. */
    public static RuleFormat of(byte[] file) {
        String start =
                new String(file, 0, Math.min(file.length, LOOKED_AT), StandardCharsets.ISO_8859_1);
        for (String line : start.lines().toList()) {
            String text = line.strip();
            if (text.startsWith("\u00ef\u00bb\u00bf")) {
                text = text.substring(3); // the mark some editors put before UTF-8
            }
            if (text.isEmpty() || text.startsWith("#")) {
                continue;
            }
            if (text.startsWith("{")) {
                return NFT_JSON;
            }
            return TABLE.matcher(text).matches() || text.startsWith(":") ? IPTABLES : NFT;
        }
        return NFT;
    }
}
