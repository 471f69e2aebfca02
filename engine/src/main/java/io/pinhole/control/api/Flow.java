package io.pinhole.control.api;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * One tracked flow.
 *
 * @param key in its original direction
 * @param state TCP state as conntrack(8) prints it; empty for other protocols
 * @param role {@code control} for a connection that a helper reads, {@code data} for one that came
 *     through a pinhole, else {@code other}
 * @param secondsLeft until it expires
 * @param originalBytes IP bytes; of an offloaded flow only what was seen before and after
 */
public record Flow(
        FlowKey key,
        String state,
        String role,
        boolean assured,
        boolean seenReply,
        boolean offloaded,
        long secondsLeft,
        long originalPackets,
        long originalBytes,
        long replyPackets,
        long replyBytes,
        int mark) {
    /** {@code tcp,198.51.100.7,41022,203.0.113.10,21}: safe in a URL, the same while it lives. */
    public String id() {
        return id(key);
    }

    static String id(FlowKey key) {
        return "%s,%s,%d,%s,%d"
                .formatted(
                        key.protocolName(),
                        key.source(),
                        key.sourcePort(),
                        key.destination(),
                        key.destinationPort());
    }

    /** The key that an id stands for, or null if it is none. */
    public static @Nullable FlowKey parse(String id) {
        String[] parts = id.split(",", -1);
        if (parts.length != 5) {
            return null;
        }
        int protocol =
                switch (parts[0]) {
                    case "icmp" -> 1;
                    case "tcp" -> 6;
                    case "udp" -> 17;
                    case "dccp" -> 33;
                    case "gre" -> 47;
                    case "esp" -> 50;
                    case "ah" -> 51;
                    case "icmpv6" -> 58;
                    case "sctp" -> 132;
                    case "udplite" -> 136;
                    default -> number(parts[0], 255);
                };
        IpAddress source = IpAddress.parse(parts[1]);
        IpAddress destination = IpAddress.parse(parts[3]);
        int sourcePort = number(parts[2], 65_535);
        int destinationPort = number(parts[4], 65_535);
        if (protocol < 0
                || source == null
                || destination == null
                || source.version() != destination.version()
                || sourcePort < 0
                || destinationPort < 0) {
            return null;
        }
        return new FlowKey(protocol, source, sourcePort, destination, destinationPort);
    }

    private static int number(String text, int most) {
        if (text.isEmpty()
                || text.length() > 5
                || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return -1;
        }
        int value = Integer.parseInt(text);
        return value > most ? -1 : value;
    }
}
