package io.pinhole.rule;

import java.util.Locale;

/** Families of tables that Pinhole evaluates. */
public enum Family {
    IP,
    IP6,
    INET;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** As nft writes it. */
    public String label() {
        return label;
    }

    /** True if a table of this family sees packets of this IP version. */
    public boolean sees(int ipVersion) {
        return this == INET || (this == IP ? ipVersion == 4 : ipVersion == 6);
    }
}
