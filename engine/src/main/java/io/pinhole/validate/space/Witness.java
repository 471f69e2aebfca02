package io.pinhole.validate.space;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Range;
import java.util.BitSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One packet of a set, with what connection tracking says of it, as an example a person can read.
 *
 * @param sourcePort for ICMP its type
 * @param destinationPort for ICMP its code
 * @param tcpFlags as in byte 13 of the TCP header
 * @param input interface, null where the rules read none
 * @param more what else a rule reads and is not zero, by the name of the field
 * @param read names of all fields beside the usual ones that any rule reads
 */
public record Witness(
        IpAddress source,
        IpAddress destination,
        int protocol,
        int sourcePort,
        int destinationPort,
        int tcpFlags,
        CtState state,
        boolean reply,
        boolean parent,
        int length,
        @Nullable String input,
        @Nullable String output,
        Map<String, Long> more,
        Set<String> read) {
    public Witness {
        more = new TreeMap<>(more);
        read = new TreeSet<>(read);
    }

    /** Whether another packet like this with other TCP flags may fare otherwise. */
    public boolean flagsMatter() {
        return read.contains(FLAGS);
    }

    public boolean hopLimitMatters() {
        return read.contains(source.isV4() ? "ip ttl" : "ip6 hoplimit");
    }

    private static final int SYN = 0x02;
    private static final int ACK = 0x10;

    /** The TCP flags' bits, where any rule reads them. */
    private static final String FLAGS = PacketSpace.TCP_FLAGS;

    /** The most ordinary packet of a set that is not empty. */
    public static Witness of(PacketSpace space, int set) {
        Bdd bdd = space.bdd();
        int some = set;
        for (int wish : wishes(space)) {
            int both = bdd.and(some, wish);
            some = both == Bdd.FALSE ? some : both;
        }
        return read(space, bdd.one(some));
    }

    private static int[] wishes(PacketSpace space) {
        Bdd bdd = space.bdd();
        int ipv4 = space.ipv4();
        PacketSpace.Slice source = PacketSpace.SOURCE;
        PacketSpace.Slice destination = PacketSpace.DESTINATION;
        PacketSpace.Slice flags = space.extraOrNull(FLAGS);
        int syn = flags == null ? Bdd.TRUE : space.is(flags, SYN);
        int ack = flags == null ? Bdd.TRUE : space.is(flags, ACK);
        int begins = bdd.or(space.state(CtState.NEW), space.state(CtState.RELATED));
        PacketSpace.Slice length = space.extraOrNull(PacketSpace.LENGTH);
        return new int[] {
            bdd.or(bdd.not(space.icmpError()), bdd.not(begins)),
            ipv4,
            space.state(CtState.NEW),
            begins,
            space.tcp(),
            space.protocol(PacketView.UDP),
            bdd.or(bdd.not(space.tcp()), bdd.ifThenElse(begins, syn, ack)),
            bdd.or(
                    space.address(source, IpAddress.v4(0xc6336407)),
                    space.address(source, IpAddress.v6(0x2001_0db8_0001_0000L, 7))),
            bdd.or(
                    space.address(destination, IpAddress.v4(0xcb00710a)),
                    space.address(destination, IpAddress.v6(0x2001_0db8_0002_0000L, 10))),
            space.is(new PacketSpace.Slice(source.first() + 24, 8), 7),
            space.is(new PacketSpace.Slice(destination.first() + 24, 8), 10),
            space.address(source, true, Range.between(0x0a000000L, 0xdfffffffL)),
            space.address(destination, true, Range.between(0x0a000000L, 0xdfffffffL)),
            space.is(PacketSpace.DESTINATION_PORT, 22),
            space.is(PacketSpace.DESTINATION_PORT, 3306),
            space.is(PacketSpace.DESTINATION_PORT, 50_000),
            space.in(PacketSpace.DESTINATION_PORT, Range.between(1, 65_535)),
            space.is(PacketSpace.SOURCE_PORT, 40_000),
            space.in(PacketSpace.SOURCE_PORT, Range.between(1024, 65_535)),
            length == null ? Bdd.TRUE : space.in(length, Range.between(60, 1500)),
        };
    }

    private static Witness read(PacketSpace space, BitSet v) {
        boolean v4 = v.get(PacketSpace.IPV4.first());
        int protocol = (int) number(v, PacketSpace.PROTOCOL);
        PacketSpace.Slice flags = space.extraOrNull(FLAGS);
        CtState state = CtState.values()[(int) number(v, PacketSpace.STATE)];
        boolean begins = state == CtState.NEW || state == CtState.RELATED;
        PacketSpace.Slice length = space.extraOrNull(PacketSpace.LENGTH);
        boolean icmp = protocol == PacketView.ICMP || protocol == PacketView.ICMPV6;
        return new Witness(
                address(v, PacketSpace.SOURCE, v4),
                address(v, PacketSpace.DESTINATION, v4),
                protocol,
                (int) number(v, icmp ? PacketSpace.ICMP_TYPE : PacketSpace.SOURCE_PORT),
                (int) number(v, icmp ? PacketSpace.ICMP_CODE : PacketSpace.DESTINATION_PORT),
                flags == null ? (begins ? SYN : ACK) : (int) number(v, flags),
                state,
                v.get(PacketSpace.REPLY.first()),
                v.get(PacketSpace.PARENT.first()),
                length == null ? 0 : (int) number(v, length),
                name(v, space.extraOrNull("iif")),
                name(v, space.extraOrNull("oif")),
                more(space, v),
                Set.copyOf(space.extraNames()));
    }

    private static Map<String, Long> more(PacketSpace space, BitSet v) {
        Map<String, Long> out = new TreeMap<>();
        for (String name : space.extraNames()) {
            PacketSpace.Slice slice = space.extraOrNull(name);
            if (slice != null
                    && slice.width() <= 32
                    && !name.startsWith("?")
                    && !name.equals(FLAGS)
                    && number(v, slice) != 0) {
                out.put(name, number(v, slice));
            }
        }
        return out;
    }

    private static long number(BitSet v, PacketSpace.Slice slice) {
        return number(v, slice.first(), slice.width());
    }

    private static long number(BitSet v, int first, int width) {
        long out = 0;
        for (int i = 0; i < width; i++) {
            out = out << 1 | (v.get(first + i) ? 1 : 0);
        }
        return out;
    }

    private static IpAddress address(BitSet v, PacketSpace.Slice slice, boolean v4) {
        return v4
                ? IpAddress.v4((int) number(v, slice.first(), 32))
                : IpAddress.v6(number(v, slice.first(), 64), number(v, slice.first() + 64, 64));
    }

    private static @Nullable String name(BitSet v, PacketSpace.@Nullable Slice slice) {
        if (slice == null) {
            return null;
        }
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < DataType.MAX_NAME; i++) {
            char c = (char) number(v, slice.first() + i * 8, 8);
            if (c == 0) {
                break;
            }
            out.append(c);
        }
        return out.isEmpty() ? null : out.toString();
    }

    /**
     * {@code tcp 198.51.100.7:40000 > 203.0.113.10:21 syn}, as {@code pinhole explain} reads it.
     */
    public String text() {
        String name = DataType.INET_PROTO.format(0, protocol);
        StringBuilder out = new StringBuilder();
        switch (protocol) {
            case PacketView.TCP, PacketView.UDP, PacketView.SCTP, PacketView.DCCP ->
                    out.append(name)
                            .append(' ')
                            .append(endPoint(source, sourcePort))
                            .append(" > ")
                            .append(endPoint(destination, destinationPort));
            case PacketView.ICMP, PacketView.ICMPV6 ->
                    out.append(protocol == PacketView.ICMP ? "icmp " : "icmpv6 ")
                            .append(source)
                            .append(" > ")
                            .append(destination)
                            .append(' ')
                            .append(icmpType());
            default ->
                    out.append(name).append(' ').append(source).append(" > ").append(destination);
        }
        if (protocol == PacketView.TCP) {
            out.append(flags());
        }
        if (input != null) {
            out.append(" in ").append(input);
        }
        if (output != null) {
            out.append(" out ").append(output);
        }
        return out.toString();
    }

    /** What connection tracking says: {@code established reply helper "ftp"}. */
    public String stateText() {
        return state.label()
                + (reply ? ", reply direction" : "")
                + (parent ? ", expected by ftp" : "")
                + more.entrySet().stream()
                        .map(e -> ", " + e.getKey() + " " + e.getValue())
                        .collect(Collectors.joining());
    }

    private String icmpType() {
        return (protocol == PacketView.ICMP ? DataType.ICMP_TYPE : DataType.ICMPV6_TYPE)
                .format(0, sourcePort);
    }

    private String flags() {
        String[] names = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < names.length; i++) {
            if ((tcpFlags & 1 << i) != 0) {
                out.append(out.isEmpty() ? " " : ",").append(names[i]);
            }
        }
        return out.toString();
    }

    private static String endPoint(IpAddress address, int port) {
        return address.isV4() ? address + ":" + port : "[" + address + "]:" + port;
    }
}
