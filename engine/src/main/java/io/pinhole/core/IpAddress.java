package io.pinhole.core;

import org.jspecify.annotations.Nullable;

/**
 * One IPv4 or IPv6 address. An IPv4 address a.b.c.d is kept as the mapped form ::ffff:a.b.c.d, so
 * that both families travel as two longs; {@code version} keeps it apart from a real mapped
 * address.
 *
 * @param version 4 or 6
 * @param high upper 64 bits in network order; 0 for IPv4
 * @param low lower 64 bits in network order; 0x0000ffffaabbccdd for IPv4
 */
public record IpAddress(int version, long high, long low) {
    private static final long MAPPED = 0xffff_0000_0000L;

    public IpAddress {
        if (version != 4 && version != 6) {
            throw new IllegalArgumentException("IP version " + version);
        }
        if (version == 4 && (high != 0 || low >>> 32 != 0xffff)) {
            throw new IllegalArgumentException("not a mapped IPv4 address");
        }
    }

    /** The IPv4 address whose four octets are the big-endian {@code bits}. */
    public static IpAddress v4(int bits) {
        return new IpAddress(4, 0, mapped(bits));
    }

    /** The lower long of the mapped form of an IPv4 address. */
    public static long mapped(int bits) {
        return MAPPED | (bits & 0xffff_ffffL);
    }

    public static IpAddress v6(long high, long low) {
        return new IpAddress(6, high, low);
    }

    public boolean isV4() {
        return version == 4;
    }

    /** The four octets as one big-endian int; only for IPv4. */
    public int v4Bits() {
        return (int) low;
    }

    /**
     * An IPv6 address of the form ::ffff:a.b.c.d as the IPv4 address it stands for (RFC 4291
     * section 2.5.5.2), anything else unchanged.
     */
    public IpAddress unmapped() {
        return version == 6 && high == 0 && low >>> 32 == 0xffff ? new IpAddress(4, 0, low) : this;
    }

    /** 10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598), fc00::/7 (RFC 4193). */
    public boolean isPrivate() {
        if (version == 6) {
            return (high >>> 57) == 0x7e;
        }
        int a = (int) low;
        return a >>> 24 == 10
                || a >>> 20 == 0xac1
                || a >>> 16 == 0xc0a8
                || a >>> 22 == (100 << 2 | 1);
    }

    /** 0.0.0.0 or ::. */
    public boolean isUnspecified() {
        return version == 4 ? (int) low == 0 : high == 0 && low == 0;
    }

    /**
     * Reads an address as people write it: dotted quad, or IPv6 text with an optional embedded IPv4
     * tail. No names, no zone, no port.
     *
     * @return null if {@code text} is not an address
     */
    public static @Nullable IpAddress parse(CharSequence text) {
        return IpText.parse(text);
    }

    /** Canonical text: dotted quad, or RFC 5952. */
    @Override
    public String toString() {
        return IpText.format(this);
    }
}
