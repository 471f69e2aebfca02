package io.pinhole.path;

import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.flow.TableMemory;
import java.util.List;
import java.util.Set;

/**
 * How a path is set up, besides its rules.
 *
 * @param observedPorts server ports on which a dialogue is read although no helper is attached
 * @param attachPorts server ports on which the helper is attached although no rule assigns it
 * @param localAddresses addresses of the host itself: packets to them meet input, packets from them
 *     output
 * @param interfaces where packets come in and leave by their addresses, for sources that do not say
 * @param compatLinux judge as Linux does, its FTP helper's faults included; docs/semantics.md lists
 *     the differences
 * @param seed secret of the tables' hashes; verdicts do not depend on it
 * @param memory gives the flow tables their memory once they are large
 */
public record PathOptions(
        Settings settings,
        Set<Integer> observedPorts,
        Set<Integer> attachPorts,
        List<IpAddress> localAddresses,
        InterfaceMap interfaces,
        boolean compatLinux,
        long seed,
        TableMemory memory) {
    /** With tables that move to larger memory when they grow. */
    public PathOptions(
            Settings settings,
            Set<Integer> observedPorts,
            Set<Integer> attachPorts,
            List<IpAddress> localAddresses,
            InterfaceMap interfaces,
            boolean compatLinux,
            long seed) {
        this(
                settings,
                observedPorts,
                attachPorts,
                localAddresses,
                interfaces,
                compatLinux,
                seed,
                TableMemory.PLAIN);
    }

    public PathOptions {
        observedPorts = Set.copyOf(observedPorts);
        attachPorts = Set.copyOf(attachPorts);
        localAddresses = List.copyOf(localAddresses);
    }

    /** The same with other settings. */
    public PathOptions withSettings(Settings other) {
        return new PathOptions(
                other,
                observedPorts,
                attachPorts,
                localAddresses,
                interfaces,
                compatLinux,
                seed,
                memory);
    }

    /** For one of so many shards: each gets its part of the limits that hold for all of them. */
    public PathOptions divided(int shards) {
        if (shards == 1) {
            return this;
        }
        Settings.Limits all = settings.limits();
        Settings.Limits part =
                new Settings.Limits(
                        Math.max(1, all.flows() / shards),
                        Math.max(1, all.controls() / shards),
                        Math.max(1, all.expectations() / shards),
                        all.expectationsPerParent(),
                        all.expectationsPerClient(),
                        all.reassemblyBytes(),
                        all.lineBytes(),
                        all.pipeline(),
                        Math.max(1, all.fragmentBytes() / shards),
                        Math.max(1, all.fragmentDatagrams() / shards));
        return withSettings(
                new Settings(
                        settings.timeouts(),
                        part,
                        settings.tcp(),
                        settings.helper(),
                        settings.helpers()));
    }
}
