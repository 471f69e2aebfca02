package io.pinhole.benchmarks.generate;

import io.pinhole.core.IpAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * The hosts of a capture: clients on one side of the gateway, servers on the other. Addresses are
 * those for benchmarks (RFC 2544, 198.18.0.0/15) and documentation (RFC 3849, 2001:db8::/32).
 */
final class Hosts {
    private static final long CLIENTS_ROUTER = 0x0200_0000_0101L;
    private static final long SERVERS_ROUTER = 0x0200_0000_0202L;

    private final Dice dice;
    private final List<Host> clients4 = new ArrayList<>();
    private final List<Host> clients6 = new ArrayList<>();
    private final List<Host> ftpServers4 = new ArrayList<>();
    private final List<Host> ftpServers6 = new ArrayList<>();
    private final List<Host> servers4 = new ArrayList<>();
    private final List<Host> servers6 = new ArrayList<>();
    private final List<Host> scanners = new ArrayList<>();
    private int nextClient;

    Hosts(Dice dice) {
        this.dice = dice;
        fill(clients4, clients6, 8192, 0xc612_0000, 0x2001_0db8_0001_0000L, CLIENTS_ROUTER);
        fill(scanners, new ArrayList<>(), 64, 0xc612_f000, 0x2001_0db8_000f_0000L, CLIENTS_ROUTER);
        fill(ftpServers4, ftpServers6, 256, 0xc613_0000, 0x2001_0db8_0002_0000L, SERVERS_ROUTER);
        fill(servers4, servers6, 2048, 0xc613_1000, 0x2001_0db8_0003_0000L, SERVERS_ROUTER);
    }

    private void fill(List<Host> v4, List<Host> v6, int count, int net4, long net6, long router) {
        for (int i = 1; i <= count; i++) {
            v4.add(new Host(IpAddress.v4(net4 + i), router, dice));
            if (i % 4 == 0) {
                v6.add(new Host(IpAddress.v6(net6 + (i & 0xff), i), router, dice));
            }
        }
    }

    /** Each client in turn: so that what it does overlaps as little as it does in reality. */
    Host client(boolean v4) {
        List<Host> clients = v4 ? clients4 : clients6;
        nextClient++;
        return clients.get(nextClient % clients.size());
    }

    Host ftpServer(boolean v4) {
        return dice.oneOf(v4 ? ftpServers4 : ftpServers6);
    }

    Host server(boolean v4) {
        return dice.oneOf(v4 ? servers4 : servers6);
    }

    Host scanner() {
        return dice.oneOf(scanners);
    }
}
