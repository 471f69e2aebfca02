package io.pinhole.core;

/**
 * A 5-tuple seen in one direction, for events and tables that are not on the packet path.
 *
 * @param protocol IP protocol number
 * @param sourcePort 0..65535; 0 where the protocol has no ports
 * @param destinationPort 0..65535; 0 where the protocol has no ports
 */
public record FlowKey(
        int protocol,
        IpAddress source,
        int sourcePort,
        IpAddress destination,
        int destinationPort) {
    public static final int TCP = 6;

    public static FlowKey tcp(IpAddress source, int sourcePort, IpAddress destination, int dport) {
        return new FlowKey(TCP, source, sourcePort, destination, dport);
    }

    public FlowKey reversed() {
        return new FlowKey(protocol, destination, destinationPort, source, sourcePort);
    }

    /** {@code 198.51.100.7:41022 > 203.0.113.10:21}, IPv6 addresses in brackets. */
    @Override
    public String toString() {
        if (sourcePort == 0 && destinationPort == 0) {
            return source + " > " + destination; // a protocol without ports
        }
        return endpoint(source, sourcePort) + " > " + endpoint(destination, destinationPort);
    }

    /** {@code 203.0.113.10:21} or {@code [2001:db8::1]:21}. */
    public static String endpoint(IpAddress address, int port) {
        return address.isV4() ? address + ":" + port : "[" + address + "]:" + port;
    }

    /** The protocol as written in JSON: {@code tcp}, {@code udp}, … or its number. */
    public String protocolName() {
        return protocolName(protocol);
    }

    public static String protocolName(int protocol) {
        return switch (protocol) {
            case 1 -> "icmp";
            case 6 -> "tcp";
            case 17 -> "udp";
            case 33 -> "dccp";
            case 47 -> "gre";
            case 50 -> "esp";
            case 51 -> "ah";
            case 58 -> "icmpv6";
            case 132 -> "sctp";
            case 136 -> "udplite";
            default -> Integer.toString(protocol);
        };
    }
}
