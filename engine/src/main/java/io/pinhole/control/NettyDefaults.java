package io.pinhole.control;

/** What Netty is told before any of its classes are loaded. */
final class NettyDefaults {
    private static final String MACHINE = "io.netty.machineId";

    private NettyDefaults() {}

    /**
     * Netty names its channels after a hardware address, for which it asks all interfaces, and
     * warns where there is none. Nobody sees the names of ours.
     */
    static void set() {
        if (System.getProperty(MACHINE) == null) {
            System.setProperty(MACHINE, "02:00:00:00:00:00");
        }
    }
}
