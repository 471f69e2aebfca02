package io.pinhole.validate.space;

import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.Range;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What the FTP helper may open, from the settings. Where helper objects have settings of their own
 * it is all that any of them may.
 *
 * @param privilegedPorts true if ports below 1024 may be announced
 * @param deniedPorts ports that may not
 * @param sourcePort20 true if active data connections must come from port 20
 * @param thirdParty true if a PORT may name another host than the client
 * @param peers with {@code thirdParty}, the only hosts; empty for any
 * @param anyPassiveAddress true if a 227 may name another host than the server
 * @param attached server ports that get the helper although no rule assigns it
 */
public record Policies(
        boolean privilegedPorts,
        List<Range> deniedPorts,
        boolean sourcePort20,
        boolean thirdParty,
        List<IpAddress> peers,
        boolean anyPassiveAddress,
        Set<Integer> attached) {
    public static final Policies DEFAULT = of(Settings.DEFAULTS.helper());

    public Policies {
        deniedPorts = List.copyOf(deniedPorts);
        peers = List.copyOf(peers);
        attached = Set.copyOf(attached);
    }

    /** What the settings let the helpers of a rule set open. */
    public static Policies of(Settings settings, RuleSet rules) {
        return of(settings, rules, Set.of(), false);
    }

    /**
     * @param attached server ports that get a helper without a rule
     * @param compatLinux true where Linux's own helper is judged, which asks no settings
     */
    public static Policies of(
            Settings settings, RuleSet rules, Set<Integer> attached, boolean compatLinux) {
        if (compatLinux) {
            return new Policies(true, List.of(), false, false, List.of(), false, attached);
        }
        Policies all = null;
        for (Table table : rules.tables()) {
            for (NamedObject object : table.objects()) {
                if (object instanceof NamedObject.Helper(HelperObject helper, var at)) {
                    Policies own = of(settings.helper(helper.name()));
                    all = all == null ? own : all.or(own);
                }
            }
        }
        if (all == null || !attached.isEmpty()) {
            Policies usual = of(settings.helper());
            all = all == null ? usual : all.or(usual);
        }
        return new Policies(
                all.privilegedPorts,
                all.deniedPorts,
                all.sourcePort20,
                all.thirdParty,
                all.peers,
                all.anyPassiveAddress,
                attached);
    }

    private static Policies of(Settings.HelperPolicy helper) {
        return new Policies(
                helper.privilegedPorts() == Settings.PrivilegedPorts.ALLOW,
                helper.deniedPorts().stream().map(r -> Range.between(r.first(), r.last())).toList(),
                helper.activeSourcePort() == Settings.ActiveSourcePort.FTP_DATA,
                helper.thirdParty() == Settings.ThirdParty.ALLOW,
                helper.thirdPartyPeers(),
                helper.passiveAddress() == Settings.PassiveAddress.ALLOW,
                Set.of());
    }

    /** What either may; ports are denied only where both deny the same. */
    private Policies or(Policies other) {
        if (equals(other)) {
            return this;
        }
        List<IpAddress> both = new ArrayList<>(peers);
        both.addAll(other.peers);
        boolean anyPeer =
                (thirdParty && peers.isEmpty()) || (other.thirdParty && other.peers.isEmpty());
        return new Policies(
                privilegedPorts || other.privilegedPorts,
                deniedPorts.equals(other.deniedPorts) ? deniedPorts : List.of(),
                sourcePort20 && other.sourcePort20,
                thirdParty || other.thirdParty,
                anyPeer ? List.of() : both,
                anyPassiveAddress || other.anyPassiveAddress,
                Set.of());
    }
}
