package io.pinhole.validate.space;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Field;
import io.pinhole.rule.Range;
import io.pinhole.rule.RuleSet;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All packets that a rule set can be asked about, with what connection tracking says of each: which
 * bit of a decision diagram stands for what. Rule sets that are to be compared share one space.
 *
 * <p>The transport header's first 32 bits are the same variables for every protocol, as {@code th
 * sport} and {@code tcp sport} read the same bytes; IPv4 addresses are the first 32 bits of IPv6's.
 * What a rule rarely reads gets its bits when it is first read.
 */
public final class PacketSpace {
    /** A run of bits, the most significant first. */
    public record Slice(int first, int width) {
        public int end() {
            return first + width;
        }

        /** The first bits of it. */
        Slice head(int bits) {
            return new Slice(first, bits);
        }

        public BitSet bits() {
            BitSet out = new BitSet();
            out.set(first, end());
            return out;
        }
    }

    public static final Slice IPV4 = new Slice(0, 1);
    public static final Slice STATE = new Slice(1, 3);
    public static final Slice REPLY = new Slice(4, 1);

    /** The flow was expected by an FTP control connection. */
    public static final Slice PARENT = new Slice(5, 1);

    public static final Slice PROTOCOL = new Slice(6, 8);
    public static final Slice DESTINATION = new Slice(14, 128);
    public static final Slice SOURCE = new Slice(142, 128);
    public static final Slice DESTINATION_PORT = new Slice(270, 16);
    public static final Slice SOURCE_PORT = new Slice(286, 16);
    private static final int FIXED = 302;

    /** ICMP type and code lie where other protocols have their source port. */
    public static final Slice ICMP_TYPE = SOURCE_PORT.head(8);

    public static final Slice ICMP_CODE = new Slice(SOURCE_PORT.first() + 8, 8);

    /** The TCP flags' bits, where any rule reads them. */
    public static final String TCP_FLAGS = "transport 104+8";

    /** The bytes of the whole packet, where any rule reads them. */
    static final String LENGTH = "length";

    private final Bdd bdd;
    private final Map<String, Slice> extras = new LinkedHashMap<>();
    private int end = FIXED;
    private final int icmpError;
    private final int discovery;
    private final int wellFormed;

    public PacketSpace() {
        this(false, false);
    }

    private PacketSpace(boolean sourceFirst, boolean lengths) {
        int[] levels = new int[FIXED];
        for (int i = 0; i < FIXED; i++) {
            levels[i] = i;
            if (sourceFirst && i >= DESTINATION.first() && i < SOURCE.end()) {
                levels[i] = i < SOURCE.first() ? i + 128 : i - 128;
            }
        }
        bdd = new Bdd(Bdd.defaultBudget(), levels);
        icmpError = icmpErrors();
        discovery = discovery();
        int possible = possible();
        wellFormed = lengths ? bdd.and(possible, longEnough()) : possible;
    }

    /**
     * A space for these rule sets. What most rules ask for is asked first: a rule that says nothing
     * of the address asked first has to be told apart for each of the other rules' addresses.
     */
    public static PacketSpace of(RuleSet... rules) {
        int sources = 0;
        int destinations = 0;
        int lengths = 0;
        for (RuleSet set : rules) {
            sources += set.rulesReading(f -> f == Field.IP_SADDR || f == Field.IP6_SADDR);
            destinations += set.rulesReading(f -> f == Field.IP_DADDR || f == Field.IP6_DADDR);
            lengths += set.rulesReading(f -> f == Field.META_LENGTH || f == Field.IP_LENGTH);
        }
        return new PacketSpace(sources > destinations, lengths > 0);
    }

    public Bdd bdd() {
        return bdd;
    }

    // ---- sets by name ----

    public int ipv4() {
        return bdd.bit(IPV4.first());
    }

    public int ipv6() {
        return bdd.not(ipv4());
    }

    public int state(CtState state) {
        return is(STATE, state.ordinal());
    }

    public int reply() {
        return bdd.bit(REPLY.first());
    }

    public int original() {
        return bdd.not(reply());
    }

    public int parent() {
        return bdd.bit(PARENT.first());
    }

    public int protocol(int number) {
        return is(PROTOCOL, number);
    }

    public int tcp() {
        return protocol(PacketView.TCP);
    }

    /** The protocols whose packets have ports. */
    public int hasPorts() {
        return bdd.any(
                tcp(),
                protocol(PacketView.UDP),
                protocol(PacketView.UDPLITE),
                protocol(PacketView.SCTP),
                protocol(PacketView.DCCP));
    }

    /** ICMP errors that quote a packet, of either IP version. */
    public int icmpError() {
        return icmpError;
    }

    /** What can come from connection tracking at all; everything that is asked lies in it. */
    public int wellFormed() {
        return wellFormed;
    }

    /** Neighbour discovery and multicast listener messages: never tracked. */
    int discoveryMessages() {
        return discovery;
    }

    /** Packets whose slice has this value. */
    public int is(Slice slice, long value) {
        return in(slice, Range.of(value));
    }

    public int in(Slice slice, Range range) {
        return plain(slice).in(bdd, range);
    }

    /** Packets from (to) an address range of one IP version. */
    public int address(Slice side, boolean v4, Range range) {
        return v4 ? bdd.and(ipv4(), in(side.head(32), range)) : bdd.and(ipv6(), in(side, range));
    }

    /** Packets from (to) this address. */
    public int address(Slice side, IpAddress address) {
        return address.isV4()
                ? address(side, true, Range.of(address.v4Bits() & 0xffff_ffffL))
                : address(side, false, Range.of(address.high(), address.low()));
    }

    private int icmpErrors() {
        int v4 =
                bdd.any(
                        is(ICMP_TYPE, 3),
                        is(ICMP_TYPE, 4),
                        is(ICMP_TYPE, 5),
                        is(ICMP_TYPE, 11),
                        is(ICMP_TYPE, 12));
        int v6 = in(ICMP_TYPE, Range.between(0, 127));
        return bdd.or(
                bdd.and(bdd.and(ipv4(), protocol(PacketView.ICMP)), v4),
                bdd.and(bdd.and(ipv6(), protocol(PacketView.ICMPV6)), v6));
    }

    private int discovery() {
        int types = bdd.or(in(ICMP_TYPE, Range.between(130, 136)), is(ICMP_TYPE, 143));
        return bdd.and(bdd.and(ipv6(), protocol(PacketView.ICMPV6)), types);
    }

    private int possible() {
        int untracked = state(CtState.UNTRACKED);
        int invalid = state(CtState.INVALID);
        int related = state(CtState.RELATED);
        int established = state(CtState.ESTABLISHED);
        int set = in(STATE, Range.between(0, CtState.values().length - 1));
        int flow = bdd.minus(set, bdd.or(untracked, invalid));
        // A parent's helper expects TCP; a flow has it for life, and errors about it have it, too.
        int expected = bdd.and(tcp(), parent());
        set = implies(set, parent(), bdd.or(related, established));
        set = implies(set, parent(), bdd.or(tcp(), icmpError));
        set = implies(set, related, bdd.or(expected, icmpError));
        set = implies(set, reply(), bdd.or(established, bdd.and(related, icmpError)));
        set = implies(set, bdd.and(flow, icmpError), related);
        set = implies(set, bdd.and(flow, bdd.minus(icmp(), icmpError)), queries());
        set = implies(set, discovery, bdd.or(untracked, invalid));
        int stray =
                bdd.or(
                        bdd.and(ipv4(), protocol(PacketView.ICMPV6)),
                        bdd.and(ipv6(), protocol(PacketView.ICMP)));
        return implies(set, stray, bdd.or(untracked, invalid));
    }

    /** No packet is shorter than its headers; what is tracked has that of its transport, too. */
    private int longEnough() {
        int flow = bdd.not(bdd.or(state(CtState.UNTRACKED), state(CtState.INVALID)));
        int ipv6 = shorter(60, bdd.and(flow, tcp()), 48, bdd.and(flow, eightBytes()), 40);
        int ipv4 = shorter(40, bdd.and(flow, tcp()), 28, bdd.and(flow, eightBytes()), 20);
        return bdd.not(bdd.ifThenElse(ipv4(), ipv4, ipv6));
    }

    private int shorter(int tcp, int ofTcp, int other, int ofOther, int least) {
        return bdd.any(
                bdd.and(ofTcp, shorterThan(tcp)),
                bdd.and(ofOther, shorterThan(other)),
                shorterThan(least));
    }

    private int shorterThan(int bytes) {
        return in(extra(LENGTH, 16), Range.between(0, bytes - 1));
    }

    /** Of tracked transports, those whose header is eight bytes. */
    private int eightBytes() {
        int udp = bdd.or(protocol(PacketView.UDP), protocol(PacketView.UDPLITE));
        return bdd.or(udp, icmp());
    }

    /** ICMP of the IP version it is of. */
    private int icmp() {
        return bdd.or(
                bdd.and(ipv4(), protocol(PacketView.ICMP)),
                bdd.and(ipv6(), protocol(PacketView.ICMPV6)));
    }

    /** Of ICMP, only these are of flows: requests in the original direction, answers in reply. */
    private int queries() {
        int asks = Bdd.FALSE;
        int answers = Bdd.FALSE;
        for (int request : new int[] {8, 13, 15, 17}) {
            asks = bdd.or(asks, bdd.and(ipv4(), is(ICMP_TYPE, request)));
            answers =
                    bdd.or(answers, bdd.and(ipv4(), is(ICMP_TYPE, request == 8 ? 0 : request + 1)));
        }
        for (int request : new int[] {128, 139}) {
            asks = bdd.or(asks, bdd.and(ipv6(), is(ICMP_TYPE, request)));
            answers = bdd.or(answers, bdd.and(ipv6(), is(ICMP_TYPE, request + 1)));
        }
        return bdd.ifThenElse(reply(), answers, asks);
    }

    private int implies(int set, int condition, int then) {
        return bdd.minus(set, bdd.minus(condition, then));
    }

    // ---- fields ----

    Bits plain(Slice slice) {
        int[] bits = new int[slice.width()];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = bdd.bit(slice.first() + i);
        }
        return new Bits(Bdd.TRUE, bits);
    }

    /** The bits of something beside the fixed ones, by name; new ones come last in the order. */
    Slice extra(String name, int width) {
        return extras.computeIfAbsent(
                name,
                n -> {
                    Slice slice = new Slice(end, width);
                    end += width;
                    return slice;
                });
    }

    /** The extra bits of this name, or null if nothing has asked for them. */
    public @Nullable Slice extraOrNull(String name) {
        return extras.get(name);
    }

    /** One past the last bit. */
    public int end() {
        return end;
    }

    /** Bits beside the fixed ones, by name, in order. */
    public List<String> extraNames() {
        return new ArrayList<>(extras.keySet());
    }

    /** True with a value that nobody can foretell, a limit's answer for instance. */
    int unknown(String name) {
        return bdd.bit(extra("? " + name, 1).first());
    }

    /** A field of the packet as it arrives; conntrack keys as they are after tracking. */
    Bits field(Field field) {
        Field.Header header = field.header();
        if (header != null) {
            return headerField(field, header);
        }
        int v4 = ipv4();
        int flow = bdd.not(bdd.or(state(CtState.UNTRACKED), state(CtState.INVALID)));
        int flow4 = bdd.and(flow, v4);
        int flow6 = bdd.minus(flow, v4);
        return switch (field) {
            case META_L4PROTO -> plain(PROTOCOL);
            case META_NFPROTO ->
                    Bits.choose(bdd, v4, Bits.constant(8, 0, 2), Bits.constant(8, 0, 10));
            case META_PROTOCOL ->
                    Bits.choose(
                            bdd, v4, Bits.constant(16, 0, 0x0800), Bits.constant(16, 0, 0x86dd));
            case META_LENGTH -> plain(extra(LENGTH, 16));
            case META_IIF, META_IIFNAME -> plain(extra("iif", 128));
            case META_OIF, META_OIFNAME -> plain(extra("oif", 128));
            case CT_STATE -> stateBits();
            case CT_DIRECTION -> present(flow, new Bits(Bdd.TRUE, new int[] {reply()}));
            case CT_STATUS -> status(flow);
            case CT_HELPER ->
                    present(
                            bdd.and(flow, parent()),
                            Bits.constant(128, DataType.nameHigh("ftp"), DataType.nameLow("ftp")));
            case CT_ORIGINAL_IP_SADDR, CT_REPLY_IP_DADDR ->
                    present(flow4, ofFlow(SOURCE.head(32), DESTINATION.head(32)));
            case CT_ORIGINAL_IP_DADDR, CT_REPLY_IP_SADDR ->
                    present(flow4, ofFlow(DESTINATION.head(32), SOURCE.head(32)));
            case CT_ORIGINAL_IP6_SADDR, CT_REPLY_IP6_DADDR ->
                    present(flow6, ofFlow(SOURCE, DESTINATION));
            case CT_ORIGINAL_IP6_DADDR, CT_REPLY_IP6_SADDR ->
                    present(flow6, ofFlow(DESTINATION, SOURCE));
            case CT_ORIGINAL_PROTO_SRC, CT_REPLY_PROTO_DST ->
                    present(flow, ofFlow(SOURCE_PORT, DESTINATION_PORT));
            case CT_ORIGINAL_PROTO_DST, CT_REPLY_PROTO_SRC ->
                    present(flow, ofFlow(DESTINATION_PORT, SOURCE_PORT));
            default -> {
                Bits bits = plain(extra(field.text(), field.type().bits()));
                yield field.isConntrack() ? present(flow, bits) : bits;
            }
        };
    }

    private static Bits present(int where, Bits bits) {
        return new Bits(where, bits.bits());
    }

    /** What the flow's first packet had; an ICMP error's flow is that of the packet it quotes. */
    private Bits ofFlow(Slice original, Slice reply) {
        Bits ofPacket = Bits.choose(bdd, reply(), plain(reply), plain(original));
        Bits quoted =
                plain(
                        extra(
                                "quoted " + original.first() + "+" + original.width(),
                                original.width()));
        return Bits.choose(bdd, icmpError, quoted, ofPacket);
    }

    private Bits stateBits() {
        int[] bits = new int[32];
        for (CtState state : CtState.values()) {
            bits[31 - Integer.numberOfTrailingZeros(state.bit())] = state(state);
        }
        return new Bits(Bdd.TRUE, bits);
    }

    /** ct status: whether the flow was expected is known, the rest may be either. */
    private Bits status(int flow) {
        Bits bits = plain(extra("ct status", 32));
        int[] out = bits.bits().clone();
        out[31] = parent();
        return new Bits(flow, out);
    }

    private Bits headerField(Field field, Field.Header header) {
        int width = field.type().bits();
        int offset = field.bitOffset();
        if (!header.isNetwork()) {
            return plain(transport(offset, width));
        }
        int present = header.ipVersion() == 4 ? ipv4() : ipv6();
        Bits bits =
                switch (field) {
                    case IP_VERSION -> Bits.constant(width, 0, 4);
                    case IP6_VERSION -> Bits.constant(width, 0, 6);
                    case IP_PROTOCOL -> plain(PROTOCOL);
                    case IP_SADDR -> plain(SOURCE.head(32));
                    case IP_DADDR -> plain(DESTINATION.head(32));
                    case IP6_SADDR -> plain(SOURCE);
                    case IP6_DADDR -> plain(DESTINATION);
                    case IP_LENGTH -> plain(extra(LENGTH, 16));
                    // The protocol itself, unless there are extension headers.
                    case IP6_NEXTHDR ->
                            Bits.choose(
                                    bdd,
                                    bdd.bit(extra("ip6 extension", 1).first()),
                                    plain(extra("ip6 nexthdr", 8)),
                                    plain(PROTOCOL));
                    default -> plain(extra(field.text(), width));
                };
        return present(present, bits);
    }

    /** Bits of the transport header. */
    private Slice transport(int offset, int width) {
        if (offset + width <= 16) {
            return new Slice(SOURCE_PORT.first() + offset, width);
        }
        if (offset >= 16 && offset + width <= 32) {
            return new Slice(DESTINATION_PORT.first() + offset - 16, width);
        }
        // Fields beyond the ports do not overlap within one protocol; two protocols' may share.
        return extra("transport " + offset + "+" + width, width);
    }

    // ---- the other side ----

    /** The same packets with source and destination exchanged. */
    public int mirrored(int set) {
        int[] to = new int[FIXED];
        for (int i = 0; i < FIXED; i++) {
            to[i] = i;
        }
        for (int i = 0; i < 128; i++) {
            to[SOURCE.first() + i] = DESTINATION.first() + i;
            to[DESTINATION.first() + i] = SOURCE.first() + i;
        }
        for (int i = 0; i < 16; i++) {
            to[SOURCE_PORT.first() + i] = DESTINATION_PORT.first() + i;
            to[DESTINATION_PORT.first() + i] = SOURCE_PORT.first() + i;
        }
        return bdd.permute(set, to);
    }

    /**
     * All packets of the flows that packets like these begin, in the direction of these: what has
     * ports is told apart by them.
     */
    public int connections(int set) {
        int ports =
                bdd.any(
                        tcp(),
                        protocol(PacketView.UDP),
                        protocol(PacketView.UDPLITE),
                        protocol(PacketView.SCTP));
        return bdd.or(
                onlyBy(
                        bdd.and(set, ports),
                        IPV4,
                        PROTOCOL,
                        SOURCE,
                        DESTINATION,
                        SOURCE_PORT,
                        DESTINATION_PORT),
                onlyBy(bdd.minus(set, ports), IPV4, PROTOCOL, SOURCE, DESTINATION));
    }

    /** The packets that share these slices with one of the set. */
    public int onlyBy(int set, Slice... kept) {
        BitSet others = new BitSet();
        others.set(0, end);
        for (Slice slice : kept) {
            others.clear(slice.first(), slice.end());
        }
        return bdd.exists(set, others);
    }
}
