package io.pinhole.validate.space;

import io.pinhole.rule.Range;

/** A number computed from a packet, one set for each bit: the packets in which it is 1. */
final class Bits {
    private final int present;
    private final int[] bits;

    Bits(int present, int[] bits) {
        this.present = present;
        this.bits = bits;
    }

    static Bits constant(int width, long high, long low) {
        int[] bits = new int[width];
        for (int i = 0; i < width; i++) {
            bits[i] = bitOf(high, low, width - 1 - i) ? Bdd.TRUE : Bdd.FALSE;
        }
        return new Bits(Bdd.TRUE, bits);
    }

    /** The packets that have it. */
    int present() {
        return present;
    }

    /** Most significant first; not to be changed. */
    int[] bits() {
        return bits;
    }

    int width() {
        return bits.length;
    }

    /** Bit {@code place} from the least significant. */
    private static boolean bitOf(long high, long low, int place) {
        return place < 64
                ? (low >>> place & 1) != 0
                : place < 128 && (high >>> place - 64 & 1) != 0;
    }

    /** The packets that have it, with a value in the range. */
    int in(Bdd bdd, Range range) {
        if (range.isEmpty()) {
            return Bdd.FALSE;
        }
        return bdd.and(
                present,
                bdd.and(
                        atLeast(bdd, range.lowHigh(), range.lowLow()),
                        atMost(bdd, range.highHigh(), range.highLow())));
    }

    private int atLeast(Bdd bdd, long high, long low) {
        if (exceeds(high, low)) {
            return Bdd.FALSE;
        }
        int set = Bdd.TRUE;
        for (int i = bits.length - 1; i >= 0; i--) {
            set =
                    bitOf(high, low, bits.length - 1 - i)
                            ? bdd.and(bits[i], set)
                            : bdd.or(bits[i], set);
        }
        return set;
    }

    private int atMost(Bdd bdd, long high, long low) {
        if (exceeds(high, low)) {
            return Bdd.TRUE;
        }
        int set = Bdd.TRUE;
        for (int i = bits.length - 1; i >= 0; i--) {
            int zero = bdd.not(bits[i]);
            set = bitOf(high, low, bits.length - 1 - i) ? bdd.or(zero, set) : bdd.and(zero, set);
        }
        return set;
    }

    /** True if the constant has bits beyond the width. */
    private boolean exceeds(long high, long low) {
        int width = bits.length;
        if (width >= 128) {
            return false;
        }
        return width >= 64
                ? width == 64 ? high != 0 : high >>> width - 64 != 0
                : high != 0 || low >>> width != 0;
    }

    /** The packets that have it, with any bit of the mask set. */
    int anyBit(Bdd bdd, long mask) {
        int set = Bdd.FALSE;
        for (int i = 0; i < bits.length; i++) {
            if (bitOf(0, mask, bits.length - 1 - i)) {
                set = bdd.or(set, bits[i]);
            }
        }
        return bdd.and(present, set);
    }

    /** This where the condition holds, else the other; the shorter one is padded with zeros. */
    static Bits choose(Bdd bdd, int condition, Bits yes, Bits no) {
        int width = Math.max(yes.width(), no.width());
        int[] out = new int[width];
        for (int i = 0; i < width; i++) {
            out[i] = bdd.ifThenElse(condition, yes.bit(i, width), no.bit(i, width));
        }
        return new Bits(bdd.ifThenElse(condition, yes.present, no.present), out);
    }

    /** Bit {@code i} from the most significant one of a number of that width. */
    int bit(int i, int width) {
        int at = i - (width - bits.length);
        return at < 0 || at >= bits.length ? Bdd.FALSE : bits[at];
    }
}
