package io.pinhole.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Anomaly;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** {@link StreamReassembler} against one array that keeps the first byte seen for each number. */
class StreamReassemblerFuzzTest {
    private static final int HOLE = -2;
    private static final int CUT = -1;

    /** Stream as the slow one sees it: a byte, CUT or HOLE for each sequence number. */
    private final int[] first = new int[40_000];

    private final long[] bringer = new long[first.length];
    private int expected;
    private int highest;
    private int acknowledged;

    /** What the fast one said, in the same form. */
    private final int[] read = new int[first.length];

    private final long[] readBringer = new long[first.length];
    private int readLength;
    private int overlaps;

    private final StreamReassembler.Sink sink =
            new StreamReassembler.Sink() {
                @Override
                public void data(MemorySegment data, long offset, int length, long position) {
                    for (int i = 0; i < length; i++) {
                        readBringer[readLength] = position;
                        read[readLength++] = data.get(ValueLayout.JAVA_BYTE, offset + i) & 0xff;
                    }
                }

                @Override
                public void gap(Anomaly why, int length, long position) {
                    assertThat(why).isIn(Anomaly.STREAM_GAP, Anomaly.SNAP_LENGTH);
                    for (int i = 0; i < length; i++) {
                        readBringer[readLength] = position;
                        read[readLength++] = why == Anomaly.SNAP_LENGTH ? CUT : HOLE;
                    }
                }

                @Override
                public void anomaly(Anomaly kind, long position) {
                    assertThat(kind).isIn(Anomaly.OVERLAP, Anomaly.OUT_OF_WINDOW);
                    overlaps += kind == Anomaly.OVERLAP ? 1 : 0;
                }
            };

    /** True if the segment contradicts what is known and may still be replaced. */
    private boolean slowly(int from, byte[] data, int wire, long position, int forgotten) {
        boolean differs = false;
        for (int i = 0; i < wire; i++) {
            int at = from + i;
            int value = i < data.length ? data[i] & 0xff : CUT;
            if (at < 0) {
                continue;
            }
            if (first[at] == HOLE && at >= expected) {
                first[at] = value;
                bringer[at] = position;
            } else if (at >= forgotten && first[at] >= 0 && value >= 0) {
                differs |= first[at] != value;
            }
        }
        highest = Math.max(highest, from + wire);
        while (expected < first.length && first[expected] != HOLE) {
            expected++;
        }
        return differs;
    }

    private void acknowledgeSlowly(int ack, long position) {
        for (; expected < ack || (expected < first.length && first[expected] != HOLE); expected++) {
            if (first[expected] == HOLE) {
                bringer[expected] = position;
            }
        }
        acknowledged = Math.max(acknowledged, ack);
    }

    @Test
    void readsTheFirstByteSeenForEachNumber() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        int gaps = 0;
        int differences = 0;
        for (int round = 0; round < 600; round++) {
            Arrays.fill(first, HOLE);
            expected = 0;
            highest = 0;
            acknowledged = 0;
            boolean heard = false;
            readLength = 0;
            StreamBuffers buffers = new StreamBuffers(1 << 24);
            StreamReassembler stream = new StreamReassembler(buffers, 65_536);
            int initial = random.nextBoolean() ? random.nextInt() : -random.nextInt(20_000);
            stream.start(initial);
            int spread = 1 + random.nextInt(random.nextBoolean() ? 20 : 600);
            int size = 1 + random.nextInt(random.nextBoolean() ? 8 : 400);
            int forger = random.nextInt(4) == 0 ? 10 : 1000;
            boolean cut = random.nextInt(4) == 0;
            for (long position = 1; position <= 300; position++) {
                if (highest > 0 && random.nextInt(6) == 0) {
                    // Mostly what is in order, at times past a hole.
                    int ack =
                            random.nextInt(5) == 0
                                    ? acknowledged + random.nextInt(highest - acknowledged + 1)
                                    : Math.max(acknowledged, expected - random.nextInt(9));
                    gaps += ack > expected ? 1 : 0;
                    heard = true;
                    acknowledgeSlowly(ack, position);
                    stream.acknowledged(initial + ack, position, sink);
                    compare(stream, initial, seed, round, position);
                    continue;
                }
                int from = expected + random.nextInt(2 * spread) - spread;
                from = random.nextInt(3) == 0 ? expected : from;
                int wire = 1 + random.nextInt(size);
                if (from + wire >= first.length || from < -500) {
                    continue;
                }
                byte[] data = new byte[cut && random.nextInt(4) == 0 ? random.nextInt(wire) : wire];
                int forged = random.nextInt(forger) == 0 ? random.nextInt(data.length + 1) : -1;
                for (int i = 0; i < data.length; i++) {
                    data[i] = (byte) ((from + i) * 37 + (i == forged ? 1 : 0));
                }
                // A gap makes the fast one forget what came before it.
                int forgotten = acknowledged;
                for (int at = expected - 1; at >= forgotten; at--) {
                    if (first[at] < 0) {
                        forgotten = at + 1;
                    }
                }
                // Before the first byte of all, and the receiver does not say that it has it.
                boolean outside = from < 0 && !heard;
                boolean differs = !outside && slowly(from, data, wire, position, forgotten);
                differences += differs ? 1 : 0;
                int before = overlaps;
                boolean taken =
                        stream.segment(
                                initial + from,
                                MemorySegment.ofArray(data),
                                0,
                                data.length,
                                wire,
                                position,
                                sink);
                assertThat(taken)
                        .as("seed %d, round %d, step %d", seed, round, position)
                        .isEqualTo(!differs && !outside);
                assertThat(overlaps - before).isEqualTo(differs ? 1 : 0);
                compare(stream, initial, seed, round, position);
            }
            stream.close();
            assertThat(buffers.bytesInUse()).isZero();
        }
        assertThat(gaps).as("the generator must reach gaps").isGreaterThan(100);
        assertThat(differences).as("the generator must reach overlaps").isGreaterThan(100);
    }

    private void compare(StreamReassembler stream, int initial, long seed, int round, long step) {
        String where = "seed " + seed + ", round " + round + ", step " + step;
        assertThat(stream.expected() - initial).as(where).isEqualTo(expected);
        assertThat(readLength).as(where).isEqualTo(expected);
        assertThat(Arrays.mismatch(read, 0, expected, first, 0, expected)).as(where).isEqualTo(-1);
        assertThat(Arrays.mismatch(readBringer, 0, expected, bringer, 0, expected))
                .as(where)
                .isEqualTo(-1);
    }

    /** Any traffic, any limit: no exception, no byte read twice, memory within its bound. */
    @Test
    void survivesAnything() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        for (int round = 0; round < 400; round++) {
            StreamBuffers buffers = new StreamBuffers(random.nextInt(200_000));
            int limit = random.nextInt(5000);
            StreamReassembler stream = new StreamReassembler(buffers, limit);
            int initial = random.nextInt();
            int[] consumed = {0};
            StreamReassembler.Sink counter =
                    new StreamReassembler.Sink() {
                        @Override
                        public void data(MemorySegment data, long offset, int length, long p) {
                            assertThat(data.asSlice(offset, length).byteSize()).isPositive();
                            consumed[0] += length;
                        }

                        @Override
                        public void gap(Anomaly why, int length, long position) {
                            assertThat(length).isPositive();
                            consumed[0] += length;
                        }

                        @Override
                        public void anomaly(Anomaly kind, long position) {}
                    };
            stream.start(initial);
            for (int i = 0; i < 500; i++) {
                int near = random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(9000) - 3000;
                if (random.nextInt(5) == 0) {
                    stream.acknowledged(stream.expected() + near, i, counter);
                } else {
                    int wire = random.nextInt(random.nextInt(20) == 0 ? 1 << 20 : 1500);
                    byte[] data = new byte[Math.min(random.nextInt(1500), wire)];
                    random.nextBytes(data);
                    stream.segment(
                            stream.expected() + near,
                            MemorySegment.ofArray(data),
                            0,
                            data.length,
                            wire,
                            i,
                            counter);
                }
                assertThat(stream.expected() - initial)
                        .as("seed %d, round %d", seed, round)
                        .isEqualTo(consumed[0]);
            }
            stream.close();
            assertThat(buffers.bytesInUse()).isZero();
        }
    }
}
