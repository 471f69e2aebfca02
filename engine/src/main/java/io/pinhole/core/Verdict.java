package io.pinhole.core;

import java.util.Locale;

/** What happens to a packet. */
public enum Verdict {
    ACCEPT,
    DROP,
    REJECT,
    /** No hook sees it: ARP, other non-IP frames, link-scope packets. */
    UNFILTERED,
    /** Not a packet of the protocol its headers claim; a host would discard it before any hook. */
    UNDECODABLE;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** Lower-case name as printed and as written to JSON. */
    public String label() {
        return label;
    }
}
