package io.pinhole.ftp;

import io.pinhole.core.TransferMode;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The verbs a client may send, and what each means to a firewall. A verb that is not listed is
 * {@link #UNKNOWN}: it is answered like any other but nothing is concluded from it.
 */
enum Command {
    // Announcements: RFC 959 section 4.1.2, RFC 2428, RFC 1639.
    PORT(TransferMode.ACTIVE),
    EPRT(TransferMode.EPRT),
    LPRT(TransferMode.LPRT),
    PASV(TransferMode.PASSIVE),
    EPSV(TransferMode.EPSV),
    LPSV(TransferMode.LPSV),

    // Transfers: RFC 959 section 4.1.3, RFC 3659 section 7.
    RETR(TransferKind.DOWNLOAD),
    STOR(TransferKind.UPLOAD),
    STOU(TransferKind.UPLOAD),
    APPE(TransferKind.UPLOAD),
    LIST(TransferKind.LISTING),
    NLST(TransferKind.LISTING),
    MLSD(TransferKind.LISTING),

    // Access: RFC 959 section 4.1.1. The argument of a secret is never kept.
    USER(Role.USER),
    PASS(Role.SECRET),
    ACCT(Role.SECRET),
    REIN(Role.REINITIALIZE),
    QUIT(Role.QUIT),

    // Security: RFC 2228, RFC 4217.
    AUTH(Role.AUTH),
    ADAT(Role.AUTH_DATA),
    CCC,
    CONF,
    ENC,
    MIC,
    PBSZ,
    PROT,

    // Commands that may be answered out of turn while a transfer runs.
    ABOR(Role.ABORT),
    STAT(Role.STATUS),

    // RFC 959, the rest; RFC 1123 section 4.1.3 wants the X forms of RFC 775.
    ALLO,
    CDUP,
    CWD,
    DELE,
    HELP,
    MKD,
    MODE,
    NOOP,
    PWD,
    REST,
    RMD,
    RNFR,
    RNTO,
    SITE,
    SMNT,
    STRU,
    SYST,
    TYPE,
    XCUP,
    XCWD,
    XMKD,
    XPWD,
    XRMD,
    // RFC 2389, 2640, 3659, 7151 and extensions seen with lftp, FileZilla, ProFTPD, Pure-FTPd.
    FEAT,
    OPTS,
    LANG,
    MDTM,
    MLST,
    SIZE,
    HOST,
    AVBL,
    CLNT,
    COMB,
    CPSV,
    CSID,
    DSIZ,
    ESTA,
    ESTP,
    HASH,
    MFCT,
    MFF,
    MFMT,
    RANG,
    SSCN,
    THMB,
    UTF8,
    XCRC,
    XMD5,
    XSHA,
    XSHA1,
    XSHA256,
    XSHA512,

    UNKNOWN;

    /** What the conversation does about a command and its reply. */
    enum Role {
        PLAIN,
        ANNOUNCEMENT,
        TRANSFER,
        USER,
        SECRET,
        REINITIALIZE,
        QUIT,
        AUTH,
        AUTH_DATA,
        ABORT,
        STATUS
    }

    private static final int LONGEST = 7;
    private static final Map<String, Command> BY_VERB = new HashMap<>();

    static {
        for (Command command : values()) {
            if (command != UNKNOWN) {
                BY_VERB.put(command.name(), command);
            }
        }
    }

    private final Role role;
    private final @Nullable TransferMode mode;
    private final @Nullable TransferKind transfer;

    Command() {
        this(Role.PLAIN);
    }

    Command(Role role) {
        this.role = role;
        this.mode = null;
        this.transfer = null;
    }

    Command(TransferMode mode) {
        this.role = Role.ANNOUNCEMENT;
        this.mode = mode;
        this.transfer = null;
    }

    Command(TransferKind transfer) {
        this.role = Role.TRANSFER;
        this.mode = null;
        this.transfer = transfer;
    }

    Role role() {
        return role;
    }

    /** How it announces a data connection; null if it does not. */
    @Nullable TransferMode mode() {
        return mode;
    }

    /** What it transfers; null if nothing. */
    @Nullable TransferKind transfer() {
        return transfer;
    }

    /** True if the argument names a user or a file; it may be shown. */
    boolean takesName() {
        return role == Role.USER || role == Role.TRANSFER;
    }

    static Command of(String verb) {
        return BY_VERB.getOrDefault(verb.toUpperCase(Locale.ROOT), UNKNOWN);
    }

    /** The verb in {@code line}, from {@code start} to {@code end}, in any case. */
    static Command of(Line line, int start, int end) {
        return end - start > LONGEST ? UNKNOWN : of(line.latin1(start, end));
    }
}
