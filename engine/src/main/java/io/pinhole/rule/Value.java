package io.pinhole.rule;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The compiled form of {@link Expr}. {@link #present} decides, {@link #high} and {@link #low} may
 * be called only after it said yes. Nothing here allocates or throws.
 */
abstract class Value {
    abstract boolean present(PacketFacts facts);

    abstract long low(PacketFacts facts);

    long high(PacketFacts facts) {
        return 0;
    }

    /** Evaluates the parts of a key. */
    static boolean allPresent(Value[] parts, PacketFacts facts) {
        for (Value part : parts) {
            if (!part.present(facts)) {
                return false;
            }
        }
        return true;
    }

    /** A header field of at most 32 bits. */
    static final class HeaderBits extends Value {
        private static final ValueLayout.OfShort U16 =
                ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);
        private static final ValueLayout.OfInt U32 =
                ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);

        private final boolean network;
        private final int offset;
        private final int bytes;
        private final int shift;
        private final long mask;

        HeaderBits(boolean network, int bitOffset, int bits) {
            this.network = network;
            offset = bitOffset / 8;
            bytes = (bitOffset + bits - 1) / 8 - offset + 1;
            shift = bytes * 8 - bits - bitOffset % 8;
            mask = (1L << bits) - 1;
        }

        @Override
        boolean present(PacketFacts facts) {
            return hasHeader(facts.packet, network, offset + bytes);
        }

        @Override
        long low(PacketFacts facts) {
            PacketView packet = facts.packet;
            MemorySegment data = packet.data();
            long at = (network ? packet.networkStart() : packet.transportStart()) + offset;
            long value =
                    switch (bytes) {
                        case 1 -> packet.u8(at);
                        case 2 -> Short.toUnsignedLong(data.get(U16, at));
                        case 3 -> Short.toUnsignedLong(data.get(U16, at)) << 8 | packet.u8(at + 2);
                        default -> Integer.toUnsignedLong(data.get(U32, at));
                    };
            return value >>> shift & mask;
        }
    }

    /**
     * nft_payload_eval: the network header is there as far as it was captured; the transport header
     * also needs the packet not to be a later fragment.
     */
    static boolean hasHeader(PacketView packet, boolean network, int bytes) {
        if (packet.ipVersion() == 0) {
            return false;
        }
        return network
                ? packet.ipCaptured() >= bytes
                : packet.fragmentOffset() == 0 && packet.transportCaptured() >= bytes;
    }

    /** TTL or hop limit, as it is at the hook: a router has decremented it before forward. */
    static final class HopLimit extends Value {
        @Override
        boolean present(PacketFacts facts) {
            return facts.packet.ipVersion() != 0;
        }

        @Override
        long low(PacketFacts facts) {
            return (facts.packet.hopLimit() - facts.hopsTaken) & 0xffL;
        }
    }

    /** An IPv6 address of the network header. */
    static final class Ip6Address extends Value {
        private final boolean source;

        Ip6Address(boolean source) {
            this.source = source;
        }

        @Override
        boolean present(PacketFacts facts) {
            return facts.packet.ipVersion() == 6;
        }

        @Override
        long high(PacketFacts facts) {
            return source ? facts.packet.sourceHigh() : facts.packet.destinationHigh();
        }

        @Override
        long low(PacketFacts facts) {
            return source ? facts.packet.sourceLow() : facts.packet.destinationLow();
        }
    }

    /** A name given as text, as its bytes. */
    static final class Name extends Value {
        private final Field field;

        Name(Field field) {
            this.field = field;
        }

        private @Nullable String name(PacketFacts facts) {
            return switch (field) {
                case META_IIF, META_IIFNAME -> facts.inputInterface;
                // Before routing nobody knows where the packet will leave.
                case META_OIF, META_OIFNAME ->
                        facts.hook == Hook.PREROUTING || facts.hook == Hook.INPUT
                                ? null
                                : facts.outputInterface;
                default -> facts.parentHelper;
            };
        }

        /**
         * Where there is no interface the kernel loads an empty name (nft_meta_store_ifname), so
         * that {@code iifname != "eth0"} is true; a helper that is not there breaks the rule.
         */
        @Override
        boolean present(PacketFacts facts) {
            return field != Field.CT_HELPER || (facts.hasFlow && facts.parentHelper != null);
        }

        @Override
        long high(PacketFacts facts) {
            String name = name(facts);
            return name == null ? 0 : DataType.nameHigh(name);
        }

        @Override
        long low(PacketFacts facts) {
            String name = name(facts);
            return name == null ? 0 : DataType.nameLow(name);
        }
    }

    /** A meta or ct key that is a number. */
    static final class Key extends Value {
        private final Field field;

        Key(Field field) {
            this.field = field;
        }

        @Override
        boolean present(PacketFacts facts) {
            return switch (field) {
                case CT_ORIGINAL_IP_SADDR,
                        CT_ORIGINAL_IP_DADDR,
                        CT_REPLY_IP_SADDR,
                        CT_REPLY_IP_DADDR ->
                        facts.hasFlow && facts.packet.ipVersion() == 4;
                case ETHER_SADDR -> facts.packet.sourceMac() >= 0;
                // nft_ct_get_eval: of a packet without a flow only the state is known.
                default -> facts.hasFlow || field == Field.CT_STATE || !field.isConntrack();
            };
        }

        @Override
        long low(PacketFacts facts) {
            PacketView packet = facts.packet;
            return switch (field) {
                case META_L4PROTO -> packet.protocol();
                case META_NFPROTO -> packet.ipVersion() == 4 ? 2 : 10;
                case META_PROTOCOL -> packet.ipVersion() == 4 ? 0x0800 : 0x86dd;
                case META_LENGTH -> packet.ipLength();
                case META_MARK -> Integer.toUnsignedLong(facts.mark);
                case META_PKTTYPE -> packetType(packet);
                case ETHER_SADDR -> packet.sourceMac();
                case FIB_SADDR_TYPE -> addressType(facts, packet.sourceHigh(), packet.sourceLow());
                case FIB_DADDR_TYPE ->
                        addressType(facts, packet.destinationHigh(), packet.destinationLow());
                case CT_STATE -> stateBit(facts);
                case CT_STATUS -> Integer.toUnsignedLong(facts.ctStatus);
                case CT_DIRECTION -> facts.ctDirection == Direction.ORIGINAL ? 0 : 1;
                case CT_MARK -> Integer.toUnsignedLong(facts.ctMark);
                case CT_EXPIRATION -> facts.ctExpirationMillis & 0xffff_ffffL;
                case CT_ID -> Integer.toUnsignedLong(facts.ctId);
                case CT_ORIGINAL_IP_SADDR, CT_REPLY_IP_DADDR ->
                        facts.originalSourceLow & 0xffff_ffffL;
                case CT_ORIGINAL_IP_DADDR, CT_REPLY_IP_SADDR ->
                        facts.originalDestinationLow & 0xffff_ffffL;
                case CT_ORIGINAL_PROTO_SRC, CT_REPLY_PROTO_DST -> facts.originalSourcePort;
                default -> facts.originalDestinationPort;
            };
        }

        private static long stateBit(PacketFacts facts) {
            CtState state = facts.ctState;
            return state.bit();
        }

        /**
         * inet_addr_type: what needs no routing table, and the host's own addresses as far as they
         * are known. RTN_UNICAST 1, LOCAL 2, BROADCAST 3, MULTICAST 5.
         */
        private static long addressType(PacketFacts facts, long high, long low) {
            int version = facts.packet.ipVersion();
            for (int i = 0; i < facts.localAddresses.size(); i++) {
                IpAddress local = facts.localAddresses.get(i);
                if (local.low() == low && local.high() == high && local.version() == version) {
                    return 2;
                }
            }
            if (version == 6) {
                return high >>> 56 == 0xff ? 5 : high == 0 && low == 1 ? 2 : 1;
            }
            int address = (int) low;
            if (address == -1 || address >>> 24 == 0) {
                return 3;
            }
            return address >>> 28 == 0xe ? 5 : address >>> 24 == 127 ? 2 : 1;
        }

        /** skb->pkt_type as the link layer sets it; by the IP address where it has none. */
        private static long packetType(PacketView packet) {
            long mac = packet.destinationMac();
            if (mac >= 0) {
                return mac == 0xffff_ffff_ffffL ? 1 : (mac & 0x0100_0000_0000L) != 0 ? 2 : 0;
            }
            if (packet.ipVersion() == 6) {
                return packet.destinationHigh() >>> 56 == 0xff ? 2 : 0;
            }
            int address = (int) packet.destinationLow();
            return address == -1 ? 1 : address >>> 28 == 0xe ? 2 : 0;
        }
    }

    /** An IPv6 address of the flow. */
    static final class FlowAddress extends Value {
        private final boolean originalSource;

        FlowAddress(boolean originalSource) {
            this.originalSource = originalSource;
        }

        @Override
        boolean present(PacketFacts facts) {
            return facts.hasFlow && facts.packet.ipVersion() == 6;
        }

        @Override
        long high(PacketFacts facts) {
            return originalSource ? facts.originalSourceHigh : facts.originalDestinationHigh;
        }

        @Override
        long low(PacketFacts facts) {
            return originalSource ? facts.originalSourceLow : facts.originalDestinationLow;
        }
    }

    static final class Constant extends Value {
        private final long high;
        private final long low;

        Constant(long high, long low) {
            this.high = high;
            this.low = low;
        }

        @Override
        boolean present(PacketFacts facts) {
            return true;
        }

        @Override
        long high(PacketFacts facts) {
            return high;
        }

        @Override
        long low(PacketFacts facts) {
            return low;
        }
    }

    static final class Binary extends Value {
        private final Expr.Operator operator;
        private final Value left;
        private final Value right;
        private final long mask;

        Binary(Expr.Operator operator, Value left, Value right, long mask) {
            this.operator = operator;
            this.left = left;
            this.right = right;
            this.mask = mask;
        }

        @Override
        boolean present(PacketFacts facts) {
            return left.present(facts) && right.present(facts);
        }

        @Override
        long low(PacketFacts facts) {
            return operator.apply(left.low(facts), right.low(facts)) & mask;
        }
    }

    /** The 128-bit AND that {@code ip6 saddr & ffff:: } needs. */
    static final class WideAnd extends Value {
        private final Value left;
        private final long maskHigh;
        private final long maskLow;

        WideAnd(Value left, long maskHigh, long maskLow) {
            this.left = left;
            this.maskHigh = maskHigh;
            this.maskLow = maskLow;
        }

        @Override
        boolean present(PacketFacts facts) {
            return left.present(facts);
        }

        @Override
        long high(PacketFacts facts) {
            return left.high(facts) & maskHigh;
        }

        @Override
        long low(PacketFacts facts) {
            return left.low(facts) & maskLow;
        }
    }

    static final class Lookup extends Value {
        private final Value[] key;
        private final SetCode map;
        private final long[] highs;
        private final long[] lows;

        Lookup(Value[] key, SetCode map, long[] highs, long[] lows) {
            this.key = key;
            this.map = map;
            this.highs = highs;
            this.lows = lows;
        }

        @Override
        boolean present(PacketFacts facts) {
            return allPresent(key, facts) && map.find(key, facts) >= 0;
        }

        @Override
        long high(PacketFacts facts) {
            return highs[map.find(key, facts)];
        }

        @Override
        long low(PacketFacts facts) {
            return lows[map.find(key, facts)];
        }
    }
}
