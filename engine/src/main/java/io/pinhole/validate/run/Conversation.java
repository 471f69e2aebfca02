package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.validate.scenario.Segments;
import io.pinhole.validate.scenario.Step;
import io.pinhole.validate.scenario.Step.Tweaks;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * FTP client and server as programs: a whole session, and a whole data connection. Stops where a
 * packet is not accepted, as a peer would that waits in vain.
 */
final class Conversation {
    private static final int FTP_DATA = 20;

    /** Segments sent before the receiver acknowledges. */
    private static final int BURST = 2;

    private static final byte[] NOTHING = {};

    private final Lab lab;

    /** The first packet that was not accepted. */
    private @Nullable Judged stopped;

    Conversation(Lab lab) {
        this.lab = lab;
    }

    @Nullable Judged stopped() {
        return stopped;
    }

    private boolean passed(Judged j) {
        if (j.verdict() == Verdict.ACCEPT) {
            return true;
        }
        if (stopped == null) {
            stopped = j;
        }
        return false;
    }

    private boolean send(TcpEnd end, int flags) throws StepFailure {
        return passed(lab.tcp(end, flags, NOTHING, Tweaks.NONE));
    }

    /** SYN, SYN-ACK, ACK. */
    boolean handshake(TcpEnd from) throws StepFailure {
        return send(from, TcpEnd.SYN)
                && send(lab.peer(from), TcpEnd.SYN | TcpEnd.ACK)
                && send(from, TcpEnd.ACK);
    }

    /** FIN from one end, then from the other. */
    boolean close(TcpEnd first) throws StepFailure {
        TcpEnd second = lab.peer(first);
        return send(first, TcpEnd.FIN | TcpEnd.ACK)
                && send(second, TcpEnd.ACK)
                && send(second, TcpEnd.FIN | TcpEnd.ACK)
                && send(first, TcpEnd.ACK);
    }

    /** Sends filler and has it acknowledged. */
    boolean bytes(TcpEnd from, long count) throws StepFailure {
        TcpEnd to = lab.peer(from);
        int mss = from.flow.source().isV4() ? 1460 : 1440;
        int burst = 0;
        for (long left = count; left > 0; ) {
            int n = (int) Math.min(mss, left);
            left -= n;
            int flags = TcpEnd.ACK | (left == 0 ? TcpEnd.PSH : 0);
            if (!passed(lab.tcp(from, flags, from.next, null, null, null, 0, n, Tweaks.NONE))) {
                return false;
            }
            if (++burst == BURST || left == 0) {
                burst = 0;
                if (!send(to, TcpEnd.ACK)) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * A data connection after its handshake: bytes, then FIN from their sender.
     *
     * @param sender the end that the bytes come from
     */
    boolean transfer(TcpEnd sender, long count) throws StepFailure {
        return bytes(sender, count) && close(sender);
    }

    /** A line of the control connection and its acknowledgement. */
    private boolean say(TcpEnd end, String line, Segments segments) throws StepFailure {
        byte[] bytes = (line + "\r\n").getBytes(StandardCharsets.UTF_8);
        int step = segments instanceof Segments.Bytes ? 1 : bytes.length;
        for (int at = 0; at < bytes.length; at += step) {
            int flags = TcpEnd.PSH | TcpEnd.ACK;
            if (!passed(lab.tcp(end, flags, end.next, null, null, bytes, at, step, Tweaks.NONE))) {
                return false;
            }
        }
        return send(lab.peer(end), TcpEnd.ACK);
    }

    /** Lines in turn, the greeting before them; each is said whatever became of the others. */
    void lines(TcpEnd client, String... turns) throws StepFailure {
        Segments whole = new Segments.Whole();
        say(lab.peer(client), "220 ready", whole);
        for (int i = 0; i < turns.length; i++) {
            say(i % 2 == 0 ? client : lab.peer(client), turns[i], whole);
        }
    }

    /**
     * A whole session.
     *
     * @return true if it came to its end
     */
    boolean session(Step.Session s, FlowKey control) throws StepFailure {
        TcpEnd client = lab.end(control);
        TcpEnd server = lab.peer(client);
        Segments cut = s.byteByByte() ? new Segments.Bytes() : new Segments.Whole();
        return handshake(client)
                && say(server, "220 ready", cut)
                && say(client, "USER alice", cut)
                && say(server, "331 password, please", cut)
                && say(client, "PASS secret", cut)
                && say(server, "230 logged in", cut)
                && say(client, "TYPE I", cut)
                && say(server, "200 type is I", cut)
                && exchange(s, client, server, cut)
                && say(client, "QUIT", cut)
                && say(server, "221 goodbye", cut)
                && close(server)
                && stopped == null;
    }

    private boolean exchange(Step.Session s, TcpEnd client, TcpEnd server, Segments cut)
            throws StepFailure {
        boolean active = s.mode().serverConnects();
        IpAddress c = client.flow.source();
        IpAddress d = server.flow.source();
        int port = lab.ephemeralPort();
        if (active) {
            String code = s.mode() == TransferMode.ACTIVE ? "200 PORT" : "200 " + verb(s.mode());
            if (!say(client, announcement(s.mode(), c, port), cut)
                    || !say(server, code + " command successful", cut)) {
                return false;
            }
        } else if (!say(client, verb(s.mode()), cut)
                || !say(server, announcement(s.mode(), d, port), cut)) {
            return false;
        }
        String command =
                switch (s.transfer()) {
                    case GET -> "RETR " + s.file();
                    case PUT -> "STOR " + s.file();
                    case LIST -> s.file().isEmpty() ? "LIST" : "LIST " + s.file();
                };
        if (!say(client, command, cut) || !say(server, "150 here it comes", cut)) {
            return false;
        }
        FlowKey flow =
                active
                        ? FlowKey.tcp(d, FTP_DATA, c, port)
                        : FlowKey.tcp(c, lab.ephemeralPort(), d, port);
        TcpEnd opener = lab.end(flow);
        TcpEnd ofServer = active ? opener : lab.peer(opener);
        TcpEnd sender = s.transfer() == Step.Transfer.PUT ? lab.peer(ofServer) : ofServer;
        // Data that does not come through does not end the session: the server says so.
        boolean through = handshake(opener) && transfer(sender, s.bytes());
        return say(server, through ? "226 transfer complete" : "425 no data connection", cut);
    }

    private static String verb(TransferMode mode) {
        return switch (mode) {
            case ACTIVE -> "PORT";
            case PASSIVE -> "PASV";
            case EPRT -> "EPRT";
            case EPSV -> "EPSV";
            case LPRT -> "LPRT";
            case LPSV -> "LPSV";
        };
    }

    /** The line that names an end point: a command in active, a reply in passive mode. */
    private static String announcement(TransferMode mode, IpAddress a, int port) {
        int high = port >>> 8;
        int low = port & 0xff;
        String commas = a.toString().replace('.', ',') + "," + high + "," + low;
        return switch (mode) {
            case ACTIVE -> "PORT " + commas;
            case PASSIVE -> "227 Entering Passive Mode (" + commas + ").";
            case EPRT -> "EPRT |" + (a.isV4() ? 1 : 2) + "|" + a + "|" + port + "|";
            case EPSV -> "229 Entering Extended Passive Mode (|||" + port + "|)";
            case LPRT -> "LPRT " + longForm(a) + ",2," + high + "," + low;
            case LPSV ->
                    "228 Entering Long Passive Mode ("
                            + longForm(a)
                            + ",2,"
                            + high
                            + ","
                            + low
                            + ")";
        };
    }

    /** RFC 1639: address family, length of the address, its bytes. */
    private static String longForm(IpAddress a) {
        StringBuilder out = new StringBuilder(a.isV4() ? "4,4" : "6,16");
        if (a.isV4()) {
            return out.append(',').append(a.toString().replace('.', ',')).toString();
        }
        for (int shift = 56; shift >= 0; shift -= 8) {
            out.append(',').append(a.high() >>> shift & 0xff);
        }
        for (int shift = 56; shift >= 0; shift -= 8) {
            out.append(',').append(a.low() >>> shift & 0xff);
        }
        return out.toString();
    }
}
