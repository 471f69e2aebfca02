package io.pinhole.path;

import io.pinhole.decode.PacketView;

/** Which packets are none of a firewall's business, and which hide others. */
final class Scope {
    private Scope() {}

    /**
     * Packets that never leave their link: link-local and link-scope multicast addresses (RFC 4291
     * section 2.5.6 and 2.7, RFC 3927, RFC 5771 section 4), limited broadcast, an unspecified
     * source.
     */
    static boolean isLinkScope(PacketView p) {
        if (p.isV4()) {
            int source = (int) p.sourceLow();
            int destination = (int) p.destinationLow();
            return destination == -1
                    || source == 0
                    || destination >>> 8 == 0xe00000
                    || source >>> 16 == 0xa9fe
                    || destination >>> 16 == 0xa9fe;
        }
        long source = p.sourceHigh();
        long destination = p.destinationHigh();
        return source >>> 54 == 0x3fa
                || destination >>> 54 == 0x3fa
                || (source == 0 && p.sourceLow() == 0)
                || (destination >>> 56 == 0xff && (destination >>> 48 & 0xf) <= 2);
    }

    /** MPLS, PPPoE sessions and provider backbone bridges: IP may be in there. */
    static boolean isTunnelFrame(int etherType) {
        return switch (etherType) {
            case 0x8847, 0x8848, 0x8864, 0x88e7 -> true;
            default -> false;
        };
    }

    /**
     * IP in IP, IPv6 in IP, GRE, EtherIP, IPIP, L2TP; VXLAN (RFC 7348), Geneve (RFC 8926), GTP-U.
     */
    static boolean isTunnel(PacketView p) {
        return switch (p.protocol()) {
            case 4, 41, PacketView.GRE, 94, 97, 115 -> true;
            case PacketView.UDP ->
                    switch (p.destinationPort()) {
                        case 4789, 6081, 2152 -> true;
                        default -> false;
                    };
            default -> false;
        };
    }
}
