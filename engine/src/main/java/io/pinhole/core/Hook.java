package io.pinhole.core;

import java.util.Locale;

/** Netfilter hooks of the ip, ip6 and inet families, in the order a packet may meet them. */
public enum Hook {
    PREROUTING,
    INPUT,
    FORWARD,
    OUTPUT,
    POSTROUTING;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** Lower-case name as in nft. */
    public String label() {
        return label;
    }
}
