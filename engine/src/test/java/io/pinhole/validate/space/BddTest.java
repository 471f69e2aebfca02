package io.pinhole.validate.space;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pinhole.Seeds;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Every operation against truth tables over eight bits. */
class BddTest {
    private static final int BITS = 8;
    private static final int ROWS = 1 << BITS;

    private record Both(int set, BitSet truth) {}

    private final Random random = new Random(Seeds.seed());
    private final Bdd bdd = new Bdd(1 << 20, new int[] {3, 0, 7, 1, 6, 2, 5, 4});

    @Test
    void operationsAgreeWithTruthTables() {
        List<Both> made = new ArrayList<>();
        for (int i = 0; i < BITS; i++) {
            made.add(new Both(bdd.bit(i), column(i)));
        }
        for (int i = 0; i < 3000; i++) {
            Both a = made.get(random.nextInt(made.size()));
            Both b = made.get(random.nextInt(made.size()));
            Both result = combine(a, b, random.nextInt(8));
            assertThat(truth(result.set)).as("step %d", i).isEqualTo(result.truth);
            made.add(result);
        }
        // One diagram for each function: equal truth, equal number.
        for (int i = 0; i < 2000; i++) {
            Both a = made.get(random.nextInt(made.size()));
            Both b = made.get(random.nextInt(made.size()));
            assertThat(a.set == b.set).isEqualTo(a.truth.equals(b.truth));
        }
    }

    @Test
    void countsAndWitnesses() {
        BitSet all = new BitSet();
        all.set(0, BITS);
        for (int i = 0; i < 300; i++) {
            int set = randomSet();
            BitSet truth = truth(set);
            assertThat(bdd.count(set, all)).isEqualTo(BigInteger.valueOf(truth.cardinality()));
            if (set != Bdd.FALSE) {
                assertThat(bdd.contains(set, bdd.one(set))).isTrue();
            }
        }
        assertThatThrownBy(() -> bdd.one(Bdd.FALSE)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aBudgetEndsWhatGrowsTooLarge() {
        Bdd small = new Bdd(1 << 15);
        assertThatThrownBy(
                        () -> {
                            // x0·x40 + x1·x41 + …: exponential in this order of the bits.
                            int set = Bdd.FALSE;
                            for (int i = 0; i < 40; i++) {
                                set = small.or(set, small.and(small.bit(i), small.bit(40 + i)));
                            }
                        })
                .isInstanceOf(Bdd.TooLarge.class);
    }

    private int randomSet() {
        int set = Bdd.FALSE;
        for (int i = 0; i < 6; i++) {
            int cube = Bdd.TRUE;
            for (int b = 0; b < BITS; b++) {
                switch (random.nextInt(3)) {
                    case 0 -> cube = bdd.and(cube, bdd.bit(b));
                    case 1 -> cube = bdd.minus(cube, bdd.bit(b));
                    default -> {}
                }
            }
            set = bdd.or(set, cube);
        }
        return set;
    }

    private Both combine(Both a, Both b, int operation) {
        BitSet t = (BitSet) a.truth.clone();
        return switch (operation) {
            case 0 -> {
                t.and(b.truth);
                yield new Both(bdd.and(a.set, b.set), t);
            }
            case 1 -> {
                t.or(b.truth);
                yield new Both(bdd.or(a.set, b.set), t);
            }
            case 2 -> {
                t.andNot(b.truth);
                yield new Both(bdd.minus(a.set, b.set), t);
            }
            case 3 -> {
                t.xor(b.truth);
                yield new Both(bdd.xor(a.set, b.set), t);
            }
            case 4 -> {
                t.flip(0, ROWS);
                yield new Both(bdd.not(a.set), t);
            }
            case 5 -> {
                int bit = random.nextInt(BITS);
                BitSet gone = new BitSet();
                gone.set(bit);
                BitSet exact = new BitSet();
                for (int r = 0; r < ROWS; r++) {
                    exact.set(r, t.get(r | 1 << bit) || t.get(r & ~(1 << bit)));
                }
                yield new Both(bdd.exists(a.set, gone), exact);
            }
            case 6 -> {
                int shift = 1 + random.nextInt(BITS - 1);
                int[] to = new int[BITS];
                for (int i = 0; i < BITS; i++) {
                    to[i] = (i + shift) % BITS;
                }
                BitSet moved = new BitSet();
                for (int r = 0; r < ROWS; r++) {
                    int row = 0;
                    for (int i = 0; i < BITS; i++) {
                        row |= (r >> i & 1) << to[i];
                    }
                    moved.set(row, t.get(r));
                }
                yield new Both(bdd.permute(a.set, to), moved);
            }
            default -> {
                BitSet out = new BitSet();
                Both c = new Both(bdd.bit(0), column(0));
                for (int r = 0; r < ROWS; r++) {
                    out.set(r, c.truth.get(r) ? a.truth.get(r) : b.truth.get(r));
                }
                yield new Both(bdd.ifThenElse(c.set, a.set, b.set), out);
            }
        };
    }

    private static BitSet column(int bit) {
        BitSet out = new BitSet();
        for (int r = 0; r < ROWS; r++) {
            out.set(r, (r >> bit & 1) != 0);
        }
        return out;
    }

    private BitSet truth(int set) {
        BitSet out = new BitSet();
        for (int r = 0; r < ROWS; r++) {
            out.set(r, bdd.contains(set, BitSet.valueOf(new long[] {r})));
        }
        return out;
    }
}
