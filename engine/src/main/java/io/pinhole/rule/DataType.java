package io.pinhole.rule;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Types of values, as nft names them ({@code nft describe}). Every value is an unsigned number of
 * at most 128 bits; see {@link Range} for how addresses and names become one.
 */
public enum DataType {
    IPV4_ADDR("ipv4_addr", "IPv4 address", 32, Kind.ADDRESS, Map.of()),
    IPV6_ADDR("ipv6_addr", "IPv6 address", 128, Kind.ADDRESS, Map.of()),
    ETHER_ADDR("ether_addr", "Ethernet address", 48, Kind.ADDRESS, Map.of()),
    INET_PROTO("inet_proto", "internet protocol", 8, Kind.NUMBER, Symbols.PROTOCOLS),
    INET_SERVICE("inet_service", "port", 16, Kind.NUMBER, Services.PORTS),
    MARK("mark", "mark", 32, Kind.NUMBER, Map.of()),
    IFNAME("ifname", "interface name", 128, Kind.NAME, Map.of()),
    IFACE_INDEX("iface_index", "interface", 128, Kind.NAME, Map.of()),
    ICMP_TYPE("icmp_type", "ICMP type", 8, Kind.NUMBER, Symbols.ICMP_TYPES),
    ICMP_CODE("icmp_code", "ICMP code", 8, Kind.NUMBER, Symbols.ICMP_CODES),
    ICMPV6_TYPE("icmpv6_type", "ICMPv6 type", 8, Kind.NUMBER, Symbols.ICMPV6_TYPES),
    ICMPV6_CODE("icmpv6_code", "ICMPv6 code", 8, Kind.NUMBER, Symbols.ICMPV6_CODES),
    ICMPX_CODE("icmpx_code", "ICMPx code", 8, Kind.NUMBER, Symbols.ICMPX_CODES),
    TCP_FLAG("tcp_flag", "TCP flag", 8, Kind.FLAGS, Symbols.TCP_FLAGS),
    CT_STATE("ct_state", "conntrack state", 32, Kind.FLAGS, Symbols.CT_STATES),
    CT_STATUS("ct_status", "conntrack status", 32, Kind.FLAGS, Symbols.CT_STATUS),
    CT_DIRECTION("ct_dir", "conntrack direction", 8, Kind.NUMBER, Symbols.CT_DIRECTIONS),
    HELPER_NAME("string", "helper type", 128, Kind.NAME, Map.of()),
    NF_PROTO("nf_proto", "netfilter protocol", 8, Kind.NUMBER, Symbols.NF_PROTOCOLS),
    ETHER_TYPE("ether_type", "EtherType", 16, Kind.NUMBER, Symbols.ETHER_TYPES),
    PKT_TYPE("pkt_type", "packet type", 8, Kind.NUMBER, Symbols.PACKET_TYPES),
    FIB_TYPE("fib_addrtype", "address type", 32, Kind.NUMBER, Symbols.ADDRESS_TYPES),
    DSCP("dscp", "DSCP", 6, Kind.NUMBER, Symbols.DSCP),
    ECN("ecn", "ECN", 2, Kind.NUMBER, Symbols.ECN),
    /** Milliseconds; the kernel's ct expiration has 32 bits of them. */
    TIME("time", "time", 32, Kind.TIME, Map.of()),
    INTEGER_4("integer", "4-bit number", 4, Kind.NUMBER, Map.of()),
    INTEGER_8("integer", "8-bit number", 8, Kind.NUMBER, Map.of()),
    INTEGER_16("integer", "16-bit number", 16, Kind.NUMBER, Map.of()),
    INTEGER_20("integer", "20-bit number", 20, Kind.NUMBER, Map.of()),
    INTEGER_32("integer", "32-bit number", 32, Kind.NUMBER, Map.of());

    /** How values of a type are written. */
    public enum Kind {
        NUMBER,
        /** A number whose single bits have names. */
        FLAGS,
        ADDRESS,
        /** Up to 15 bytes of text. */
        NAME,
        TIME
    }

    /** Longest name, in bytes: IFNAMSIZ and NF_CT_HELPER_NAME_LEN, less the terminating zero. */
    public static final int MAX_NAME = 15;

    private final String label;
    private final String text;
    private final int bits;
    private final Kind kind;
    private final Map<String, Integer> symbols;

    DataType(String label, String text, int bits, Kind kind, Map<String, Integer> symbols) {
        this.label = label;
        this.text = text;
        this.bits = bits;
        this.kind = kind;
        this.symbols = symbols;
    }

    /** As written after {@code type} in a set declaration. */
    public String label() {
        return label;
    }

    /** For messages. */
    public String text() {
        return text;
    }

    public int bits() {
        return bits;
    }

    public Kind kind() {
        return kind;
    }

    /** Names of values. */
    public Map<String, Integer> symbols() {
        return symbols;
    }

    /** The type of this name in a set declaration, or null. */
    public static @Nullable DataType named(String label) {
        for (DataType type : values()) {
            if (type.label.equals(label) && !label.equals("integer") && !label.equals("string")) {
                return type;
            }
        }
        return null;
    }

    /** Largest value; the upper 64 bits are all ones for types wider than that. */
    public long maxLow() {
        return bits >= 64 ? -1 : (1L << bits) - 1;
    }

    public long maxHigh() {
        return bits > 64 ? -1 : 0;
    }

    /** The upper eight bytes of a name as a number. */
    public static long nameHigh(String name) {
        return nameBytes(name, 0);
    }

    /** The lower eight bytes of a name as a number. */
    public static long nameLow(String name) {
        return nameBytes(name, 8);
    }

    /** Characters past ISO 8859-1 cannot be in the name of an interface; they count as '?'. */
    private static long nameBytes(String name, int from) {
        long value = 0;
        for (int i = from; i < from + 8; i++) {
            int c = i < name.length() && i < MAX_NAME ? name.charAt(i) : 0;
            value = value << 8 | (c > 0xff ? '?' : c);
        }
        return value;
    }

    /** Text of one value as nft reads it. */
    public String format(long high, long low) {
        return switch (kind) {
            case ADDRESS ->
                    switch (this) {
                        case IPV4_ADDR -> IpAddress.v4((int) low).toString();
                        case IPV6_ADDR -> IpAddress.v6(high, low).toString();
                        default -> formatMac(low);
                    };
            case NAME -> '"' + formatName(high, low) + '"';
            case TIME -> low % 1000 == 0 ? low / 1000 + "s" : low + "ms";
            case FLAGS -> formatFlags(low);
            case NUMBER -> {
                String name = this == INET_SERVICE ? null : nameOf(low);
                yield name != null
                        ? name
                        : this == MARK ? String.format("0x%08x", low) : Long.toString(low);
            }
        };
    }

    private @Nullable String nameOf(long value) {
        String best = null;
        for (Map.Entry<String, Integer> symbol : symbols.entrySet()) {
            // Maps have no order; the shorter of two names, then the first in the alphabet.
            if (symbol.getValue() == value) {
                String name = symbol.getKey();
                if (best == null
                        || name.length() < best.length()
                        || (name.length() == best.length() && name.compareTo(best) < 0)) {
                    best = name;
                }
            }
        }
        return best;
    }

    private String formatFlags(long value) {
        StringBuilder out = new StringBuilder();
        long rest = value;
        for (int bit = 0; bit < bits; bit++) {
            long flag = 1L << bit;
            if ((rest & flag) != 0) {
                String name = nameOf(flag);
                if (name != null) {
                    out.append(out.isEmpty() ? "" : "|").append(name);
                    rest &= ~flag;
                }
            }
        }
        if (rest != 0 || out.isEmpty()) {
            out.append(out.isEmpty() ? "" : "|").append("0x").append(Long.toHexString(rest));
        }
        return out.toString();
    }

    private static String formatMac(long mac) {
        StringBuilder out = new StringBuilder(17);
        for (int shift = 40; shift >= 0; shift -= 8) {
            out.append(String.format(shift == 40 ? "%02x" : ":%02x", mac >>> shift & 0xff));
        }
        return out.toString();
    }

    private static String formatName(long high, long low) {
        byte[] bytes = new byte[16];
        int n = 0;
        while (n < 16) {
            byte b = (byte) ((n < 8 ? high : low) >>> 56 - 8 * (n & 7));
            if (b == 0) {
                break;
            }
            bytes[n++] = b;
        }
        return new String(bytes, 0, n, StandardCharsets.ISO_8859_1);
    }

    /** Name → value tables; facts of the protocols, spelled as nft spells them. */
    static final class Symbols {
        static final Map<String, Integer> PROTOCOLS =
                table(
                        """
                        ip 0, icmp 1, igmp 2, ipencap 4, tcp 6, egp 8, udp 17, dccp 33, ipv6 41, \
                        ipv6-route 43, ipv6-frag 44, gre 47, esp 50, ah 51, icmpv6 58, \
                        ipv6-icmp 58, ipv6-nonxt 59, ipv6-opts 60, ospf 89, ipip 94, pim 103, \
                        comp 108, ipcomp 108, vrrp 112, l2tp 115, sctp 132, mobility-header 135, \
                        udplite 136\
                        """);
        static final Map<String, Integer> ICMP_TYPES =
                table(
                        """
                        echo-reply 0, destination-unreachable 3, source-quench 4, redirect 5, \
                        echo-request 8, router-advertisement 9, router-solicitation 10, \
                        time-exceeded 11, parameter-problem 12, timestamp-request 13, \
                        timestamp-reply 14, info-request 15, info-reply 16, \
                        address-mask-request 17, address-mask-reply 18\
                        """);
        static final Map<String, Integer> ICMP_CODES =
                table(
                        """
                        net-unreachable 0, host-unreachable 1, prot-unreachable 2, \
                        port-unreachable 3, frag-needed 4, net-prohibited 9, \
                        host-prohibited 10, admin-prohibited 13\
                        """);
        static final Map<String, Integer> ICMPV6_TYPES =
                table(
                        """
                        destination-unreachable 1, packet-too-big 2, time-exceeded 3, \
                        parameter-problem 4, echo-request 128, echo-reply 129, \
                        mld-listener-query 130, mld-listener-report 131, mld-listener-done 132, \
                        mld-listener-reduction 132, nd-router-solicit 133, nd-router-advert 134, \
                        nd-neighbor-solicit 135, nd-neighbor-advert 136, nd-redirect 137, \
                        router-renumbering 138, ind-neighbor-solicit 141, \
                        ind-neighbor-advert 142, mld2-listener-report 143\
                        """);
        static final Map<String, Integer> ICMPV6_CODES =
                table(
                        """
                        no-route 0, admin-prohibited 1, addr-unreachable 3, port-unreachable 4, \
                        policy-fail 5, reject-route 6\
                        """);
        static final Map<String, Integer> ICMPX_CODES =
                table("no-route 0, port-unreachable 1, host-unreachable 2, admin-prohibited 3");
        static final Map<String, Integer> TCP_FLAGS =
                table("fin 1, syn 2, rst 4, psh 8, ack 16, urg 32, ecn 64, cwr 128");
        static final Map<String, Integer> CT_STATES = ctStates();
        static final Map<String, Integer> CT_STATUS =
                table(
                        """
                        expected 1, seen-reply 2, assured 4, confirmed 8, snat 16, dnat 32, \
                        dying 512\
                        """);
        static final Map<String, Integer> CT_DIRECTIONS = table("original 0, reply 1");
        static final Map<String, Integer> NF_PROTOCOLS = table("ipv4 2, ipv6 10");
        static final Map<String, Integer> ETHER_TYPES =
                table("ip 2048, arp 2054, 8021q 33024, vlan 33024, ip6 34525, 8021ad 34984");
        static final Map<String, Integer> PACKET_TYPES =
                table("host 0, unicast 0, broadcast 1, multicast 2, other 3");
        static final Map<String, Integer> ADDRESS_TYPES =
                table("unspec 0, unicast 1, local 2, broadcast 3, anycast 4, multicast 5");
        static final Map<String, Integer> DSCP =
                table(
                        """
                        cs0 0, cs1 8, cs2 16, cs3 24, cs4 32, cs5 40, cs6 48, cs7 56, df 0, \
                        be 0, lephb 1, af11 10, af12 12, af13 14, af21 18, af22 20, af23 22, \
                        af31 26, af32 28, af33 30, af41 34, af42 36, af43 38, va 44, ef 46\
                        """);
        static final Map<String, Integer> ECN = table("not-ect 0, ect1 1, ect0 2, ce 3");

        private Symbols() {}

        static Map<String, Integer> table(String rows) {
            java.util.HashMap<String, Integer> out = new java.util.HashMap<>();
            for (String row : rows.split(", ")) {
                int blank = row.indexOf(' ');
                out.put(row.substring(0, blank), Integer.valueOf(row.substring(blank + 1)));
            }
            return Map.copyOf(out);
        }

        private static Map<String, Integer> ctStates() {
            java.util.HashMap<String, Integer> out = new java.util.HashMap<>();
            for (CtState state : CtState.values()) {
                out.put(state.label(), state.bit());
            }
            return Map.copyOf(out);
        }
    }
}
