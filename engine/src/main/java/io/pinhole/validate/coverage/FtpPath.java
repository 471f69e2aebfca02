package io.pinhole.validate.coverage;

import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.path.Event;
import java.util.function.Predicate;

/** Ways an FTP session can take that rules decide about. */
public enum FtpPath {
    ACTIVE("active (PORT), data connection", used(TransferMode.ACTIVE, 4)),
    PASSIVE("passive (PASV), data connection", used(TransferMode.PASSIVE, 4)),
    EPRT_V4("EPRT over IPv4, data connection", used(TransferMode.EPRT, 4)),
    EPSV_V4("EPSV over IPv4, data connection", used(TransferMode.EPSV, 4)),
    EPRT_V6("EPRT over IPv6, data connection", used(TransferMode.EPRT, 6)),
    EPSV_V6("EPSV over IPv6, data connection", used(TransferMode.EPSV, 6)),
    REFUSED("an announcement that opens nothing", outcome(PinholeOutcome.REFUSED)),
    REPLACED("an announcement replaced by the next", outcome(PinholeOutcome.REPLACED)),
    CLOSED("a pinhole closed with its control connection", outcome(PinholeOutcome.CLOSED)),
    EXPIRED("a pinhole that nobody used in time", outcome(PinholeOutcome.EXPIRED)),
    ENCRYPTED("a control connection that turns to TLS", FtpPath::encrypted);

    private final String text;
    private final Predicate<Event> reached;

    FtpPath(String text, Predicate<Event> reached) {
        this.text = text;
        this.reached = reached;
    }

    /** In words. */
    public String text() {
        return text;
    }

    boolean reachedBy(Event event) {
        return reached.test(event);
    }

    private static Predicate<Event> used(TransferMode mode, int version) {
        return e ->
                e instanceof Event.Pinhole p
                        && p.helper()
                        && p.mode() == mode
                        && p.outcome() == PinholeOutcome.USED
                        && p.source().version() == version;
    }

    private static Predicate<Event> outcome(PinholeOutcome outcome) {
        return e -> e instanceof Event.Pinhole p && p.helper() && p.outcome() == outcome;
    }

    private static boolean encrypted(Event event) {
        return event instanceof Event.Control c && c.helper() && c.encryptedAt() != 0;
    }
}
