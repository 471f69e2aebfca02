package io.pinhole.benchmarks.generate;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Bytes from one side to the other: in segments, a window at a time, acknowledged, now and then out
 * of order or repeated because the first copy was lost beyond the point of capture.
 */
final class Flight implements Act {
    private static final int MOST_SEGMENTS = 10;
    private static final long BACK_TO_BACK = 12_000;

    private final TcpConnection connection;
    private final int side;
    private final Dice dice;
    private final long roundTrip;
    private final int length;
    private final boolean answered;

    /** What is said; or null, and then {@link #pool} is read by sequence number. */
    private final byte @Nullable [] line;

    private final byte @Nullable [] pool;
    private int pieces;

    private int first;
    private int sent;
    private boolean begun;

    // What is to be sent until the other side has acknowledged all of it: a segment as its start
    // and length, an acknowledgement as its number and -1.
    private final int[] starts = new int[2 * MOST_SEGMENTS + 4];
    private final int[] lengths = new int[2 * MOST_SEGMENTS + 4];
    private int planned;
    private int at;
    private long pause;

    private Flight(
            TcpConnection connection,
            int side,
            byte @Nullable [] line,
            byte @Nullable [] pool,
            int length,
            int pieces,
            boolean answered,
            long roundTrip,
            Dice dice) {
        this.connection = connection;
        this.side = side;
        this.line = line;
        this.pool = pool;
        this.length = length;
        this.pieces = pieces;
        this.answered = answered;
        this.roundTrip = roundTrip;
        this.dice = dice;
    }

    /** A line or several, in as few segments as they need. */
    static Flight says(TcpConnection c, int side, byte[] line, long roundTrip, Dice dice) {
        boolean answered = line.length > c.mss || dice.percent(25);
        return new Flight(c, side, line, null, line.length, 1, answered, roundTrip, dice);
    }

    /** A line cut into so many segments, or fewer if it is too short. */
    static Flight cut(TcpConnection c, int side, byte[] line, int pieces, long rtt, Dice dice) {
        return new Flight(c, side, line, null, line.length, pieces, true, rtt, dice);
    }

    /** The contents of a transfer. */
    static Flight carries(
            TcpConnection c, int side, byte[] pool, int length, long roundTrip, Dice dice) {
        return new Flight(c, side, null, pool, length, 0, true, roundTrip, dice);
    }

    @Override
    public boolean send(Frames frames) throws IOException {
        if (!begun) {
            first = connection.next(side);
            begun = true;
        }
        if (at == planned) {
            if (sent == length) {
                pause = 0;
                return true;
            }
            plan(frames);
        }
        int start = starts[at];
        int count = lengths[at];
        at++;
        if (count < 0) {
            connection.acknowledge(frames, 1 - side, first + start);
            pause = at == planned ? roundTrip / 2 : BACK_TO_BACK;
        } else {
            segment(frames, start, count);
            pause = at < planned && lengths[at] < 0 ? roundTrip / 4 : BACK_TO_BACK;
        }
        if (at < planned || sent < length) {
            return false;
        }
        pause = roundTrip / 2;
        return true;
    }

    private void segment(Frames frames, int start, int count) throws IOException {
        int sequence = first + start;
        if (pool != null) {
            frames.put(pool, Contents.at(sequence), count);
        } else if (line != null) {
            frames.put(line, start, count);
        }
        connection.data(frames, side, sequence, count, line != null || start + count == length);
    }

    private void plan(Frames frames) {
        planned = 0;
        at = 0;
        int from = sent;
        int room = connection.window(side) / 2;
        int segments =
                pieces > 1 ? Math.min(pieces, MOST_SEGMENTS) : dice.between(1, MOST_SEGMENTS);
        int size = segmentSize(frames);
        while (planned < segments && sent < length && sent + size - from <= room) {
            int count = Math.min(size, length - sent);
            if (pieces > 1 && planned == segments - 1) {
                count = Math.min(length - sent, connection.mss);
            }
            add(sent, count);
            sent += count;
        }
        int inOrder = planned;
        if (inOrder > 1 && dice.permille(20)) {
            swap(dice.below(inOrder - 1));
        } else if (dice.permille(10)) {
            repeat(dice.below(inOrder));
        }
        if (answered) {
            add(sent, -1);
        }
    }

    private int segmentSize(Frames frames) {
        if (line == null) {
            return frames.wantsLarger() ? connection.mss : dice.between(8, 120);
        }
        return pieces > 1
                ? Math.clamp(length / pieces, 1, connection.mss)
                : Math.min(length, connection.mss);
    }

    private void add(int start, int count) {
        starts[planned] = start;
        lengths[planned++] = count;
    }

    /** Two segments overtake one another. */
    private void swap(int one) {
        int start = starts[one];
        int count = lengths[one];
        starts[one] = starts[one + 1];
        lengths[one] = lengths[one + 1];
        starts[one + 1] = start;
        lengths[one + 1] = count;
    }

    /** The receiver has not got a segment and says so until it comes again. */
    private void repeat(int lost) {
        int start = starts[lost];
        int count = lengths[lost];
        int duplicates = Math.min(3, planned - 1 - lost);
        for (int i = 0; i < duplicates; i++) {
            add(start, -1);
        }
        add(start, count);
    }

    @Override
    public long pause() {
        return pause;
    }
}
