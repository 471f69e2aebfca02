package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.MemoryBudget;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.core.TransferMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Lines of both sides in, announcements and transfers out (RFC 959 sections 4 and 5).
 *
 * <p>Only the last line of a reply counts, and only as the reply to the very command that {@link
 * Pairing} says it answers. (Longer than a class should be: what a command starts and what its
 * reply finishes are one thing, told twice if they were apart.)
 */
final class Conversation {
    /** Lines of no meaning after which a stream picked up midway is not taken for FTP any more. */
    private static final int ODD_LINES_MIDSTREAM = 8;

    private static final int LONGEST_NAME = 256;
    private static final String AMBIGUOUS = "its reply cannot be told from another's";

    private final HelperPolicy policy;
    private final DialogueListener listener;
    private final Alerts alerts;
    private final Announcer announcer;
    private final Pairing pairing;
    private final Greeting greeting = new Greeting();
    private final Login login = new Login();
    private final SecurityExchange security = new SecurityExchange();

    /** What the next transfer command would use, open or not. */
    private @Nullable Announcement latest;

    /** Code of the multi-line reply being read, or 0. */
    private int multiline;

    private boolean epsvAll;

    private boolean midstream;
    private boolean clientHeard;
    private boolean foreign;
    private boolean sawFtp;
    private int oddLines;

    private long commands;

    Conversation(
            IpAddress client,
            IpAddress server,
            HelperPolicy policy,
            Settings.Limits limits,
            DialogueListener listener,
            Alerts alerts,
            MemoryBudget.Account memory) {
        this.policy = policy;
        this.listener = listener;
        this.alerts = alerts;
        Admission admission = new Admission(client, server, policy);
        this.announcer = new Announcer(admission, policy, listener, alerts);
        this.pairing = new Pairing(limits.pipeline(), memory);
    }

    // What happened to the stream.

    void midstream() {
        midstream = true;
    }

    /** Bytes of {@code side} are missing. */
    void lost(Side side, Anomaly why) {
        dismiss(pairing.lose(why), why, AMBIGUOUS);
        security.reset();
        if (side == Side.SERVER) {
            multiline = 0;
            greeting.over();
        } else {
            clientHeard = true;
        }
    }

    /** The stream turned to something that cannot be read; if it turns back, this is over. */
    void sealed() {
        dismiss(pairing.forget(), Anomaly.ENCRYPTED, "the stream was encrypted before its reply");
        latest = null;
        multiline = 0;
        security.reset();
        greeting.over();
        clientHeard = true;
    }

    private void notFtp(long position, String detail) {
        foreign = true;
        dismiss(pairing.forget(), Anomaly.NOT_FTP, "the connection does not speak FTP");
        alerts.raise(Anomaly.NOT_FTP, position, detail);
    }

    /** These commands get no reply that could be trusted. */
    private void dismiss(List<Pending> dismissed, Anomaly why, String detail) {
        for (Pending command : dismissed) {
            Announcement announcement = command.unconfirmed();
            if (announcement != null) {
                announcer.refuseQuietly(announcement, why, detail);
                spent(announcement);
            }
            tell(command, latest);
        }
    }

    /** No transfer command to come will use it. */
    private void spent(@Nullable Announcement announcement) {
        if (latest == announcement) {
            latest = null;
        }
    }

    // The client's lines.

    void command(Line line) {
        commands++;
        int start = line.skipBlanks(0);
        int end = line.wordEnd(start);
        Command command = line.isWhole() ? Command.of(line, start, end) : Command.UNKNOWN;
        boolean first = !clientHeard;
        clientHeard |= start < end;
        if (command == Command.UNKNOWN && !isAnswered(line, start, end, first)) {
            return;
        }
        if (pairing.mayStayUnanswered()) {
            pairing.unsure(Anomaly.ODD_ANNOUNCEMENT);
        }
        sawFtp |= command != Command.UNKNOWN && (greeting.isOver() || midstream);
        Pending pending = new Pending(command, line.last, name(command, line, end));
        pending.odd = start > 0 || line.bareLf || line.telnet;
        switch (command.role()) {
            case USER -> login.userSent(pending.name);
            case ANNOUNCEMENT -> announcement(pending, line, start, end);
            case TRANSFER -> transfer(pending);
            case AUTH -> auth(pending, line, end);
            default -> {}
        }
        if (!pairing.hasRoom() && !pairing.overflowed()) {
            alerts.raise(Anomaly.PIPELINE_FULL, line.last, "too many commands outstanding");
        }
        pairing.add(pending);
    }

    /**
     * A line that is no command, or may not be acted on.
     *
     * @return false if no reply is to be expected
     */
    private boolean isAnswered(Line line, int start, int end, boolean first) {
        if (!line.isWhole()) {
            // A server may take it for one command, for several, or for another.
            pairing.unsure(line.nul ? Anomaly.NUL_IN_LINE : Anomaly.OVERLONG_LINE);
            return true;
        }
        if (start == line.length()) {
            // ProFTPD 1.3.8 and pyftpdlib 1.5.7 answer 500 to an empty line, vsftpd 3.0.3 and
            // Pure-FTPd 1.0.50 keep silent (observed).
            pairing.unsure(Anomaly.STREAM_GAP);
            return false;
        }
        if (Replies.isAnnouncing(line.code())) {
            String detail = "client sent: " + Announcer.text(line);
            alerts.raise(Anomaly.WRONG_DIRECTION, line.last, detail);
            return true;
        }
        String request = ForeignProtocols.request(line, start, end);
        if (request != null) {
            notFtp(line.last, "client sent: " + request);
            return false;
        }
        if (first && !midstream && !line.isVerb(start, end)) {
            notFtp(line.last, "the client's first line is no FTP command");
            return false;
        }
        if (midstream && !sawFtp) {
            oddLine(line.last);
            return false;
        }
        return true;
    }

    private void oddLine(long position) {
        if (++oddLines > ODD_LINES_MIDSTREAM) {
            notFtp(position, "picked up in mid-stream, and nothing in it looks like FTP");
        }
    }

    /** The argument where it is a name and no secret. */
    private static @Nullable String name(Command command, Line line, int verbEnd) {
        if (!command.takesName()) {
            return null;
        }
        int from = line.skipBlanks(verbEnd);
        return from == line.length() ? null : line.printableToCr(from, LONGEST_NAME);
    }

    private void announcement(Pending pending, Line line, int start, int end) {
        int argumentAt = line.at(end) == ' ' ? end + 1 : end;
        String argument = line.latin1(argumentAt, line.length());
        TransferMode mode = pending.mode();
        boolean violation = epsvAll && mode != TransferMode.EPSV;
        if (!pending.announcesActive()) {
            pending.all = mode == TransferMode.EPSV && argument.trim().equalsIgnoreCase("ALL");
            pending.afterEpsvAll = violation;
            if (violation) {
                alerts.raise(Anomaly.EPSV_ALL_VIOLATION, line.last, Announcer.text(line));
            }
            return;
        }
        HostPort read = Announcer.read(pending.command, argument);
        Announcement announcement = announcer.announcement(mode, read, line, -1);
        latest = read instanceof HostPort.Found ? announcement : null;
        if (violation) {
            announcer.refuse(announcement, Anomaly.EPSV_ALL_VIOLATION, announcement.text());
        } else if (!pairing.hasRoom()) {
            announcer.refuseQuietly(announcement, Anomaly.PIPELINE_FULL, AMBIGUOUS);
        } else if (announcer.admit(announcement, read, start > 0 || line.bareLf)) {
            pending.announcement = announcement;
            // Whoever opens early must not do so before a login or against an EPSV ALL to come.
            if (isLoggedInAsRequired() && !epsvAllWaits()) {
                announce(announcement);
            }
        }
    }

    private boolean epsvAllWaits() {
        for (Pending earlier : pairing.waiting()) {
            if (earlier.all) {
                return true;
            }
        }
        return false;
    }

    private boolean isLoggedInAsRequired() {
        return login.isComplete() || !policy.requireLogin() && !policy.strict();
    }

    /** Tells of an announcement that passed every check so far, once. */
    private void announce(Announcement announcement) {
        if (!announcement.told) {
            announcement.told = true;
            listener.announced(announcement);
        }
    }

    private void transfer(Pending pending) {
        Pending lastAnnouncing = null;
        for (Pending earlier : pairing.waiting()) {
            if (earlier.is(Command.Role.ANNOUNCEMENT) && !earlier.all) {
                lastAnnouncing = earlier;
            }
        }
        // Pipelined behind PASV: which announcement it goes with will be known with the reply.
        if (lastAnnouncing == null || lastAnnouncing.announcesActive()) {
            tell(pending, latest);
        }
    }

    private void auth(Pending pending, Line line, int end) {
        String mechanism = line.latin1(line.skipBlanks(end), line.length());
        String upper = mechanism.toUpperCase(Locale.ROOT);
        pending.tls = upper.startsWith("TLS") || upper.startsWith("SSL");
        if (policy.auth() == Settings.Auth.REFUSE) {
            alerts.raise(Anomaly.AUTH_REFUSED, line.last, "AUTH");
        }
    }

    /** Tells of a transfer command, once, and with what it goes. */
    private void tell(Pending pending, @Nullable Announcement announcement) {
        if (pending.is(Command.Role.TRANSFER) && !pending.told) {
            pending.told = true;
            pending.announcement = announcement;
            listener.transfer(announcement, pending.command.name(), pending.name, pending.position);
        }
    }

    // The server's lines.

    void reply(Line line) {
        int code = line.code();
        int after = line.at(3);
        boolean last = code > 0 && (after < 0 || after == ' ' || after == '\t' || after == '\r');
        // "331Password": some servers forget the blank, and most clients do not mind. No address
        // is taken from such a line.
        last |= code > 0 && multiline == 0 && isLetter(after) && !Replies.isAnnouncing(code);
        if (multiline != 0) {
            if (code == multiline && last) {
                multiline = 0;
                lastLine(code, line);
            } else {
                bodyLine(code, last, line);
            }
        } else if (last) {
            lastLine(code, line);
        } else if (code > 0 && after == '-') {
            multiline = code;
            greeting.line(code, line);
        } else {
            strayLine(line);
        }
    }

    /** Text in a multi-line reply means nothing, but an address there is meant to deceive. */
    private void bodyLine(int code, boolean spaced, Line line) {
        greeting.line(multiline, line);
        boolean announcing = spaced && Replies.isAnnouncing(code);
        if (announcing && Announcer.read(code, line) instanceof HostPort.Found) {
            announcer.unsolicited(code, line, "inside a " + multiline + " reply");
        }
    }

    private void strayLine(Line line) {
        if (!line.isWhole()) {
            pairing.unsure(line.nul ? Anomaly.NUL_IN_LINE : Anomaly.OVERLONG_LINE);
            return;
        }
        int start = line.skipBlanks(0);
        TransferMode mode = Command.of(line, start, line.wordEnd(start)).mode();
        // Behind a blank it is text, as in the reply to FEAT (RFC 2389) whose beginning is missing.
        if (start == 0 && mode != null && mode.serverConnects()) {
            String detail = "server sent: " + Announcer.text(line);
            alerts.raise(Anomaly.WRONG_DIRECTION, line.last, detail);
        } else if (!greeting.isOver() && !midstream) {
            notFtp(line.last, "the server's first line is no FTP reply");
        } else if (midstream && !sawFtp) {
            oddLine(line.last);
        } else if (!pairing.isEmpty()) {
            // Whether the client takes this for its answer is anybody's guess.
            pairing.unsure(Anomaly.STREAM_GAP);
        }
    }

    private static boolean isLetter(int c) {
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    }

    private void lastLine(int code, Line line) {
        // A stream picked up midway may still begin with its greeting.
        if (midstream && !Greeting.isCode(code)) {
            greeting.over();
        }
        if (!greeting.isOver()) {
            greeting.line(code, line);
            if (!Replies.isPreliminary(code)) {
                greeting.over();
                greeted(code, line);
            }
        } else if (Replies.isPreliminary(code)) {
            preliminary(line);
        } else {
            settle(code, line);
        }
    }

    /** The greeting answers no command (RFC 959 section 5.4). */
    private void greeted(int code, Line line) {
        if (Replies.isAnnouncing(code)) {
            announcer.unsolicited(code, line, "as a greeting");
        }
        // 230: a server that logs everybody in at once.
        if (code == Replies.READY || code == Replies.LOGGED_IN) {
            sawFtp = true;
        } else if (!Replies.isFailure(code)) {
            notFtp(line.last, "greeting is a " + code + " reply");
        }
    }

    private void preliminary(Line line) {
        List<Pending> unanswered = new ArrayList<>();
        Pending transfer = pairing.begin(unanswered);
        passedOver(unanswered, line);
        if (transfer != null) {
            tell(transfer, latest);
            // A stream-mode data connection serves one transfer (RFC 959 section 3.3).
            spent(transfer.announcement);
        }
    }

    private void passedOver(List<Pending> unanswered, Line line) {
        for (Pending command : unanswered) {
            Announcement announcement = command.unconfirmed();
            if (announcement != null) {
                announcement.confirmed(line.last);
            }
        }
        dismiss(unanswered, Anomaly.COMMAND_REFUSED, "never answered");
    }

    /** A final reply. */
    private void settle(int code, Line line) {
        List<Pending> unanswered = new ArrayList<>();
        Pending pending = pairing.take(code, unanswered);
        passedOver(unanswered, line);
        Anomaly doubt = pairing.doubt();
        pairing.settled(pending);
        if (Replies.isAnnouncing(code) && (pending == null || pending.announcingCode() != code)) {
            String circumstance = pending == null ? "nothing was asked" : "not what was asked";
            announcer.unsolicited(code, line, circumstance);
            if (pairing.expects(code)) {
                // An address out of turn, while its command waits: the pairing has slipped.
                dismiss(pairing.lose(Anomaly.STREAM_GAP), Anomaly.STREAM_GAP, AMBIGUOUS);
            }
        }
        if (code == Replies.CLOSING && !pairing.isEmpty()) {
            // It may be the reply to anything, or a timeout's notice.
            pairing.unsure(Anomaly.STREAM_GAP);
        }
        if (pending != null) {
            sawFtp |= pending.command != Command.UNKNOWN;
            answer(pending, code, line, doubt);
        }
    }

    private void answer(Pending pending, int code, Line line, Anomaly doubt) {
        switch (pending.command.role()) {
            case ANNOUNCEMENT -> {
                if (pending.announcesActive()) {
                    confirm(pending, code, line, doubt);
                } else {
                    passive(pending, code, line);
                }
            }
            case TRANSFER -> {
                tell(pending, latest);
                if (Replies.isSuccess(code)) {
                    spent(pending.announcement);
                }
                listener.transferEnded(pending.announcement, code, line.last);
            }
            case USER -> login.userAnswered(pending.name, code);
            case SECRET -> login.secretAnswered(code);
            case AUTH -> security.authAnswered(pending.tls, code);
            case AUTH_DATA -> security.dataAnswered(code);
            case QUIT -> {
                if (Replies.isSuccess(code)) {
                    listener.closing(line.last);
                }
            }
            case REINITIALIZE -> {
                if (Replies.isSuccess(code)) {
                    login.reset();
                    epsvAll = false;
                    latest = null;
                    listener.closing(line.last);
                }
            }
            case PLAIN, ABORT, STATUS -> {}
        }
    }

    /** The reply to PORT, EPRT or LPRT. */
    private void confirm(Pending pending, int code, Line line, Anomaly doubt) {
        Announcement announcement = pending.announcement;
        if (announcement == null) {
            return;
        }
        announcement.confirmed(line.last);
        if (!Replies.isSuccess(code) || Replies.isAnnouncing(code)) {
            spent(announcement);
            announcer.refuseQuietly(announcement, Anomaly.COMMAND_REFUSED, "answered " + code);
        } else if (doubt != Anomaly.NONE) {
            announcer.refuseQuietly(announcement, doubt, AMBIGUOUS);
        } else if (mayOpen(announcement)) {
            announce(announcement);
            listener.open(announcement);
        }
    }

    /** The reply to PASV, EPSV or LPSV. */
    private void passive(Pending pending, int code, Line line) {
        if (pending.all) {
            epsvAll |= Replies.isSuccess(code);
        } else if (code == pending.announcingCode()) {
            HostPort read = Announcer.read(code, line);
            Announcement announcement =
                    announcer.announcement(pending.mode(), read, line, pending.position);
            announcement.confirmed(line.last);
            latest = read instanceof HostPort.Found ? announcement : null;
            if (pending.afterEpsvAll) {
                announcer.refuseQuietly(
                        announcement, Anomaly.EPSV_ALL_VIOLATION, announcement.text());
            } else if (announcer.admit(announcement, read, line.bareLf) && mayOpen(announcement)) {
                announce(announcement);
                listener.open(announcement);
            }
        }
        for (Pending later : pairing.waiting()) {
            if (later.is(Command.Role.ANNOUNCEMENT)) {
                break;
            }
            tell(later, latest);
        }
    }

    /** Checks made when the server has confirmed; false after telling of a refusal. */
    private boolean mayOpen(Announcement announcement) {
        if (pairing.overflowed()) {
            announcer.refuseQuietly(announcement, Anomaly.PIPELINE_FULL, AMBIGUOUS);
            return false;
        }
        if (epsvAll && announcement.mode() != TransferMode.EPSV) {
            announcer.refuse(announcement, Anomaly.EPSV_ALL_VIOLATION, announcement.text());
            return false;
        }
        if (!isLoggedInAsRequired()) {
            announcer.refuse(announcement, Anomaly.NOT_LOGGED_IN, announcement.text());
            return false;
        }
        return true;
    }

    // What is known.

    /** What the last reply made of the stream; asked after each. */
    SecurityExchange.Outcome secured() {
        return security.outcome();
    }

    /** True if commands are outstanding, such as those smuggled in behind AUTH. */
    boolean isWaiting() {
        return !pairing.isEmpty();
    }

    /** True if the only command outstanding is AUTH: TLS may begin as soon as it is answered. */
    boolean awaitsAuth() {
        Pending only = pairing.only();
        return only != null && only.is(Command.Role.AUTH);
    }

    boolean isForeign() {
        return foreign;
    }

    boolean sawFtp() {
        return sawFtp && !foreign;
    }

    long commands() {
        return commands;
    }

    Login login() {
        return login;
    }

    Greeting greeting() {
        return greeting;
    }
}
