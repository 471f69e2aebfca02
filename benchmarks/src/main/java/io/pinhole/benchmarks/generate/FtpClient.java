package io.pinhole.benchmarks.generate;

import io.pinhole.core.TransferMode;
import java.util.List;

/** Clients by what they say after the banner and how they want their data. */
enum FtpClient {
    CURL(List.of("USER anonymous", "PASS ftp@example.com", "PWD", "CWD pub"), Wish.EXTENDED, false),
    LFTP(
            List.of("FEAT", "CLNT lftp/4.9.2", "USER anna", "PASS secret", "PWD", "TYPE I"),
            Wish.PASSIVE,
            true),
    FILEZILLA(
            List.of(
                    "AUTH TLS",
                    "AUTH SSL",
                    "USER anna",
                    "PASS secret",
                    "SYST",
                    "FEAT",
                    "OPTS UTF8 ON",
                    "PWD",
                    "TYPE I"),
            Wish.PASSIVE,
            false),
    WINDOWS(List.of("OPTS UTF8 ON", "USER anna", "PASS secret"), Wish.PORT, false),
    INETUTILS(List.of("SYST", "USER anna", "PASS secret", "TYPE I"), Wish.ACTIVE, false),
    NCFTP(
            List.of("USER anonymous", "PASS NcFTP@", "PWD", "FEAT", "HELP SITE", "TYPE I"),
            Wish.ANY,
            false),
    FTPLIB(List.of("USER anna", "PASS secret", "TYPE A"), Wish.PASSIVE, false),
    WGET(List.of("USER anonymous", "PASS -wget@", "SYST", "PWD", "TYPE I"), Wish.PASSIVE, false),
    BATCH(List.of("USER edi", "PASS x", "TYPE I", "STRU F", "MODE S"), Wish.ANY, true),
    BSD(List.of("USER anna", "PASS secret", "SYST", "FEAT", "EPSV ALL"), Wish.EPSV_ONLY, false),
    OLD_BSD(List.of("USER anna", "PASS secret", "SYST"), Wish.LONG, false);

    private enum Wish {
        PASSIVE,
        ACTIVE,
        PORT,
        EXTENDED,
        EPSV_ONLY,
        LONG,
        ANY
    }

    final List<String> login;
    private final Wish wish;

    /** Sends commands without waiting for the answers. */
    final boolean pipelines;

    FtpClient(List<String> login, Wish wish, boolean pipelines) {
        this.login = login;
        this.wish = wish;
        this.pipelines = pipelines;
    }

    /** How it wants the next data connection: modes that fit the IP version. */
    TransferMode mode(boolean v4, Dice dice) {
        TransferMode passive = v4 && !dice.percent(20) ? TransferMode.PASSIVE : TransferMode.EPSV;
        TransferMode active = v4 && !dice.percent(20) ? TransferMode.ACTIVE : TransferMode.EPRT;
        return switch (wish) {
            case PASSIVE -> passive;
            case ACTIVE -> active;
            case PORT -> v4 ? TransferMode.ACTIVE : TransferMode.EPRT;
            case EXTENDED -> dice.percent(80) ? TransferMode.EPSV : TransferMode.EPRT;
            case EPSV_ONLY -> TransferMode.EPSV;
            case LONG -> dice.percent(50) ? TransferMode.LPRT : TransferMode.LPSV;
            case ANY -> dice.percent(50) ? passive : active;
        };
    }
}
