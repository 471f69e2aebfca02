package io.pinhole.benchmarks.generate;

import java.io.IOException;

/** Connections that never come about: port scans and handshakes that stop half-way. */
final class Knocking extends Conversation {
    private final Dice dice;
    private final Hosts hosts;
    private final boolean scan;
    private final Host scanner;
    private int left;

    Knocking(Hosts hosts, Dice dice) {
        super(dice);
        this.dice = dice;
        this.hosts = hosts;
        scan = dice.percent(50);
        scanner = hosts.scanner();
        left = scan ? dice.spread(8, 300) : 1;
    }

    @Override
    boolean goOn(Frames frames) {
        if (left-- == 0) {
            return false;
        }
        Host target = dice.percent(30) ? hosts.ftpServer(true) : hosts.server(true);
        int port = dice.percent(10) ? 21 : dice.between(1, 65_535);
        TcpConnection attempt = new TcpConnection(scanner, scanner.nextPort(), target, port, dice);
        then(new Knock(attempt, dice.below(scan ? 10 : 3), scan ? 400_000 : 1_000_000_000));
        return true;
    }

    /** SYN; then nothing, a refusal, or an answer that leads nowhere. */
    private static final class Knock implements Act {
        private final TcpConnection attempt;
        private final int fate;
        private final long pause;
        private int step;

        Knock(TcpConnection attempt, int fate, long pause) {
            this.attempt = attempt;
            this.fate = fate;
            this.pause = pause;
        }

        @Override
        public boolean send(Frames frames) throws IOException {
            if (step++ == 0) {
                attempt.syn(frames, TcpConnection.OPENER);
                return fate > 6; // filtered: no answer
            }
            return switch (fate) {
                case 0 -> answered(frames, false);
                case 1 -> answered(frames, true);
                case 2 -> {
                    attempt.repeatSyn(frames, TcpConnection.OPENER);
                    yield step == 4;
                }
                default -> {
                    attempt.refuse(frames);
                    yield true;
                }
            };
        }

        private boolean answered(Frames frames, boolean reset) throws IOException {
            if (step == 2) {
                attempt.syn(frames, TcpConnection.ANSWERER);
            } else if (reset) {
                attempt.reset(frames, TcpConnection.OPENER);
            } else {
                attempt.repeatSyn(frames, TcpConnection.ANSWERER);
            }
            return step == (reset ? 3 : 5);
        }

        @Override
        public long pause() {
            return pause;
        }
    }
}
