package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.core.TransferMode;

/** Makes announcements of lines, checks what can be checked without a reply, and tells of them. */
final class Announcer {
    private final Admission admission;
    private final HelperPolicy policy;
    private final DialogueListener listener;
    private final Alerts alerts;

    Announcer(Admission admission, HelperPolicy policy, DialogueListener listener, Alerts alerts) {
        this.admission = admission;
        this.policy = policy;
        this.listener = listener;
        this.alerts = alerts;
    }

    /** What the client announces with PORT, EPRT or LPRT. */
    static HostPort read(Command command, String argument) {
        return switch (command) {
            case PORT -> HostPort.port(argument);
            case EPRT -> HostPort.eprt(argument);
            default -> HostPort.lprt(argument);
        };
    }

    /** What the server announces with 227, 228 or 229. */
    static HostPort read(int code, Line line) {
        if (!line.isWhole()) {
            return HostPort.UNREADABLE;
        }
        String text = line.latin1(3, line.length());
        return switch (code) {
            case Replies.PASSIVE -> HostPort.reply227(text);
            case Replies.LONG_PASSIVE -> HostPort.reply228(text);
            default -> HostPort.reply229(text);
        };
    }

    static String text(Line line) {
        return line.printable(0, Announcement.LONGEST_TEXT);
    }

    /**
     * @param asked position of the command that asked for it, or -1
     */
    Announcement announcement(TransferMode mode, HostPort read, Line line, long asked) {
        IpAddress host = null;
        int port = 0;
        if (read instanceof HostPort.Found found) {
            host = found.host() == null ? admission.server() : found.host();
            port = found.port();
        }
        return new Announcement(mode, text(line), line.first, line.last, asked, host, port);
    }

    /**
     * Checks form and endpoint.
     *
     * @param oddLine the line around the endpoint is not in the exact form
     * @return false after telling of a refusal
     */
    boolean admit(Announcement announcement, HostPort read, boolean oddLine) {
        String text = announcement.text();
        IpAddress address = announcement.address();
        if (!(read instanceof HostPort.Found found) || address == null) {
            String why = read instanceof HostPort.Malformed malformed ? malformed.why() : "";
            refuse(announcement, Anomaly.MALFORMED_ANNOUNCEMENT, text + ": " + why);
            return false;
        }
        if (oddLine || found.odd()) {
            if (policy.strict()) {
                String detail = text + ": not in the exact form";
                refuse(announcement, Anomaly.MALFORMED_ANNOUNCEMENT, detail);
                return false;
            }
            alerts.raise(Anomaly.ODD_ANNOUNCEMENT, announcement.position(), text);
        }
        Anomaly objection = admission.judge(announcement, address);
        if (objection != Anomaly.NONE) {
            refuse(announcement, objection, text);
            return false;
        }
        if (admission.substituted(announcement, address)) {
            String detail = text + ": the pinhole leads to " + admission.server();
            alerts.raise(Anomaly.ADDRESS_MISMATCH, announcement.position(), detail);
        }
        return true;
    }

    /** A reply announces what nobody asked for. */
    void unsolicited(int code, Line line, String circumstance) {
        HostPort read = read(code, line);
        if (!(read instanceof HostPort.Found)) {
            // "227 Logout." to QUIT (pure-ftpd#175): nothing to refuse, but no address either.
            String detail = text(line) + ": no address in it";
            alerts.raise(Anomaly.MALFORMED_ANNOUNCEMENT, line.last, detail);
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

    /** Raises an alert and tells of the refusal. */
    void refuse(Announcement announcement, Anomaly why, String detail) {
        alerts.raise(why, announcement.position(), detail);
        listener.refused(announcement, why, detail);
    }

    /** Tells of a refusal that is no alert, or whose alert was raised before. */
    void refuseQuietly(Announcement announcement, Anomaly why, String detail) {
        listener.refused(announcement, why, detail);
    }
}
