package io.pinhole.validate.space;

import io.pinhole.core.Direction;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.DataType;
import io.pinhole.rule.PacketFacts;
import java.util.BitSet;

/** The bits that stand for one packet in a space. */
public final class Vectors {
    private Vectors() {}

    public static BitSet of(PacketSpace space, PacketFacts facts) {
        PacketView p = facts.packet;
        BitSet v = new BitSet();
        v.set(PacketSpace.IPV4.first(), p.isV4());
        put(v, PacketSpace.STATE, 0, facts.ctState.ordinal());
        v.set(PacketSpace.REPLY.first(), facts.hasFlow && facts.ctDirection == Direction.REPLY);
        v.set(PacketSpace.PARENT.first(), facts.hasFlow && facts.parentHelper != null);
        put(v, PacketSpace.PROTOCOL, 0, p.protocol());
        address(v, PacketSpace.SOURCE, p.isV4(), p.sourceHigh(), p.sourceLow());
        address(v, PacketSpace.DESTINATION, p.isV4(), p.destinationHigh(), p.destinationLow());
        put(v, PacketSpace.SOURCE_PORT, 0, u16(p, 0));
        put(v, PacketSpace.DESTINATION_PORT, 0, u16(p, 2));
        for (String name : space.extraNames()) {
            PacketSpace.Slice slice = java.util.Objects.requireNonNull(space.extraOrNull(name));
            switch (name) {
                case "length" -> put(v, slice, 0, p.ipLength());
                case "iif" -> name(v, slice, facts.inputInterface);
                case "oif" -> name(v, slice, facts.outputInterface);
                case "ct mark" -> put(v, slice, 0, facts.ctMark & 0xffff_ffffL);
                case "ct status" -> put(v, slice, 0, facts.ctStatus);
                case "ip ttl", "ip6 hoplimit" ->
                        put(v, slice, 0, p.u8(p.networkStart() + (p.isV4() ? 8 : 7)));
                case "ip6 nexthdr" -> put(v, slice, 0, p.isV4() ? 0 : p.u8(p.networkStart() + 6));
                case "ip6 extension" ->
                        v.set(
                                slice.first(),
                                !p.isV4() && p.u8(p.networkStart() + 6) != p.protocol());
                case "transport 104+8" -> put(v, slice, 0, p.u8(p.transportStart() + 13));
                default -> {
                    if (name.startsWith("quoted ")) { // read of ICMP errors only
                        quoted(v, slice, name, facts);
                    } else if (!name.startsWith("? ")) {
                        throw new IllegalStateException("no bits for " + name);
                    }
                }
            }
        }
        return v;
    }

    /** What the flow's first packet had. */
    private static void quoted(BitSet v, PacketSpace.Slice slice, String name, PacketFacts facts) {
        int first = Integer.parseInt(name.substring(7, name.indexOf('+')));
        boolean v4 = slice.width() == 32;
        if (first == PacketSpace.SOURCE.first()) {
            put(v, slice, v4 ? 0 : facts.originalSourceHigh, facts.originalSourceLow);
        } else if (first == PacketSpace.DESTINATION.first()) {
            put(v, slice, v4 ? 0 : facts.originalDestinationHigh, facts.originalDestinationLow);
        } else if (first == PacketSpace.SOURCE_PORT.first()) {
            put(v, slice, 0, facts.originalSourcePort);
        } else if (first == PacketSpace.DESTINATION_PORT.first()) {
            put(v, slice, 0, facts.originalDestinationPort);
        } else {
            throw new IllegalStateException("no bits for " + name);
        }
    }

    private static int u16(PacketView p, int at) {
        return p.transportCaptured() < at + 2
                ? 0
                : p.u8(p.transportStart() + at) << 8 | p.u8(p.transportStart() + at + 1);
    }

    private static void address(
            BitSet v, PacketSpace.Slice slice, boolean v4, long high, long low) {
        if (v4) {
            put(v, slice.head(32), 0, low & 0xffff_ffffL);
        } else {
            put(v, slice, high, low);
        }
    }

    private static void name(BitSet v, PacketSpace.Slice slice, String name) {
        if (name != null) {
            put(v, slice, DataType.nameHigh(name), DataType.nameLow(name));
        }
    }

    private static void put(BitSet v, PacketSpace.Slice slice, long high, long low) {
        for (int i = 0; i < slice.width(); i++) {
            int place = slice.width() - 1 - i;
            boolean bit = place < 64 ? (low >>> place & 1) != 0 : (high >>> place - 64 & 1) != 0;
            v.set(slice.first() + i, bit);
        }
    }
}
