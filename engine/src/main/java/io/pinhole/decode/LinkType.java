package io.pinhole.decode;

import org.jspecify.annotations.Nullable;

/** Link-layer header types that can be read, with their numbers at tcpdump.org/linktypes.html. */
public enum LinkType {
    /** BSD loopback: 4-byte address family in the byte order of the capturing host. */
    NULL(0, 4),
    ETHERNET(1, 14),
    /** Raw IP; the version is read from its first nibble. */
    RAW(101, 0),
    /** OpenBSD loopback: 4-byte address family in network byte order. */
    LOOP(108, 4),
    /** Linux cooked v1 (tcpdump -i any). */
    LINUX_SLL(113, 16),
    IPV4(228, 0),
    IPV6(229, 0),
    /** Linux cooked v2. */
    LINUX_SLL2(276, 20);

    private final int number;
    private final int headerLength;

    LinkType(int number, int headerLength) {
        this.number = number;
        this.headerLength = headerLength;
    }

    /** The LINKTYPE_ value in files. */
    public int number() {
        return number;
    }

    /** Bytes before the network header, VLAN tags not counted. */
    public int headerLength() {
        return headerLength;
    }

    /**
     * The type for a LINKTYPE_ value; 12 and 14, which BSDs and old files use for raw IP, count as
     * {@code RAW}.
     */
    public static @Nullable LinkType of(int number) {
        return switch (number) {
            case 0 -> NULL;
            case 1 -> ETHERNET;
            case 12, 14, 101 -> RAW;
            case 108 -> LOOP;
            case 113 -> LINUX_SLL;
            case 228 -> IPV4;
            case 229 -> IPV6;
            case 276 -> LINUX_SLL2;
            default -> null;
        };
    }
}
