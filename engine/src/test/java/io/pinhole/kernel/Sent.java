package io.pinhole.kernel;

/**
 * A packet of a case.
 *
 * @param id unique in its case, but shared by the fragments of a datagram: the IPv4 identification
 *     or IPv6 flow label, by which a packet is known again behind the gateway
 * @param ip the packet from its IP header on
 * @param text for people
 */
record Sent(int id, Side from, byte[] ip, String text) {
    @Override
    public String toString() {
        return "%3d %s %s".formatted(id, from == Side.LEFT ? ">" : "<", text);
    }
}
