package io.pinhole.benchmarks.generate;

import static io.pinhole.benchmarks.generate.TcpConnection.ANSWERER;
import static io.pinhole.benchmarks.generate.TcpConnection.OPENER;
import static java.nio.charset.StandardCharsets.US_ASCII;

/** TCP that is not FTP: the web, with and without TLS, or small messages to and fro. */
final class TcpTalk extends Conversation {
    private static final Integer[] WEB = {80, 443, 443, 443, 8080, 443};
    private static final Integer[] SMALL = {2021, 5938, 7777, 27015};

    /** Longest plain text of a TLS record, less than RFC 8446 section 5.1 allows. */
    private static final int RECORD = 16_000;

    private final Dice dice;
    private final TcpConnection connection;
    private final byte[] pool;
    private final boolean web;
    private final boolean tls;
    private final long roundTrip;
    private int turns;
    private int phase;

    TcpTalk(Hosts hosts, Contents contents, Dice dice) {
        super(dice);
        this.dice = dice;
        boolean v4 = dice.percent(75);
        web = dice.percent(60);
        int port = dice.oneOf(web ? WEB : SMALL);
        Host client = hosts.client(v4);
        connection = new TcpConnection(client, client.nextPort(), hosts.server(v4), port, dice);
        tls = port == 443;
        pool = tls ? contents.binary : contents.text;
        roundTrip = dice.spread(200_000, 60_000_000);
        turns = dice.spread(1, web ? 8 : 60);
    }

    @Override
    boolean goOn(Frames frames) {
        if (phase == 0) {
            then(new Acts.Handshake(connection, roundTrip, dice));
            phase = 1;
        } else if (phase == 2) {
            return false;
        } else if (turns-- > 0) {
            turn(frames);
        } else {
            if (dice.percent(10)) {
                then(new Acts.KeepAlive(connection, dice.below(2), dice.between(1, 4)));
            }
            if (dice.percent(15)) {
                then(new Acts.Reset(connection, dice.below(2)));
            } else {
                then(new Acts.Close(connection, dice.below(2), roundTrip, dice));
            }
            phase = 2;
        }
        return true;
    }

    private void turn(Frames frames) {
        if (dice.percent(10)) {
            then(new Acts.Silence(dice.spread(10_000_000, 1_000_000_000)));
        }
        int answer = dice.spread(100, frames.wantsLarger() ? 300_000 : 3_000);
        if (tls) {
            record(OPENER, dice.spread(80, 900));
            for (int left = answer; left > 0; left -= RECORD) {
                record(ANSWERER, Math.min(left, RECORD));
            }
        } else if (web) {
            says(OPENER, "GET /report.csv HTTP/1.1\r\nHost: host.example.net\r\n\r\n");
            says(ANSWERER, "HTTP/1.1 200 OK\r\nContent-Length: " + answer + "\r\n\r\n");
            carries(ANSWERER, answer);
        } else {
            carries(OPENER, dice.spread(4, 120));
            carries(ANSWERER, dice.spread(4, 120));
        }
    }

    private void record(int side, int length) {
        byte[] header = {23, 3, 3, (byte) (length >> 8), (byte) length};
        then(Flight.says(connection, side, header, roundTrip / 8, dice));
        carries(side, length);
    }

    private void says(int side, String text) {
        then(Flight.says(connection, side, text.getBytes(US_ASCII), roundTrip, dice));
    }

    private void carries(int side, int length) {
        then(Flight.carries(connection, side, pool, length, roundTrip, dice));
    }
}
