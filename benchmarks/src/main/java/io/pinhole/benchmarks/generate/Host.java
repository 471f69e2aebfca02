package io.pinhole.benchmarks.generate;

import io.pinhole.core.IpAddress;

/** One end of conversations: its address and what its system makes of headers. */
final class Host {
    private static final int FIRST_PORT = 32_768;
    private static final int LAST_PORT = 60_999;

    /** Initial TTL and TCP options of common systems. */
    enum System {
        LINUX(64, 64_240, 7, true),
        WINDOWS(128, 65_535, 8, false),
        OLD_LINUX(64, 29_200, 6, true),
        BSD(64, 65_535, 6, true),
        PRINTER(255, 16_384, -1, false);

        final int ttl;
        final int synWindow;

        /** -1: no window scale option. */
        final int scale;

        final boolean timestamps;

        System(int ttl, int synWindow, int scale, boolean timestamps) {
            this.ttl = ttl;
            this.synWindow = synWindow;
            this.scale = scale;
            this.timestamps = timestamps;
        }
    }

    final IpAddress address;
    final System system;

    /** As it arrives at the point of capture. */
    final int ttl;

    /** Of the router it is behind. */
    final long mac;

    final FtpServer ftpServer;
    private int port;
    private int identification;

    Host(IpAddress address, long mac, Dice dice) {
        this.address = address;
        this.mac = mac;
        system = dice.percent(60) ? System.LINUX : dice.oneOf(System.values());
        ttl = system.ttl - dice.below(20);
        ftpServer = dice.oneOf(FtpServer.values());
        port = dice.between(FIRST_PORT, LAST_PORT);
        identification = dice.below(65_536);
    }

    /** The next ephemeral port: each in turn, so that no 5-tuple comes back soon. */
    int nextPort() {
        port = port == LAST_PORT ? FIRST_PORT : port + 1;
        return port;
    }

    int nextIdentification() {
        return identification++ & 0xffff;
    }

    boolean isV4() {
        return address.isV4();
    }
}
