package io.pinhole.core;

import java.util.Locale;

/** Connection tracking state of one packet, as {@code ct state} matches it. */
public enum CtState {
    INVALID,
    ESTABLISHED,
    RELATED,
    NEW,
    UNTRACKED;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** Lower-case name as in nft and in JSON. */
    public String label() {
        return label;
    }

    /**
     * The bit nft uses in {@code ct state} bitmasks: invalid 1, established 2, related 4, new 8,
     * untracked 64 (linux/netfilter/nf_conntrack_common.h, NF_CT_STATE_BIT).
     */
    public int bit() {
        return this == UNTRACKED ? 64 : 1 << ordinal();
    }
}
