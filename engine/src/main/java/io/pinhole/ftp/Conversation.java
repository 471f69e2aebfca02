package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.core.TransferMode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Pairs commands with replies (RFC 959 section 5.4) and concludes what was announced.
 *
 * <p>Replies answer commands in order. Known exceptions: the greeting answers nothing; ABOR may get
 * no reply of its own; STAT and QUIT may be answered while a transfer runs; a reply that nothing
 * waits for is ignored. When it turns out that the pairing has slipped, or bytes are missing, the
 * commands outstanding are forgotten, and no PORT is believed until the reply to a later command
 * has left nothing outstanding.
 */
final class Conversation {
    /** What a reply made of the stream. */
    enum Secured {
        NO,
        /** TLS records follow in both directions. */
        TLS,
        /** Something else that cannot be read, such as Kerberos. */
        OTHER
    }

    private enum Step {
        /** The oldest command outstanding is the one that the next reply answers. */
        IN_STEP,
        /** A line was sent that servers may or may not answer. */
        UNSURE,
        /** Bytes were missing. */
        LOST
    }

    /** Lines of no meaning after which a stream picked up midway is not taken for FTP any more. */
    private static final int ODD_LINES_MIDSTREAM = 8;

    private static final int LONGEST_NAME = 256;

    private final Admission admission;
    private final HelperPolicy policy;
    private final int pipeline;
    private final DialogueListener listener;
    private final Alerts alerts;
    private final Login login = new Login();

    private final Deque<Pending> outstanding = new ArrayDeque<>();

    /** Commands outstanding behind those, not remembered because the queue was full. */
    private int unremembered;

    private Step step = Step.IN_STEP;
    private Anomaly stepLostBy = Anomaly.STREAM_GAP;

    /** What the next transfer command would use, open or not. */
    private @Nullable Announcement latest;

    private boolean epsvAll;
    private boolean authDataExpected;
    private Secured secured = Secured.NO;

    private boolean midstream;
    private boolean greeted;
    private boolean clientHeard;
    private boolean foreign;
    private boolean sawFtp;
    private int oddLines;

    /** Code of the multi-line reply being read, or 0. */
    private int multiline;

    private long commands;
    private @Nullable String greeting;
    private @Nullable String serverSoftware;

    Conversation(
            IpAddress client,
            IpAddress server,
            HelperPolicy policy,
            Settings.Limits limits,
            DialogueListener listener,
            Alerts alerts) {
        this.admission = new Admission(client, server, policy);
        this.policy = policy;
        this.pipeline = limits.pipeline();
        this.listener = listener;
        this.alerts = alerts;
    }

    // ---- what happened to the stream

    void midstream() {
        midstream = true;
        greeted = true;
    }

    /** Bytes of {@code side} are missing. */
    void lost(Side side, Anomaly why) {
        forget(why);
        step = Step.LOST;
        stepLostBy = why;
        if (side == Side.SERVER) {
            multiline = 0;
            greeted = true;
        } else {
            clientHeard = true;
        }
    }

    /** The stream turned to something that cannot be read. */
    void secure() {
        forget(Anomaly.ENCRYPTED);
        latest = null;
        multiline = 0;
        secured = Secured.NO;
        greeted = true;
        clientHeard = true;
    }

    /** Whatever was outstanding will not be answered in a way that could be trusted. */
    private void forget(Anomaly why) {
        for (Pending pending : outstanding) {
            Announcement announcement = pending.announcement;
            if (pending.announcesActive() && announcement != null) {
                listener.refused(announcement, why, "its reply cannot be told from another's");
                dismiss(announcement);
            }
            tell(pending, latest);
        }
        outstanding.clear();
        unremembered = 0;
        authDataExpected = false;
    }

    private void dismiss(Announcement announcement) {
        if (latest == announcement) {
            latest = null;
        }
    }

    // ---- the client's lines

    void command(Line line) {
        commands++;
        int start = line.skipBlanks(0);
        int end = line.wordEnd(start);
        Command command = line.isWhole() ? Command.of(line, start, end) : Command.UNKNOWN;
        boolean first = !clientHeard;
        clientHeard |= start < end;
        if (command == Command.UNKNOWN && !unknown(line, start, end, first)) {
            return;
        }
        sawFtp |= command != Command.UNKNOWN && greeted;
        Pending pending = new Pending(command, line.last, name(command, line, end));
        boolean room = outstanding.size() < pipeline && unremembered == 0;
        switch (command.role()) {
            case USER -> login.userSent(pending.name == null ? "" : pending.name);
            case ANNOUNCEMENT -> announcing(pending, line, start, end, room);
            case TRANSFER -> transferring(pending);
            case AUTH -> authenticating(pending, line, end);
            default -> {}
        }
        if (room) {
            outstanding.add(pending);
        } else if (unremembered < Integer.MAX_VALUE) {
            if (unremembered++ == 0) {
                String detail = "more than " + pipeline + " commands outstanding";
                alerts.raise(Anomaly.PIPELINE_FULL, line.last, detail);
            }
        }
    }

    /**
     * @return false if no reply is to be expected
     */
    private boolean unknown(Line line, int start, int end, boolean first) {
        if (!line.isWhole()) {
            // A server may take it for one command, for several, or for another.
            unsure(line.nul ? Anomaly.NUL_IN_LINE : Anomaly.OVERLONG_LINE);
            return true;
        }
        if (start == line.length()) {
            // vsftpd and pyftpdlib answer 500 to an empty line, others keep silent.
            unsure(Anomaly.STREAM_GAP);
            return false;
        }
        if (Replies.isAnnouncing(line.code())) {
            String text = line.printable(0, Announcement.LONGEST_TEXT);
            alerts.raise(Anomaly.WRONG_DIRECTION, line.last, "client sent: " + text);
            return true;
        }
        String foreignText = ForeignProtocols.request(line, start, end);
        if (foreignText != null) {
            notFtp(line.last, "client sent: " + foreignText);
            return false;
        }
        if (first && !midstream) {
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

    private void notFtp(long position, String detail) {
        foreign = true;
        forget(Anomaly.NOT_FTP);
        alerts.raise(Anomaly.NOT_FTP, position, detail);
    }

    private void unsure(Anomaly why) {
        if (step == Step.IN_STEP) {
            step = Step.UNSURE;
            stepLostBy = why;
        }
    }

    private static @Nullable String name(Command command, Line line, int verbEnd) {
        if (command.role() != Command.Role.USER && command.role() != Command.Role.TRANSFER) {
            return null;
        }
        int from = line.skipBlanks(verbEnd);
        return from == line.length() ? null : line.printableWord(from, LONGEST_NAME);
    }

    private void announcing(Pending pending, Line line, int start, int end, boolean room) {
        TransferMode mode = pending.command.mode();
        int argumentAt = line.at(end) == ' ' ? end + 1 : end;
        String argument = line.latin1(argumentAt, line.length());
        pending.all = mode == TransferMode.EPSV && argument.trim().equalsIgnoreCase("ALL");
        boolean violation = epsvAll && mode != TransferMode.EPSV;
        if (mode == null || !mode.serverConnects()) {
            pending.afterEpsvAll = violation;
            if (violation) {
                String text = line.printable(0, Announcement.LONGEST_TEXT);
                alerts.raise(Anomaly.EPSV_ALL_VIOLATION, line.last, text);
            }
            return;
        }
        HostPort read =
                switch (pending.command) {
                    case PORT -> HostPort.port(argument);
                    case EPRT -> HostPort.eprt(argument);
                    default -> HostPort.lprt(argument);
                };
        Announcement announcement = announcement(mode, read, line, -1);
        latest = read instanceof HostPort.Found ? announcement : null;
        if (violation) {
            refuse(announcement, Anomaly.EPSV_ALL_VIOLATION, announcement.text());
        } else if (!room) {
            refuse(announcement, Anomaly.PIPELINE_FULL, "too many commands outstanding");
        } else if (admit(announcement, read, start > 0 || line.bareLf)) {
            pending.announcement = announcement;
            listener.announced(announcement);
        }
    }

    private void transferring(Pending pending) {
        Pending asked = null;
        for (Pending earlier : outstanding) {
            if (earlier.is(Command.Role.ANNOUNCEMENT) && !earlier.all) {
                asked = earlier;
            }
        }
        // Pipelined behind PASV: which announcement it goes with will be known with the reply.
        if (asked == null || !asked.asksForAddress()) {
            tell(pending, latest);
        }
    }

    private void authenticating(Pending pending, Line line, int end) {
        String mechanism =
                line.latin1(line.skipBlanks(end), line.length()).trim().toUpperCase(Locale.ROOT);
        pending.tls = mechanism.startsWith("TLS") || mechanism.startsWith("SSL");
        if (policy.auth() == Settings.Auth.REFUSE) {
            alerts.raise(Anomaly.AUTH_REFUSED, line.last, "AUTH is refused by policy");
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

    // ---- the server's lines

    void reply(Line line) {
        int code = line.code();
        int after = line.at(3);
        boolean last = code > 0 && (after == ' ' || after == '\t' || after == '\r' || after < 0);
        if (multiline != 0) {
            if (code == multiline && last) {
                multiline = 0;
                finalLine(code, line);
            } else {
                bodyLine(code, last, line);
            }
        } else if (last) {
            finalLine(code, line);
        } else if (code > 0 && after == '-') {
            multiline = code;
            greetingLine(code, line);
        } else {
            strayLine(line);
        }
    }

    /** Text in a multi-line reply means nothing, but an address there is meant to deceive. */
    private void bodyLine(int code, boolean spaced, Line line) {
        greetingLine(multiline, line);
        if (spaced && Replies.isAnnouncing(code) && line.isWhole()) {
            HostPort read = Replies.endpoint(code, line.latin1(3, line.length()));
            if (read instanceof HostPort.Found) {
                unsolicited(code, read, line, "inside a " + multiline + " reply");
            }
        }
    }

    private void strayLine(Line line) {
        if (!line.isWhole()) {
            unsure(line.nul ? Anomaly.NUL_IN_LINE : Anomaly.OVERLONG_LINE);
            return;
        }
        int start = line.skipBlanks(0);
        Command command = Command.of(line, start, line.wordEnd(start));
        if (command.mode() != null && command.mode().serverConnects()) {
            String text = line.printable(0, Announcement.LONGEST_TEXT);
            alerts.raise(Anomaly.WRONG_DIRECTION, line.last, "server sent: " + text);
        } else if (!greeted) {
            notFtp(line.last, "the server's first line is no FTP reply");
        } else if (midstream && !sawFtp) {
            oddLine(line.last);
        }
    }

    private void greetingLine(int code, Line line) {
        boolean early = !greeted && (code == Replies.READY || code == Replies.READY_LATER);
        if (early && line.isWhole()) {
            String text = line.printable(Math.min(4, line.length()), LONGEST_NAME);
            if (greeting == null) {
                greeting = text;
            }
            if (serverSoftware == null) {
                serverSoftware = ServerSoftware.in(text);
            }
        }
    }

    private void finalLine(int code, Line line) {
        if (!greeted) {
            greetingLine(code, line);
            if (!Replies.isPreliminary(code)) {
                greeted = true;
                greeted(code, line);
            }
        } else if (Replies.isPreliminary(code)) {
            preliminary(line);
        } else {
            settle(take(code), code, line);
        }
    }

    private void greeted(int code, Line line) {
        if (Replies.isAnnouncing(code)) {
            unsolicited(code, line, "as a greeting");
        }
        // 230: a server that logs everybody in at once.
        if (code == Replies.READY || code == 230) {
            sawFtp = true;
        } else if (!Replies.isFailure(code)) {
            notFtp(line.last, "greeting is a " + code + " reply");
        }
    }

    /** 1yz: a transfer begins. Commands before it that wait for a reply will get none. */
    private void preliminary(Line line) {
        boolean found = false;
        for (Pending pending : outstanding) {
            found |= pending.is(Command.Role.TRANSFER);
        }
        if (!found) {
            return;
        }
        while (!outstanding.element().is(Command.Role.TRANSFER)) {
            abandon(outstanding.remove(), line.last);
        }
        Pending transfer = outstanding.element();
        transfer.started = true;
        tell(transfer, latest);
        spend(transfer);
    }

    /** A stream-mode data connection serves one transfer (RFC 959 section 3.3). */
    private void spend(Pending transfer) {
        if (transfer.announcement != null) {
            dismiss(transfer.announcement);
        }
    }

    private void abandon(Pending pending, long position) {
        Announcement announcement = pending.announcement;
        if (pending.announcesActive() && announcement != null) {
            announcement.confirmed(position);
            listener.refused(announcement, Anomaly.COMMAND_REFUSED, "never answered");
            dismiss(announcement);
        }
    }

    /** The command that a final reply answers, taken out of the queue; null if none does. */
    private @Nullable Pending take(int code) {
        if (step != Step.IN_STEP && Replies.isAnnouncing(code)) {
            takeUpTo(code);
        }
        Pending head = outstanding.peek();
        if (head != null && outstanding.size() > 1) {
            if (head.is(Command.Role.ABORT) && !mayAnswerAbort(code)) {
                // One reply served for the transfer and for its ABOR.
                outstanding.remove();
                head = outstanding.element();
            } else if (head.is(Command.Role.TRANSFER) && head.started) {
                head = outOfTurn(head, code);
            }
        }
        if (head == null) {
            if (unremembered > 0) {
                unremembered--;
            }
            return null;
        }
        outstanding.remove(head);
        return head;
    }

    /** 227 to 229 name what they answer: after a loss, what waits before it was answered unseen. */
    private void takeUpTo(int code) {
        List<Pending> before = new ArrayList<>();
        for (Pending pending : outstanding) {
            if (pending.announcingCode() == code) {
                before.forEach(outstanding::remove);
                before.forEach(p -> abandon(p, p.position));
                step = Step.IN_STEP;
                return;
            }
            before.add(pending);
        }
    }

    /** RFC 959 section 5.4: 225 or 226, or an error. */
    private static boolean mayAnswerAbort(int code) {
        return code == Replies.ABORT_DONE
                || code == Replies.TRANSFER_DONE
                || Replies.isFailure(code);
    }

    /** RFC 959 section 4.1.3: STAT may be sent, and answered, during a transfer. */
    private Pending outOfTurn(Pending transfer, int code) {
        Iterator<Pending> waiting = outstanding.iterator();
        waiting.next();
        Pending next = waiting.next();
        boolean status = next.is(Command.Role.STATUS) && code >= 211 && code <= 213;
        boolean quit = next.is(Command.Role.QUIT) && code == 221;
        return status || quit ? next : transfer;
    }

    private void settle(@Nullable Pending pending, int code, Line line) {
        Step stepBefore = step;
        if (outstanding.isEmpty() && unremembered == 0 && (step != Step.LOST || pending != null)) {
            step = Step.IN_STEP;
        }
        if (Replies.isAnnouncing(code) && (pending == null || pending.announcingCode() != code)) {
            unsolicited(code, line, pending == null ? "nothing was asked" : "not what was asked");
            resynchronise(code);
        }
        if (pending == null) {
            return;
        }
        sawFtp |= pending.command != Command.UNKNOWN;
        if (code == Replies.CLOSING && !outstanding.isEmpty()) {
            // It may be the reply to anything, or a timeout's notice.
            unsure(Anomaly.STREAM_GAP);
        }
        switch (pending.command.role()) {
            case ANNOUNCEMENT -> {
                if (pending.announcesActive()) {
                    confirm(pending, code, line, stepBefore);
                } else {
                    answered(pending, code, line);
                }
            }
            case TRANSFER -> {
                tell(pending, latest);
                if (Replies.isSuccess(code)) {
                    spend(pending);
                }
                listener.transferEnded(pending.announcement, code, line.last);
            }
            case USER -> login.userAnswered(pending.name == null ? "" : pending.name, code);
            case SECRET -> login.secretAnswered(code);
            case AUTH -> authAnswered(pending, code);
            case AUTH_DATA -> authDataAnswered(code);
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

    /** An address arrived out of turn while its command waits: the pairing has slipped. */
    private void resynchronise(int code) {
        for (Pending waiting : outstanding) {
            if (waiting.announcingCode() == code) {
                forget(Anomaly.STREAM_GAP);
                step = Step.LOST;
                stepLostBy = Anomaly.STREAM_GAP;
                return;
            }
        }
    }

    /** The reply to PORT, EPRT or LPRT. */
    private void confirm(Pending pending, int code, Line line, Step stepBefore) {
        Announcement announcement = pending.announcement;
        if (announcement == null) {
            return;
        }
        announcement.confirmed(line.last);
        if (!Replies.isSuccess(code) || Replies.isAnnouncing(code)) {
            dismiss(announcement);
            listener.refused(announcement, Anomaly.COMMAND_REFUSED, "answered " + code);
        } else if (stepBefore != Step.IN_STEP) {
            listener.refused(announcement, stepLostBy, "its reply cannot be told from another's");
        } else if (mayOpen(announcement)) {
            listener.open(announcement);
        }
    }

    /** The reply to PASV, EPSV or LPSV. */
    private void answered(Pending pending, int code, Line line) {
        TransferMode mode = pending.command.mode();
        if (pending.all) {
            epsvAll |= Replies.isSuccess(code);
        } else if (mode != null && code == pending.announcingCode()) {
            HostPort read =
                    line.isWhole()
                            ? Replies.endpoint(code, line.latin1(3, line.length()))
                            : new HostPort.Malformed("line cannot be read");
            Announcement announcement = announcement(mode, read, line, pending.position);
            announcement.confirmed(line.last);
            latest = read instanceof HostPort.Found ? announcement : null;
            if (pending.afterEpsvAll) {
                listener.refused(announcement, Anomaly.EPSV_ALL_VIOLATION, announcement.text());
            } else if (admit(announcement, read, line.bareLf) && mayOpen(announcement)) {
                listener.announced(announcement);
                listener.open(announcement);
            }
        }
        for (Pending waiting : outstanding) {
            if (waiting.is(Command.Role.ANNOUNCEMENT)) {
                break;
            }
            tell(waiting, latest);
        }
    }

    private void authAnswered(Pending pending, int code) {
        if (code == Replies.AUTH_ACCEPTED) {
            secured = pending.tls ? Secured.TLS : Secured.OTHER;
        } else {
            authDataExpected = code == Replies.AUTH_DATA_WANTED;
        }
    }

    private void authDataAnswered(int code) {
        boolean accepted = code == Replies.AUTH_DATA_ACCEPTED || code == Replies.AUTH_ACCEPTED;
        if (accepted && authDataExpected) {
            secured = Secured.OTHER;
        } else {
            authDataExpected &= code == Replies.AUTH_DATA_CONTINUES;
        }
    }

    // ---- announcements

    private Announcement announcement(TransferMode mode, HostPort read, Line line, long asked) {
        IpAddress host = null;
        int port = 0;
        if (read instanceof HostPort.Found found) {
            host = found.host() == null ? admission.server() : found.host();
            port = found.port();
        }
        String text = line.printable(0, Announcement.LONGEST_TEXT);
        return new Announcement(mode, text, line.first, line.last, asked, host, port);
    }

    /** Checks that need no reply; false after telling of a refusal. */
    private boolean admit(Announcement announcement, HostPort read, boolean oddLine) {
        IpAddress address = announcement.address();
        if (!(read instanceof HostPort.Found found) || address == null) {
            String why = read instanceof HostPort.Malformed malformed ? malformed.why() : "";
            refuse(announcement, Anomaly.MALFORMED_ANNOUNCEMENT, announcement.text() + ": " + why);
            return false;
        }
        boolean odd = oddLine || found.odd();
        if (odd && policy.strict()) {
            String detail = announcement.text() + ": not in the exact form";
            refuse(announcement, Anomaly.MALFORMED_ANNOUNCEMENT, detail);
            return false;
        }
        if (odd) {
            alerts.raise(Anomaly.ODD_ANNOUNCEMENT, announcement.position(), announcement.text());
        }
        Anomaly objection = admission.judge(announcement, address);
        if (objection != Anomaly.NONE) {
            refuse(announcement, objection, announcement.text());
            return false;
        }
        if (admission.substituted(announcement, address)) {
            alerts.raise(
                    Anomaly.ADDRESS_MISMATCH,
                    announcement.position(),
                    announcement.text() + ": the pinhole leads to " + admission.server());
        }
        return true;
    }

    /** Checks made when the server has confirmed; false after telling of a refusal. */
    private boolean mayOpen(Announcement announcement) {
        if (unremembered > 0) {
            refuse(announcement, Anomaly.PIPELINE_FULL, "too many commands outstanding");
            return false;
        }
        if (epsvAll && announcement.mode() != TransferMode.EPSV) {
            refuse(announcement, Anomaly.EPSV_ALL_VIOLATION, announcement.text());
            return false;
        }
        if ((policy.requireLogin() || policy.strict()) && !login.isComplete()) {
            refuse(announcement, Anomaly.NOT_LOGGED_IN, announcement.text());
            return false;
        }
        return true;
    }

    private void unsolicited(int code, Line line, String circumstance) {
        HostPort read =
                line.isWhole()
                        ? Replies.endpoint(code, line.latin1(3, line.length()))
                        : new HostPort.Malformed("line cannot be read");
        unsolicited(code, read, line, circumstance);
    }

    private void unsolicited(int code, HostPort read, Line line, String circumstance) {
        if (!(read instanceof HostPort.Found)) {
            // "227 Logout." to QUIT (pure-ftpd#175): nothing to refuse, but no address either.
            String text = line.printable(0, Announcement.LONGEST_TEXT);
            alerts.raise(Anomaly.MALFORMED_ANNOUNCEMENT, line.last, text + ": no address in it");
            return;
        }
        TransferMode mode =
                switch (code) {
                    case Replies.PASSIVE -> TransferMode.PASSIVE;
                    case Replies.LONG_PASSIVE -> TransferMode.LPSV;
                    default -> TransferMode.EPSV;
                };
        Announcement announcement = announcement(mode, read, line, -1);
        String detail = announcement.text() + ": " + circumstance;
        refuse(announcement, Anomaly.UNSOLICITED_REPLY, detail);
    }

    private void refuse(Announcement announcement, Anomaly why, String detail) {
        if (why != Anomaly.PIPELINE_FULL) {
            alerts.raise(why, announcement.position(), detail);
        }
        listener.refused(announcement, why, detail);
    }

    // ---- what is known

    /** What the last reply made of the stream; asked after each. */
    Secured secured() {
        return secured;
    }

    /** True if commands are outstanding, such as those smuggled in behind AUTH. */
    boolean isWaiting() {
        return !outstanding.isEmpty() || unremembered > 0;
    }

    /** True if the only command outstanding is AUTH: TLS may begin as soon as it is answered. */
    boolean awaitsAuth() {
        return outstanding.size() == 1 && outstanding.element().is(Command.Role.AUTH);
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

    @Nullable String greeting() {
        return greeting;
    }

    @Nullable String serverSoftware() {
        return serverSoftware;
    }
}
