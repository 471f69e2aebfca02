package io.pinhole.rule;

import io.pinhole.core.Hook;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** Types of base chains and the hooks the kernel allows them at (nft_chain_type.hook_mask). */
public enum ChainType {
    FILTER(EnumSet.allOf(Hook.class)),
    ROUTE(EnumSet.of(Hook.OUTPUT)),
    NAT(EnumSet.of(Hook.PREROUTING, Hook.INPUT, Hook.OUTPUT, Hook.POSTROUTING));

    private final Set<Hook> hooks;
    private final String label = name().toLowerCase(Locale.ROOT);

    ChainType(Set<Hook> hooks) {
        this.hooks = hooks;
    }

    public boolean allowedAt(Hook hook) {
        return hooks.contains(hook);
    }

    /** As nft writes it. */
    public String label() {
        return label;
    }
}
