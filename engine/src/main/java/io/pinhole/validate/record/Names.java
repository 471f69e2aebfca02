package io.pinhole.validate.record;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Names for the hosts of a capture: client and server after who speaks FTP with whom. */
final class Names {
    private final Map<IpAddress, String> names = new LinkedHashMap<>();

    Names(List<Heard> packets, Set<Integer> ftpPorts) {
        List<IpAddress> clients = new ArrayList<>();
        List<IpAddress> servers = new ArrayList<>();
        List<IpAddress> all = new ArrayList<>();
        for (Heard heard : packets) {
            Heard.Segment s = heard.segment;
            if (s == null) {
                continue;
            }
            FlowKey flow = s.flow();
            boolean toServer = ftpPorts.contains(flow.destinationPort());
            if (toServer && s.has(2) && !s.has(16)) {
                add(clients, flow.source());
                add(servers, flow.destination());
            }
            add(all, flow.source());
            add(all, flow.destination());
        }
        servers.removeAll(clients);
        name("client", clients);
        name("server", servers);
        all.removeAll(clients);
        all.removeAll(servers);
        name("other", all);
    }

    private static void add(List<IpAddress> to, IpAddress address) {
        if (!to.contains(address)) {
            to.add(address);
        }
    }

    private void name(String kind, List<IpAddress> addresses) {
        int n = 0;
        for (IpAddress address : addresses) {
            n++;
            names.put(address, n == 1 ? kind : kind + n);
        }
    }

    /** {@code client:41022}. */
    String endpoint(IpAddress address, int port) {
        String name = names.get(address);
        return name == null ? FlowKey.endpoint(address, port) : name + ":" + port;
    }

    String host(IpAddress address) {
        String name = names.get(address);
        return name == null ? address.toString() : name;
    }

    /** {@code host client 198.51.100.7} lines. */
    String lines() {
        int width = names.values().stream().mapToInt(String::length).max().orElse(0);
        StringBuilder out = new StringBuilder();
        names.forEach(
                (address, name) ->
                        out.append("host    ")
                                .append(name)
                                .repeat(' ', width - name.length() + 1)
                                .append(address)
                                .append('\n'));
        return out.toString();
    }
}
