package io.pinhole.rule.explain;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Field;
import io.pinhole.rule.PacketFacts;
import java.lang.foreign.MemorySegment;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * A packet as people describe it, and what connection tracking knows of it. Immutable.
 *
 * @param tcpFlags as in the header; 0 for other protocols
 * @param payload bytes behind the transport header
 * @param mark {@code meta mark} on arrival
 * @param input interface it comes in by; null if unknown
 * @param helper helper type of the flow's parent, such as "ftp"; null where nobody announced it
 */
public record PacketSpec(
        int protocol,
        IpAddress source,
        IpAddress destination,
        int sourcePort,
        int destinationPort,
        int tcpFlags,
        int icmpType,
        int icmpCode,
        int payload,
        int ttl,
        int mark,
        @Nullable String input,
        @Nullable String output,
        CtState state,
        @Nullable String helper,
        Direction direction,
        int ctMark) {

    /** Largest payload that fits any IP packet together with its headers. */
    static final int MAX_PAYLOAD = 65_000;

    private static final int MAX_FLAGS = 0xff;

    /** What connection tracking knows, in words: {@code ct state related, ct helper "ftp"}. */
    public String tracking() {
        return "ct state "
                + state.label()
                + (helper == null ? "" : ", ct helper \"" + helper + '"')
                + (direction == Direction.REPLY ? ", ct direction reply" : "")
                + (ctMark == 0 ? "" : ", ct mark 0x" + Integer.toHexString(ctMark));
    }

    /** The packet's description as read by {@link PacketText}, without what is usual. */
    public String text() {
        StringBuilder out = new StringBuilder(DataType.INET_PROTO.format(0, protocol));
        out.append(' ').append(endPoint(source, sourcePort));
        out.append(" > ").append(endPoint(destination, destinationPort));
        if (protocol == PacketView.TCP) {
            out.append(' ').append(flags(tcpFlags));
        } else if (isIcmp()) {
            DataType type = source.isV4() ? DataType.ICMP_TYPE : DataType.ICMPV6_TYPE;
            out.append(' ').append(type.format(0, icmpType));
            out.append(icmpCode == 0 ? "" : " code " + icmpCode);
        }
        out.append(payload == 0 ? "" : " len " + payload);
        out.append(ttl == 64 ? "" : " ttl " + ttl);
        out.append(mark == 0 ? "" : " mark 0x" + Integer.toHexString(mark));
        out.append(input == null ? "" : " in " + input);
        out.append(output == null ? "" : " out " + output);
        return out.toString();
    }

    /**
     * The options of {@code pinhole explain} that say what connection tracking knows, without those
     * that it takes for granted: {@code --state related}.
     */
    public String options() {
        StringJoiner out = new StringJoiner(" ");
        if (state != CtState.NEW) {
            out.add("--state " + state.label());
        }
        if (state == CtState.RELATED && helper == null) {
            out.add("--helper none");
        } else if (helper != null && !(state == CtState.RELATED && helper.equals("ftp"))) {
            out.add("--helper " + helper);
        }
        if (direction == Direction.REPLY) {
            out.add("--direction reply");
        }
        if (ctMark != 0) {
            out.add("--ct-mark 0x" + Integer.toHexString(ctMark));
        }
        return out.toString();
    }

    private String endPoint(IpAddress address, int port) {
        if (!hasPorts()) {
            return address.toString();
        }
        return address.isV4() ? address + ":" + port : "[" + address + "]:" + port;
    }

    static String flags(int bits) {
        String[] names = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
        StringJoiner out = new StringJoiner(",");
        out.setEmptyValue("none");
        for (int i = 0; i < names.length; i++) {
            if ((bits >> i & 1) != 0) {
                out.add(names[i]);
            }
        }
        return out.toString();
    }

    boolean hasPorts() {
        return switch (protocol) {
            case PacketView.TCP,
                    PacketView.UDP,
                    PacketView.SCTP,
                    PacketView.DCCP,
                    PacketView.UDPLITE ->
                    true;
            default -> false;
        };
    }

    boolean isIcmp() {
        return protocol == PacketView.ICMP || protocol == PacketView.ICMPV6;
    }

    // ---- to bytes ----

    private int transportHeader() {
        return protocol == PacketView.TCP ? 20 : protocol == PacketView.SCTP ? 12 : 8;
    }

    /** Length of the IP packet. */
    int length() {
        return (source.isV4() ? 20 : 40) + transportHeader() + payload;
    }

    /** The IP packet; transport checksums are left out, which no rule reads by default. */
    byte[] bytes() {
        int ip = source.isV4() ? 20 : 40;
        byte[] out = new byte[length()];
        int rest = out.length - ip;
        if (source.isV4()) {
            out[0] = 0x45;
            put16(out, 2, out.length);
            put16(out, 6, 0x4000); // DF
            out[8] = (byte) ttl;
            out[9] = (byte) protocol;
            put32(out, 12, (int) source.low());
            put32(out, 16, (int) destination.low());
            int sum = 0;
            for (int i = 0; i < 20; i += 2) {
                sum += (out[i] & 0xff) << 8 | out[i + 1] & 0xff;
            }
            put16(out, 10, ~((sum & 0xffff) + (sum >>> 16)));
        } else {
            out[0] = 0x60;
            put16(out, 4, rest);
            out[6] = (byte) protocol;
            out[7] = (byte) ttl;
            put64(out, 8, source.high());
            put64(out, 16, source.low());
            put64(out, 24, destination.high());
            put64(out, 32, destination.low());
        }
        if (hasPorts()) {
            put16(out, ip, sourcePort);
            put16(out, ip + 2, destinationPort);
        }
        switch (protocol) {
            case PacketView.TCP -> {
                put32(out, ip + 4, 1);
                put32(out, ip + 8, (tcpFlags & PacketView.ACK) == 0 ? 0 : 1);
                out[ip + 12] = 5 << 4;
                out[ip + 13] = (byte) tcpFlags;
                put16(out, ip + 14, 64_240);
            }
            case PacketView.UDP -> put16(out, ip + 4, rest);
            case PacketView.ICMP, PacketView.ICMPV6 -> {
                out[ip] = (byte) icmpType;
                out[ip + 1] = (byte) icmpCode;
            }
            default -> {}
        }
        return out;
    }

    private static void put16(byte[] to, int at, int value) {
        to[at] = (byte) (value >> 8);
        to[at + 1] = (byte) value;
    }

    private static void put32(byte[] to, int at, int value) {
        put16(to, at, value >>> 16);
        put16(to, at + 2, value);
    }

    private static void put64(byte[] to, int at, long value) {
        put32(to, at, (int) (value >>> 32));
        put32(to, at + 4, (int) value);
    }

    /** The packet before connection tracking: no flow is known. */
    PacketFacts facts() {
        PacketFacts facts = new PacketFacts();
        byte[] ip = bytes();
        LinkType link = source.isV4() ? LinkType.IPV4 : LinkType.IPV6;
        facts.packet.wrap(MemorySegment.ofArray(ip), 0, ip.length, ip.length, link);
        facts.inputInterface = input;
        facts.outputInterface = output;
        facts.mark = mark;
        return facts;
    }

    /** What connection tracking adds, as PacketPath does. */
    void track(PacketFacts facts) {
        facts.ctState = state;
        facts.hasFlow = state != CtState.INVALID && state != CtState.UNTRACKED;
        if (!facts.hasFlow) {
            return;
        }
        facts.ctDirection = direction;
        facts.ctMark = ctMark;
        facts.parentHelper = helper;
        facts.ctExpirationMillis = 120_000;
        int status = helper == null ? 0 : PacketFacts.STATUS_EXPECTED;
        if (state == CtState.ESTABLISHED) {
            status |=
                    PacketFacts.STATUS_CONFIRMED
                            | PacketFacts.STATUS_SEEN_REPLY
                            | PacketFacts.STATUS_ASSURED;
            facts.ctExpirationMillis = 432_000_000;
        }
        facts.ctStatus = status;
        boolean reply = direction == Direction.REPLY;
        IpAddress from = reply ? destination : source;
        IpAddress to = reply ? source : destination;
        facts.originalSourceHigh = from.high();
        facts.originalSourceLow = from.low();
        facts.originalDestinationHigh = to.high();
        facts.originalDestinationLow = to.low();
        facts.originalSourcePort = reply ? destinationPort : sourcePort;
        facts.originalDestinationPort = reply ? sourcePort : destinationPort;
    }

    /** The packet that rules see now, and what connection tracking said of it. */
    public static PacketSpec seen(PacketFacts facts) {
        PacketView p = facts.packet;
        boolean icmp = p.protocol() == PacketView.ICMP || p.protocol() == PacketView.ICMPV6;
        boolean whole = icmp && p.transportCaptured() >= 2;
        int header = p.protocol() == PacketView.TCP ? Math.max(20, p.tcpHeaderLength()) : 8;
        return new PacketSpec(
                p.protocol(),
                p.source(),
                p.destination(),
                p.sourcePort(),
                p.destinationPort(),
                p.tcpFlags(),
                whole ? p.icmpType() : 0,
                whole ? p.icmpCode() : 0,
                Math.clamp(p.transportLength() - header, 0, MAX_PAYLOAD),
                p.hopLimit(),
                facts.mark,
                facts.inputInterface,
                facts.outputInterface,
                facts.ctState,
                facts.hasFlow ? facts.parentHelper : null,
                facts.hasFlow ? facts.ctDirection : Direction.ORIGINAL,
                facts.hasFlow ? facts.ctMark : 0);
    }

    // ---- another packet ----

    /** The same packet with another value in a field; null where it cannot have it. */
    @Nullable PacketSpec with(Field field, long high, long low) {
        Edit e = new Edit(this);
        int n = (int) low;
        switch (field) {
            case IP_SADDR -> e.source = source.isV4() ? IpAddress.v4(n) : null;
            case IP_DADDR -> e.destination = source.isV4() ? IpAddress.v4(n) : null;
            case IP6_SADDR -> e.source = source.isV4() ? null : IpAddress.v6(high, low);
            case IP6_DADDR -> e.destination = source.isV4() ? null : IpAddress.v6(high, low);
            case TCP_SPORT, UDP_SPORT, TH_SPORT, SCTP_SPORT, DCCP_SPORT, UDPLITE_SPORT ->
                    e.sourcePort = n;
            case TCP_DPORT, UDP_DPORT, TH_DPORT, SCTP_DPORT, DCCP_DPORT, UDPLITE_DPORT ->
                    e.destinationPort = n;
            case TCP_FLAGS -> e.tcpFlags = n & MAX_FLAGS;
            case META_L4PROTO, IP_PROTOCOL, IP6_NEXTHDR -> {
                e.protocol = n;
                e.tcpFlags = n == PacketView.TCP ? PacketView.SYN : 0;
                // An IPv6 next header of an extension would be no transport protocol.
                if (n == 0 || n == 43 || n == 44 || n == 51 || n == 60) {
                    return null;
                }
            }
            case ICMP_TYPE, ICMPV6_TYPE -> e.icmpType = n;
            case ICMP_CODE, ICMPV6_CODE -> e.icmpCode = n;
            case META_LENGTH, IP_LENGTH -> {
                e.payload = payload + n - length();
                if (e.payload < 0 || e.payload > MAX_PAYLOAD) {
                    return null;
                }
            }
            case IP_TTL, IP6_HOPLIMIT -> e.ttl = n;
            case META_MARK -> e.mark = n;
            case CT_MARK -> e.ctMark = n;
            case META_IIFNAME, META_IIF -> e.input = name(high, low);
            case META_OIFNAME, META_OIF -> e.output = name(high, low);
            case CT_HELPER -> e.helper = name(high, low);
            case CT_DIRECTION -> e.direction = n == 0 ? Direction.ORIGINAL : Direction.REPLY;
            case CT_STATE -> {
                for (CtState s : CtState.values()) {
                    e.state = s.bit() == n ? s : e.state;
                }
            }
            default -> {
                return null;
            }
        }
        return e.done();
    }

    private static @Nullable String name(long high, long low) {
        String quoted = DataType.IFNAME.format(high, low);
        return quoted.length() == 2 ? null : quoted.substring(1, quoted.length() - 1);
    }

    /** The fields, to be changed. */
    private static final class Edit {
        private final PacketSpec of;
        int protocol;
        @Nullable IpAddress source;
        @Nullable IpAddress destination;
        int sourcePort;
        int destinationPort;
        int tcpFlags;
        int icmpType;
        int icmpCode;
        int payload;
        int ttl;
        int mark;
        @Nullable String input;
        @Nullable String output;
        CtState state;
        @Nullable String helper;
        Direction direction;
        int ctMark;

        Edit(PacketSpec of) {
            this.of = of;
            protocol = of.protocol;
            source = of.source;
            destination = of.destination;
            sourcePort = of.sourcePort;
            destinationPort = of.destinationPort;
            tcpFlags = of.tcpFlags;
            icmpType = of.icmpType;
            icmpCode = of.icmpCode;
            payload = of.payload;
            ttl = of.ttl;
            mark = of.mark;
            input = of.input;
            output = of.output;
            state = of.state;
            helper = of.helper;
            direction = of.direction;
            ctMark = of.ctMark;
        }

        @Nullable PacketSpec done() {
            if (source == null || destination == null) {
                return null;
            }
            PacketSpec out =
                    new PacketSpec(
                            protocol,
                            source,
                            destination,
                            sourcePort,
                            destinationPort,
                            tcpFlags,
                            icmpType,
                            icmpCode,
                            payload,
                            ttl,
                            mark,
                            input,
                            output,
                            state,
                            helper,
                            direction,
                            ctMark);
            return out.length() > 0xffff || of.length() == 0 ? null : out;
        }
    }
}
