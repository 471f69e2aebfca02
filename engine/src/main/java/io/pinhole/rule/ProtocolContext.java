package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the matches of one rule already say about its packets' protocols, and the matches that nft
 * adds in front of others because of it: {@code tcp dport} needs {@code meta l4proto tcp}, {@code
 * ip saddr} in an inet table needs {@code meta nfproto ipv4}.
 */
public final class ProtocolContext {
    private static final int UNKNOWN = -1;
    private static final int SEVERAL = -2;
    private static final int CONTRADICTION = -3;

    private final Family family;
    private int network;
    private int transport = UNKNOWN;
    private boolean networkByFrame;

    public ProtocolContext(Family family) {
        this.family = family;
        network =
                switch (family) {
                    case IP -> 4;
                    case IP6 -> 6;
                    case INET -> UNKNOWN;
                };
    }

    /** True if the rule is only about this IP version. */
    public boolean isNetwork(int ipVersion) {
        return network == ipVersion;
    }

    /** True if the rule names its transport protocol. */
    public boolean knowsTransport() {
        return transport != UNKNOWN;
    }

    /**
     * Adds what must hold before {@code field} may be read.
     *
     * @return null, or why it can never hold
     */
    public @Nullable String require(Field field, List<Statement> out, SourcePos at) {
        Field.Header header = field.header();
        if (header == null) {
            return null;
        }
        if (header.isNetwork()) {
            return requireNetwork(header.ipVersion(), out, at);
        }
        // ICMP asks for its own IP version only where nothing is known of it.
        if (header.ipVersion() != 0 && network == UNKNOWN) {
            requireNetwork(header.ipVersion(), out, at);
        }
        if (header.protocol() != 0) {
            String conflict = requireTransport(header.protocol(), out, at);
            if (conflict != null) {
                return conflict;
            }
        }
        int[] types = field.onlyIcmpTypes();
        if (types.length > 0) {
            Field type = header == Field.Header.ICMP ? Field.ICMP_TYPE : Field.ICMPV6_TYPE;
            Expr load = new Expr.Load(type);
            if (types.length == 1) {
                out.add(new Statement.InRange(load, Range.of(types[0]), false, true, at));
            } else {
                List<Element> elements =
                        java.util.Arrays.stream(types)
                                .mapToObj(t -> new Element(List.of(Range.of(t)), null, at))
                                .toList();
                ElementSet set =
                        new ElementSet(
                                null,
                                List.of(type.type()),
                                ElementSet.Holds.NOTHING,
                                null,
                                elements,
                                at);
                out.add(new Statement.InSet(List.of(load), set, false, true, at));
            }
        }
        return null;
    }

    /** Adds {@code meta nfproto}, where nothing says so yet. */
    public @Nullable String requireNetwork(int ipVersion, List<Statement> out, SourcePos at) {
        if (network == ipVersion) {
            return null;
        }
        if (network != UNKNOWN && !networkByFrame) {
            return ipVersion == 4
                    ? "conflicting protocols: the "
                            + (family == Family.IP6 ? "table" : "rule")
                            + " is about IPv6, this reads IPv4"
                    : "conflicting protocols: the "
                            + (family == Family.IP ? "table" : "rule")
                            + " is about IPv4, this reads IPv6";
        }
        network = ipVersion;
        networkByFrame = false;
        out.add(
                new Statement.InRange(
                        new Expr.Load(Field.META_NFPROTO),
                        Range.of(ipVersion == 4 ? 2 : 10),
                        false,
                        true,
                        at));
        return null;
    }

    /** Adds {@code meta l4proto}, where nothing says so yet. */
    public @Nullable String requireTransport(int protocol, List<Statement> out, SourcePos at) {
        if (transport == protocol) {
            return null;
        }
        if (transport == SEVERAL) {
            return "conflicting protocols: the rule is about several, this reads "
                    + DataType.INET_PROTO.format(0, protocol)
                    + "; 'th' reads ports of any";
        }
        if (transport == CONTRADICTION) {
            return "conflicting protocols: the rule is about one and about another, this reads "
                    + DataType.INET_PROTO.format(0, protocol);
        }
        if (transport != UNKNOWN) {
            return "conflicting protocols: the rule is about "
                    + DataType.INET_PROTO.format(0, transport)
                    + ", this reads "
                    + DataType.INET_PROTO.format(0, protocol);
        }
        transport = protocol;
        out.add(
                new Statement.InRange(
                        new Expr.Load(Field.META_L4PROTO), Range.of(protocol), false, true, at));
        return null;
    }

    /** Learns from a match that someone wrote: only equality with one value says anything. */
    public void learn(Field field, Range value) {
        if (!value.isSingle()) {
            return;
        }
        int number = (int) value.lowLow();
        switch (field) {
            case META_NFPROTO -> learnNetwork(number == 2 ? 4 : number == 10 ? 6 : UNKNOWN);
            case META_PROTOCOL -> {
                // nft lets 'meta protocol ip ip6 saddr ::1' stand; it never matches.
                networkByFrame |= network == UNKNOWN;
                learnNetwork(number == 0x0800 ? 4 : number == 0x86dd ? 6 : UNKNOWN);
            }
            case META_L4PROTO, IP_PROTOCOL, IP6_NEXTHDR -> learnTransport(number);
            default -> {}
        }
    }

    /** The same for a set that someone wrote in place. */
    public void learn(Field field, ElementSet set) {
        boolean transports =
                field == Field.META_L4PROTO
                        || field == Field.IP_PROTOCOL
                        || field == Field.IP6_NEXTHDR;
        if (set.name() != null || !transports) {
            return;
        }
        if (set.elements().size() == 1) {
            learn(field, set.elements().getFirst().key().getFirst());
        } else {
            transport = SEVERAL;
        }
    }

    private void learnTransport(int number) {
        if (transport == UNKNOWN) {
            transport = number;
        } else if (transport != number && transport != SEVERAL) {
            transport = CONTRADICTION;
        }
    }

    private void learnNetwork(int version) {
        if (network == UNKNOWN) {
            network = version;
        }
    }
}
