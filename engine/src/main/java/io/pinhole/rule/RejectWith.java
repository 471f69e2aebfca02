package io.pinhole.rule;

/**
 * How a reject answers.
 *
 * @param code ICMP code of destination unreachable; that of nft's icmpx numbering for ICMPX; 0 for
 *     a reset
 */
public record RejectWith(Kind kind, int code) {
    /** nft's default: port unreachable in the packet's own family. */
    public static final RejectWith DEFAULT = new RejectWith(Kind.ICMPX, 1);

    public enum Kind {
        TCP_RESET,
        ICMP,
        ICMPV6,
        /** The family of the packet chooses. */
        ICMPX
    }
}
