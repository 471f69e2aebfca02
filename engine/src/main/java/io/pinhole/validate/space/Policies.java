package io.pinhole.validate.space;

import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.rule.Range;
import java.util.List;

/**
 * What the FTP helper may open, from the settings.
 *
 * @param privilegedPorts true if ports below 1024 may be announced
 * @param deniedPorts ports that may not
 * @param sourcePort20 true if active data connections must come from port 20
 * @param thirdParty true if a PORT may name another host than the client
 * @param peers with {@code thirdParty}, the only hosts; empty for any
 * @param anyPassiveAddress true if a 227 may name another host than the server
 */
public record Policies(
        boolean privilegedPorts,
        List<Range> deniedPorts,
        boolean sourcePort20,
        boolean thirdParty,
        List<IpAddress> peers,
        boolean anyPassiveAddress) {
    public static final Policies DEFAULT =
            new Policies(false, List.of(), false, false, List.of(), false);

    /** What the settings let the helper open. */
    public static Policies of(Settings.HelperPolicy helper) {
        return new Policies(
                helper.privilegedPorts() == Settings.PrivilegedPorts.ALLOW,
                helper.deniedPorts().stream().map(r -> Range.between(r.first(), r.last())).toList(),
                helper.activeSourcePort() == Settings.ActiveSourcePort.FTP_DATA,
                helper.thirdParty() == Settings.ThirdParty.ALLOW,
                helper.thirdPartyPeers(),
                helper.passiveAddress() == Settings.PassiveAddress.ALLOW);
    }

    public Policies {
        deniedPorts = List.copyOf(deniedPorts);
        peers = List.copyOf(peers);
    }
}
