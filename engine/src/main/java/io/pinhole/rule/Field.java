package io.pinhole.rule;

import static io.pinhole.rule.DataType.INTEGER_16;
import static io.pinhole.rule.DataType.INTEGER_20;
import static io.pinhole.rule.DataType.INTEGER_32;
import static io.pinhole.rule.DataType.INTEGER_4;
import static io.pinhole.rule.DataType.INTEGER_8;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a rule can read of a packet. Adding a header field is adding a row. */
public enum Field {
    // Header fields: header, first bit from its start, width as its type says.
    IP_VERSION(Header.IP, "version", INTEGER_4, 0),
    IP_HDRLENGTH(Header.IP, "hdrlength", INTEGER_4, 4),
    IP_DSCP(Header.IP, "dscp", DataType.DSCP, 8),
    IP_ECN(Header.IP, "ecn", DataType.ECN, 14),
    IP_LENGTH(Header.IP, "length", INTEGER_16, 16),
    IP_ID(Header.IP, "id", INTEGER_16, 32),
    IP_FRAG_OFF(Header.IP, "frag-off", INTEGER_16, 48),
    IP_TTL(Header.IP, "ttl", INTEGER_8, 64),
    IP_PROTOCOL(Header.IP, "protocol", DataType.INET_PROTO, 72),
    IP_CHECKSUM(Header.IP, "checksum", INTEGER_16, 80),
    IP_SADDR(Header.IP, "saddr", DataType.IPV4_ADDR, 96),
    IP_DADDR(Header.IP, "daddr", DataType.IPV4_ADDR, 128),

    IP6_VERSION(Header.IP6, "version", INTEGER_4, 0),
    IP6_DSCP(Header.IP6, "dscp", DataType.DSCP, 4),
    IP6_ECN(Header.IP6, "ecn", DataType.ECN, 10),
    IP6_FLOWLABEL(Header.IP6, "flowlabel", INTEGER_20, 12),
    IP6_LENGTH(Header.IP6, "length", INTEGER_16, 32),
    IP6_NEXTHDR(Header.IP6, "nexthdr", DataType.INET_PROTO, 48),
    IP6_HOPLIMIT(Header.IP6, "hoplimit", INTEGER_8, 56),
    IP6_SADDR(Header.IP6, "saddr", DataType.IPV6_ADDR, 64),
    IP6_DADDR(Header.IP6, "daddr", DataType.IPV6_ADDR, 192),

    TCP_SPORT(Header.TCP, "sport", DataType.INET_SERVICE, 0),
    TCP_DPORT(Header.TCP, "dport", DataType.INET_SERVICE, 16),
    TCP_SEQUENCE(Header.TCP, "sequence", INTEGER_32, 32),
    TCP_ACKSEQ(Header.TCP, "ackseq", INTEGER_32, 64),
    TCP_DOFF(Header.TCP, "doff", INTEGER_4, 96),
    TCP_RESERVED(Header.TCP, "reserved", INTEGER_4, 100),
    TCP_FLAGS(Header.TCP, "flags", DataType.TCP_FLAG, 104),
    TCP_WINDOW(Header.TCP, "window", INTEGER_16, 112),
    TCP_CHECKSUM(Header.TCP, "checksum", INTEGER_16, 128),
    TCP_URGPTR(Header.TCP, "urgptr", INTEGER_16, 144),

    UDP_SPORT(Header.UDP, "sport", DataType.INET_SERVICE, 0),
    UDP_DPORT(Header.UDP, "dport", DataType.INET_SERVICE, 16),
    UDP_LENGTH(Header.UDP, "length", INTEGER_16, 32),
    UDP_CHECKSUM(Header.UDP, "checksum", INTEGER_16, 48),

    UDPLITE_SPORT(Header.UDPLITE, "sport", DataType.INET_SERVICE, 0),
    UDPLITE_DPORT(Header.UDPLITE, "dport", DataType.INET_SERVICE, 16),
    SCTP_SPORT(Header.SCTP, "sport", DataType.INET_SERVICE, 0),
    SCTP_DPORT(Header.SCTP, "dport", DataType.INET_SERVICE, 16),
    DCCP_SPORT(Header.DCCP, "sport", DataType.INET_SERVICE, 0),
    DCCP_DPORT(Header.DCCP, "dport", DataType.INET_SERVICE, 16),
    TH_SPORT(Header.TH, "sport", DataType.INET_SERVICE, 0),
    TH_DPORT(Header.TH, "dport", DataType.INET_SERVICE, 16),

    ICMP_TYPE(Header.ICMP, "type", DataType.ICMP_TYPE, 0),
    ICMP_CODE(Header.ICMP, "code", DataType.ICMP_CODE, 8),
    ICMP_CHECKSUM(Header.ICMP, "checksum", INTEGER_16, 16),
    ICMP_ID(Header.ICMP, "id", INTEGER_16, 32, 8, 0),
    ICMP_SEQUENCE(Header.ICMP, "sequence", INTEGER_16, 48, 8, 0),
    ICMP_GATEWAY(Header.ICMP, "gateway", INTEGER_32, 32, 5),
    ICMP_MTU(Header.ICMP, "mtu", INTEGER_16, 48, 3),

    ICMPV6_TYPE(Header.ICMPV6, "type", DataType.ICMPV6_TYPE, 0),
    ICMPV6_CODE(Header.ICMPV6, "code", DataType.ICMPV6_CODE, 8),
    ICMPV6_CHECKSUM(Header.ICMPV6, "checksum", INTEGER_16, 16),
    ICMPV6_PARAM_PROBLEM(Header.ICMPV6, "param-problem", INTEGER_32, 32, 4),
    ICMPV6_MTU(Header.ICMPV6, "mtu", INTEGER_32, 32, 2),
    ICMPV6_ID(Header.ICMPV6, "id", INTEGER_16, 32, 128, 129),
    ICMPV6_SEQUENCE(Header.ICMPV6, "sequence", INTEGER_16, 48, 128, 129),
    ICMPV6_MAX_DELAY(Header.ICMPV6, "max-delay", INTEGER_16, 32, 130),

    META_IIF("meta iif", DataType.IFACE_INDEX),
    META_OIF("meta oif", DataType.IFACE_INDEX),
    META_IIFNAME("meta iifname", DataType.IFNAME),
    META_OIFNAME("meta oifname", DataType.IFNAME),
    META_L4PROTO("meta l4proto", DataType.INET_PROTO),
    META_NFPROTO("meta nfproto", DataType.NF_PROTO),
    META_PROTOCOL("meta protocol", DataType.ETHER_TYPE),
    META_LENGTH("meta length", INTEGER_32),
    META_MARK("meta mark", DataType.MARK),
    META_PKTTYPE("meta pkttype", DataType.PKT_TYPE),
    ETHER_SADDR("ether saddr", DataType.ETHER_ADDR),
    /** What kind of address it is to this host (enum rtn_type). */
    FIB_SADDR_TYPE("fib saddr type", DataType.FIB_TYPE),
    FIB_DADDR_TYPE("fib daddr type", DataType.FIB_TYPE),

    CT_STATE("ct state", DataType.CT_STATE),
    CT_STATUS("ct status", DataType.CT_STATUS),
    CT_DIRECTION("ct direction", DataType.CT_DIRECTION),
    CT_HELPER("ct helper", DataType.HELPER_NAME),
    CT_MARK("ct mark", DataType.MARK),
    CT_EXPIRATION("ct expiration", DataType.TIME),
    CT_ID("ct id", INTEGER_32),
    CT_ORIGINAL_IP_SADDR("ct original ip saddr", DataType.IPV4_ADDR),
    CT_ORIGINAL_IP_DADDR("ct original ip daddr", DataType.IPV4_ADDR),
    CT_ORIGINAL_IP6_SADDR("ct original ip6 saddr", DataType.IPV6_ADDR),
    CT_ORIGINAL_IP6_DADDR("ct original ip6 daddr", DataType.IPV6_ADDR),
    CT_ORIGINAL_PROTO_SRC("ct original proto-src", DataType.INET_SERVICE),
    CT_ORIGINAL_PROTO_DST("ct original proto-dst", DataType.INET_SERVICE),
    CT_REPLY_IP_SADDR("ct reply ip saddr", DataType.IPV4_ADDR),
    CT_REPLY_IP_DADDR("ct reply ip daddr", DataType.IPV4_ADDR),
    CT_REPLY_IP6_SADDR("ct reply ip6 saddr", DataType.IPV6_ADDR),
    CT_REPLY_IP6_DADDR("ct reply ip6 daddr", DataType.IPV6_ADDR),
    CT_REPLY_PROTO_SRC("ct reply proto-src", DataType.INET_SERVICE),
    CT_REPLY_PROTO_DST("ct reply proto-dst", DataType.INET_SERVICE);

    /** Headers and what must hold before their fields may be read. */
    public enum Header {
        IP(4, 0),
        IP6(6, 0),
        TCP(0, 6),
        UDP(0, 17),
        UDPLITE(0, 136),
        SCTP(0, 132),
        DCCP(0, 33),
        /** Any transport header: no protocol implied. */
        TH(0, 0),
        /** In an inet table nft asks for IPv4 first, in others not. */
        ICMP(4, 1),
        ICMPV6(6, 58);

        private final int ipVersion;
        private final int protocol;
        private final String label = name().toLowerCase(Locale.ROOT);

        Header(int ipVersion, int protocol) {
            this.ipVersion = ipVersion;
            this.protocol = protocol;
        }

        /** 4, 6, or 0 for either. */
        public int ipVersion() {
            return ipVersion;
        }

        /** IP protocol number, or 0. */
        public int protocol() {
            return protocol;
        }

        public boolean isNetwork() {
            return this == IP || this == IP6;
        }

        public String label() {
            return label;
        }
    }

    private static final Map<String, Field> BY_TEXT =
            Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(Field::text, f -> f));

    private final @Nullable Header header;
    private final String text;
    private final DataType type;
    private final int bitOffset;
    private final int[] onlyIcmpTypes;

    Field(Header header, String name, DataType type, int bitOffset, int... onlyIcmpTypes) {
        this.header = header;
        this.text = header.label() + " " + name;
        this.type = type;
        this.bitOffset = bitOffset;
        this.onlyIcmpTypes = onlyIcmpTypes;
    }

    Field(String text, DataType type) {
        header = null;
        this.text = text;
        this.type = type;
        bitOffset = 0;
        onlyIcmpTypes = new int[0];
    }

    /** The header it lies in; null for meta and ct keys. */
    public @Nullable Header header() {
        return header;
    }

    /** As nft writes it. */
    public String text() {
        return text;
    }

    public DataType type() {
        return type;
    }

    /** Bits from the start of its header. */
    public int bitOffset() {
        return bitOffset;
    }

    /** ICMP types that have this field; nft asks for one of them first. Empty for all. */
    public int[] onlyIcmpTypes() {
        return onlyIcmpTypes.clone();
    }

    public boolean isConntrack() {
        return compareTo(CT_STATE) >= 0;
    }

    public boolean isInterface() {
        return compareTo(META_IIF) >= 0 && compareTo(META_OIFNAME) <= 0;
    }

    /** The field that nft writes like this, or null. */
    public static @Nullable Field named(String text) {
        return BY_TEXT.get(text);
    }
}
