package io.pinhole.benchmarks.generate;

import static io.pinhole.benchmarks.generate.TcpConnection.ANSWERER;
import static io.pinhole.benchmarks.generate.TcpConnection.OPENER;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.pinhole.core.TransferMode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A control connection and its data connections: login, some transfers, the end. A data connection
 * begins only when the capture shows its announcement, except where the server connects first.
 */
final class FtpSession extends Conversation {
    private static final String[] DOWNLOADS = {"RETR", "RETR", "RETR", "LIST", "NLST", "MLSD"};
    private static final String[] UPLOADS = {"STOR", "STOR", "APPE", "STOU"};
    private static final String[] SMALL_TALK = {
        "NOOP", "PWD", "SYST", "STAT", "SIZE big.bin", "MDTM big.bin", "CWD pub", "TYPE I", "TYPE A"
    };

    private final Dice dice;
    private final Contents contents;
    private final Truth truth;
    private final Host client;
    private final Host server;
    private final FtpClient speaks;
    private final FtpServer answers;
    private final TcpConnection control;
    private final long roundTrip;

    private int phase;
    private int transfers;
    private boolean told;
    private boolean encrypted;

    // The transfer under way.
    private @Nullable TcpConnection data;
    private TransferMode mode = TransferMode.PASSIVE;
    private @Nullable String command;
    private boolean whole;

    FtpSession(Hosts hosts, Contents contents, Truth truth, Dice dice) {
        super(dice);
        this.dice = dice;
        this.contents = contents;
        this.truth = truth;
        boolean v4 = dice.percent(70);
        client = hosts.client(v4);
        server = hosts.ftpServer(v4);
        speaks = dice.oneOf(FtpClient.values());
        answers = server.ftpServer;
        control = new TcpConnection(client, client.nextPort(), server, 21, dice);
        roundTrip = dice.spread(200_000, 60_000_000);
        transfers = dice.spread(0, 12);
    }

    @Override
    boolean isFtp() {
        return true;
    }

    @Override
    boolean goOn(Frames frames) throws IOException {
        tellControl();
        tellData(true);
        switch (phase) {
            case 0 -> {
                then(new Acts.Handshake(control, roundTrip, dice));
                phase = 1;
            }
            case 1 -> {
                login(frames);
                phase = 2;
            }
            case 2 -> {
                if (transfers-- > 0) {
                    transfer(frames);
                } else {
                    leave();
                    phase = 3;
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    void end() throws IOException {
        tellControl();
        tellData(false);
    }

    private void tellControl() throws IOException {
        if (control.established && !told) {
            truth.control(control);
            told = true;
        }
    }

    private void tellData(boolean ended) throws IOException {
        if (data != null && data.firstPacket != 0) {
            truth.data(data, control, mode, command, ended && whole);
        }
        data = null;
        command = null;
    }

    // ---- lines ----

    private static byte[] crlf(String lines) {
        return (lines.replace("\n", "\r\n") + "\r\n").getBytes(ISO_8859_1);
    }

    private Act line(int side, String lines) {
        byte[] bytes = crlf(lines);
        if (dice.percent(4)) {
            return Flight.cut(control, side, bytes, dice.between(2, 8), roundTrip, dice);
        }
        return Flight.says(control, side, bytes, roundTrip, dice);
    }

    private void says(String command) {
        then(line(OPENER, command));
    }

    private void replies(String reply) {
        if (reply.indexOf('\n') > 0 && dice.percent(30)) {
            for (String one : reply.split("\n")) { // as vsftpd does
                then(line(ANSWERER, one));
            }
        } else {
            then(line(ANSWERER, reply));
        }
    }

    private void exchange(String command) {
        says(command);
        replies(answers.answer(command));
    }

    // ---- beginning and end ----

    private void login(Frames frames) {
        replies(answers.banner);
        if (dice.percent(3)) {
            encrypted = true;
            secure(frames);
            return;
        }
        if (speaks.pipelines && dice.percent(50)) {
            says(String.join("\n", speaks.login));
            for (String command : speaks.login) {
                replies(answers.answer(command));
            }
            return;
        }
        for (String command : speaks.login) {
            exchange(dice.percent(2) ? command.toLowerCase(Locale.ROOT) : command);
        }
    }

    /** Explicit TLS (RFC 4217): nobody can read what follows. */
    private void secure(Frames frames) {
        says("AUTH TLS");
        replies("234 Proceed with negotiation.");
        record(OPENER, 22, dice.between(200, 500));
        record(ANSWERER, 22, dice.between(900, 1400));
        for (int i = dice.between(4, 20); i > 0; i--) {
            record(OPENER, 23, dice.between(24, 80));
            record(ANSWERER, 23, dice.between(24, 120));
        }
        for (int i = transfers; i > 0; i--) {
            int port = server.nextPort();
            TcpConnection hidden = new TcpConnection(client, client.nextPort(), server, port, dice);
            int length = dice.spread(100, frames.wantsLarger() ? 100_000 : 4_000);
            then(new Acts.Handshake(hidden, roundTrip, dice));
            then(Flight.carries(hidden, ANSWERER, contents.binary, length, roundTrip, dice));
            then(new Acts.Close(hidden, ANSWERER, roundTrip, dice));
        }
        transfers = 0;
    }

    /** One TLS record (RFC 8446 section 5.1). */
    private void record(int side, int type, int length) {
        byte[] bytes = new byte[5 + length];
        System.arraycopy(contents.binary, dice.below(1 << 20), bytes, 5, length);
        bytes[0] = (byte) type;
        bytes[1] = 3;
        bytes[2] = (byte) (type == 22 ? 1 : 3);
        bytes[3] = (byte) (length >> 8);
        bytes[4] = (byte) length;
        then(Flight.says(control, side, bytes, roundTrip, dice));
    }

    private void leave() {
        if (dice.percent(5)) {
            then(new Acts.KeepAlive(control, dice.below(2), dice.between(1, 5)));
        }
        if (!encrypted && dice.percent(90)) {
            exchange("QUIT");
        }
        if (dice.percent(5)) {
            then(new Acts.Reset(control, dice.below(2)));
        } else {
            then(new Acts.Close(control, dice.below(2), roundTrip, dice));
        }
    }

    // ---- transfers ----

    private void transfer(Frames frames) {
        if (dice.percent(20)) {
            then(new Acts.Silence(dice.spread(10_000_000, 2_000_000_000)));
        }
        if (dice.percent(30)) {
            exchange(dice.oneOf(SMALL_TALK));
        }
        if (dice.percent(2)) {
            mishap();
        }
        mode = speaks.mode(client.isV4(), dice);
        boolean upload = dice.percent(25);
        String verb = dice.oneOf(upload ? UPLOADS : DOWNLOADS);
        if (mode.serverConnects()) {
            active(frames, verb, upload);
        } else {
            passive(frames, verb, upload);
        }
    }

    /** Announcements after which no data connection comes. */
    private void mishap() {
        int port = client.nextPort();
        switch (dice.below(5)) {
            case 0 -> {
                says("PORT 198,18,255,1,200,10"); // somebody else
                replies("500 Illegal PORT command.");
            }
            case 1 -> {
                says("EPRT |7|nowhere|" + port + "|");
                replies("522 Network protocol not supported, use (1,2)");
            }
            case 2 -> {
                says("PASV");
                replies("425 Cannot open passive connection.");
            }
            case 3 -> {
                says("EPSV");
                replies(answers.passive(TransferMode.EPSV, server, server.nextPort()));
            }
            default -> {
                says("RETR big.bin");
                replies("425 Use PORT or PASV first.");
            }
        }
    }

    private static String argument(String verb, String file) {
        return switch (verb) {
            case "LIST", "NLST", "MLSD" -> verb;
            default -> verb + " " + file;
        };
    }

    private void active(Frames frames, String verb, boolean upload) {
        int port = client.nextPort();
        String file = "in/report-" + dice.below(100_000) + ".csv";
        String announce = EndPoints.command(mode, client, port, dice);
        if (dice.percent(2)) {
            announce = dice.percent(50) ? announce + " " : announce.toLowerCase(Locale.ROOT);
        }
        int from = answers.habit == FtpServer.Habit.FROM_20 ? 20 : server.nextPort();
        TcpConnection opened = new TcpConnection(server, from, client, port, dice);
        if (answers.habit == FtpServer.Habit.CONNECTS_FIRST) {
            data = opened;
            says(announce);
            then(new Acts.Handshake(opened, roundTrip, dice));
            replies(answers.active(mode));
            says(argument(verb, file));
            replies(answers.opening(file));
        } else if (speaks.pipelines && dice.percent(60)) {
            says("TYPE I\n" + announce + "\n" + argument(verb, file));
            replies(answers.answer("TYPE I"));
            replies(answers.active(mode));
            openTogether(opened, file);
        } else {
            says(announce);
            replies(answers.active(mode));
            says(argument(verb, file));
            if (dice.percent(2)) {
                replies("550 " + file + ": No such file or directory.");
                return;
            }
            openTogether(opened, file);
        }
        data = opened;
        command = verb;
        carry(frames, opened, upload ? ANSWERER : OPENER);
    }

    private void passive(Frames frames, String verb, boolean upload) {
        int port = server.nextPort();
        String file = "in/report-" + dice.below(100_000) + ".csv";
        String ask = EndPoints.command(mode, client, 0, dice);
        boolean together = speaks.pipelines && dice.percent(50);
        says(together ? "TYPE I\n" + ask : ask);
        if (together) {
            replies(answers.answer("TYPE I"));
        }
        replies(answer(port));
        if (dice.percent(2)) {
            return; // changed its mind
        }
        TcpConnection opened = new TcpConnection(client, client.nextPort(), server, port, dice);
        data = opened;
        if (dice.percent(60)) {
            then(new Acts.Handshake(opened, roundTrip, dice));
            says(argument(verb, file));
            command = verb;
            if (dice.percent(2)) {
                replies("550 " + file + ": Permission denied.");
                whole = false;
                then(new Acts.Close(opened, OPENER, roundTrip, dice));
                return;
            }
            replies(answers.opening(file));
        } else {
            says(argument(verb, file));
            command = verb;
            openTogether(opened, file);
        }
        carry(frames, opened, upload ? OPENER : ANSWERER);
    }

    /** The answer to PASV and its kin, now and then in an odd form. */
    private String answer(int port) {
        String reply = answers.passive(mode, server, port);
        if (mode == TransferMode.PASSIVE && dice.percent(1)) {
            // A server behind NAT: careful clients connect to the host they know.
            return "227 Entering Passive Mode (10,1,2,3," + (port >> 8) + "," + (port & 255) + ")";
        }
        if (dice.percent(1)) {
            return reply.substring(0, 3) + "-Wait for it\n" + reply;
        }
        return reply;
    }

    private void openTogether(TcpConnection opened, String file) {
        then(
                new Acts.Together(
                        List.of(new Acts.Handshake(opened, roundTrip, dice)),
                        List.of(line(ANSWERER, answers.opening(file))),
                        dice));
    }

    /** The contents, the end of the data connection, and the server's word about it. */
    private void carry(Frames frames, TcpConnection opened, int sender) {
        int length = dice.spread(0, frames.wantsLarger() ? 400_000 : 8_000);
        byte[] pool = dice.percent(50) ? contents.text : contents.binary;
        then(Flight.carries(opened, sender, pool, length, roundTrip, dice));
        whole = true;
        if (dice.percent(2)) {
            abort(opened, sender);
            return;
        }
        List<Act> close = List.of(new Acts.Close(opened, sender, roundTrip, dice));
        List<Act> word = new ArrayList<>();
        for (String one : answers.complete.split("\n")) {
            word.add(line(ANSWERER, one));
        }
        then(new Acts.Together(close, word, dice));
    }

    /** The client has had enough: Telnet IP and Synch, then ABOR (RFC 959 section 4.1.3). */
    private void abort(TcpConnection opened, int sender) {
        whole = false;
        says("\u00ff\u00f4\u00ff\u00f2ABOR");
        then(new Acts.Reset(opened, sender));
        replies("426 Data connection closed, transfer aborted.");
        replies("226 Abort successful");
    }
}
