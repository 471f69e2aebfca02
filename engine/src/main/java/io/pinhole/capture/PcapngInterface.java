package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import org.jspecify.annotations.Nullable;

/** One interface of a pcapng section: what its packets' fields mean. Immutable. */
final class PcapngInterface {
    /** if_tsresol where the option is missing: microseconds. */
    static final int DEFAULT_RESOLUTION = 6;

    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final int POWER_OF_TWO = 0x80;
    private static final double DECIMAL_DIGITS_PER_BIT = 0.30103;

    final int linkNumber;
    final LinkType linkType;
    final boolean unsupportedLink;
    final @Nullable String name;

    /** Of a gateway's recording: where its packets leave. */
    final @Nullable String outputName;

    final int snapLength;
    final int maxCaptured;
    final int timeDigits;

    private final int resolution;
    private final long offsetSeconds;

    /**
     * @param snapLength as in the file, 0 for none, unsigned
     * @param resolution if_tsresol, 0 to 255: a negative power of 10, or of 2 if bit 7 is set
     * @param offsetSeconds if_tsoffset, signed
     */
    PcapngInterface(
            int linkNumber,
            @Nullable String name,
            @Nullable String outputName,
            int snapLength,
            int resolution,
            long offsetSeconds) {
        this.linkNumber = linkNumber;
        LinkType known = LinkType.of(linkNumber);
        linkType = known == null ? LinkType.RAW : known;
        unsupportedLink = known == null;
        this.name = name;
        this.outputName = outputName;
        this.snapLength = snapLength;
        maxCaptured = FormatReader.maxCaptured(snapLength);
        this.resolution = resolution;
        this.offsetSeconds = offsetSeconds;
        int exponent = resolution & ~POWER_OF_TWO;
        timeDigits =
                Math.min(
                        9,
                        resolution < POWER_OF_TWO
                                ? exponent
                                : (int) Math.ceil(exponent * DECIMAL_DIGITS_PER_BIT));
    }

    /**
     * Converts a time stamp.
     *
     * @param units unsigned, of this interface's resolution
     * @return nanoseconds since 1970, rounded down; what does not fit (years before 1677 or after
     *     2262) becomes the nearest that does
     */
    long nanos(long units) {
        long nanos =
                resolution < POWER_OF_TWO
                        ? decimal(units, resolution)
                        : binary(units, resolution - POWER_OF_TWO);
        return offsetSeconds == 0 ? nanos : add(nanos, times(offsetSeconds, NANOS_PER_SECOND));
    }

    private static long decimal(long units, int digits) {
        if (digits <= 9) {
            return units < 0 ? Long.MAX_VALUE : times(units, powerOfTen(9 - digits));
        }
        // 10^19 is the last power that 64 bits hold, and every time stamp is below two of it.
        int surplus = digits - 9;
        return surplus > 19 ? 0 : Long.divideUnsigned(units, powerOfTen(surplus));
    }

    private static long binary(long units, int bits) {
        long seconds = bits < 64 ? units >>> bits : 0;
        long fraction = bits < 64 ? units & ((1L << bits) - 1) : units;
        long high = Math.unsignedMultiplyHigh(fraction, NANOS_PER_SECOND);
        long low = fraction * NANOS_PER_SECOND;
        long nanos;
        if (bits == 0) {
            nanos = 0;
        } else if (bits < 64) {
            nanos = high << 64 - bits | low >>> bits;
        } else {
            nanos = high >>> bits - 64;
        }
        return seconds < 0 ? Long.MAX_VALUE : add(times(seconds, NANOS_PER_SECOND), nanos);
    }

    private static long powerOfTen(int exponent) {
        long power = 1;
        for (int i = 0; i < exponent; i++) {
            power *= 10;
        }
        return power;
    }

    private static long times(long value, long positive) {
        long product = value * positive;
        if (Math.multiplyHigh(value, positive) == product >> 63) {
            return product;
        }
        return value < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
    }

    private static long add(long a, long b) {
        long sum = a + b;
        if (((a ^ sum) & (b ^ sum)) >= 0) {
            return sum;
        }
        return a < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
}
