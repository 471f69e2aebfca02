package io.pinhole.benchmarks.generate;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;

/** What conversations are made of, besides {@link Flight}. */
final class Acts {
    private Acts() {}

    /** Nobody sends anything for a while. */
    record Silence(long pause) implements Act {
        @Override
        public boolean send(Frames frames) {
            return true;
        }
    }

    /** SYN, SYN-ACK, ACK; now and then one of the first two comes twice. */
    static final class Handshake implements Act {
        private static final int REPEATED = 4;

        private final TcpConnection connection;
        private final long roundTrip;
        private boolean repeatSyn;
        private boolean repeatSynAck;
        private int step;

        Handshake(TcpConnection connection, long roundTrip, Dice dice) {
            this.connection = connection;
            this.roundTrip = roundTrip;
            repeatSyn = dice.permille(REPEATED);
            repeatSynAck = dice.permille(REPEATED);
        }

        @Override
        public boolean send(Frames frames) throws IOException {
            switch (step++) {
                case 0 -> connection.syn(frames, TcpConnection.OPENER);
                case 1 -> {
                    if (repeatSyn) {
                        connection.repeatSyn(frames, TcpConnection.OPENER);
                        repeatSyn = false;
                        step--;
                    } else {
                        connection.syn(frames, TcpConnection.ANSWERER);
                    }
                }
                default -> {
                    if (repeatSynAck) {
                        connection.repeatSyn(frames, TcpConnection.ANSWERER);
                        repeatSynAck = false;
                        step--;
                    } else {
                        connection.acknowledge(frames, TcpConnection.OPENER);
                        connection.established = true;
                        return true;
                    }
                }
            }
            return false;
        }

        @Override
        public long pause() {
            return roundTrip / 2;
        }
    }

    /** FIN from one side, FIN and ACK from the other, ACK. */
    static final class Close implements Act {
        private final TcpConnection connection;
        private final int first;
        private final long roundTrip;
        private boolean halfClosed;
        private int step;

        Close(TcpConnection connection, int first, long roundTrip, Dice dice) {
            this.connection = connection;
            this.first = first;
            this.roundTrip = roundTrip;
            halfClosed = dice.percent(25);
        }

        @Override
        public boolean send(Frames frames) throws IOException {
            switch (step++) {
                case 0 -> connection.finish(frames, first);
                case 1 -> {
                    if (halfClosed) {
                        connection.acknowledge(frames, 1 - first);
                        halfClosed = false;
                        step--;
                    } else {
                        connection.finish(frames, 1 - first);
                    }
                }
                default -> {
                    connection.acknowledge(frames, first);
                    return true;
                }
            }
            return false;
        }

        @Override
        public long pause() {
            return roundTrip / 2;
        }
    }

    /** One side gives up. */
    record Reset(TcpConnection connection, int side) implements Act {
        @Override
        public boolean send(Frames frames) throws IOException {
            connection.reset(frames, side);
            return true;
        }

        @Override
        public long pause() {
            return 0;
        }
    }

    /** Keep-alives and their answers. */
    static final class KeepAlive implements Act {
        private static final long EVERY = 2_000_000_000L;

        private final TcpConnection connection;
        private final int side;
        private int packets;

        KeepAlive(TcpConnection connection, int side, int times) {
            this.connection = connection;
            this.side = side;
            packets = 2 * times;
        }

        @Override
        public boolean send(Frames frames) throws IOException {
            if (--packets % 2 != 0) {
                connection.keepAlive(frames, side);
            } else {
                connection.acknowledge(frames, 1 - side);
            }
            return packets == 0;
        }

        @Override
        public long pause() {
            return packets % 2 != 0 ? 200_000 : EVERY;
        }
    }

    /** Two sequences at the same time, on different connections. */
    static final class Together implements Act {
        private final Queue<Act> left;
        private final Queue<Act> right;
        private final Dice dice;
        private long pause;

        Together(List<Act> left, List<Act> right, Dice dice) {
            this.left = new ArrayDeque<>(left);
            this.right = new ArrayDeque<>(right);
            this.dice = dice;
        }

        @Override
        public boolean send(Frames frames) throws IOException {
            Queue<Act> now =
                    left.isEmpty() ? right : right.isEmpty() || dice.percent(50) ? left : right;
            Act act = now.element();
            if (act.send(frames)) {
                now.remove();
            }
            pause = act.pause();
            return left.isEmpty() && right.isEmpty();
        }

        @Override
        public long pause() {
            return pause;
        }
    }
}
