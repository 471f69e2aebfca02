package io.pinhole.benchmarks.generate;

import io.pinhole.core.TransferMode;
import java.util.Locale;

/**
 * Servers by what they say and how they connect. Lines without CRLF, several separated by a line
 * feed; {@code %s} stands for what the line is about.
 */
enum FtpServer {
    VSFTPD(
            "220 (vsFTPd 3.0.5)",
            "331 Please specify the password.",
            "230 Login successful.",
            "200 %s command successful. Consider using PASV.",
            "227 Entering Passive Mode (%s).",
            "229 Entering Extended Passive Mode (|||%s|)",
            "150 Opening BINARY mode data connection for %s.",
            "226 Transfer complete.",
            "221 Goodbye.",
            Habit.FROM_20),
    PROFTPD(
            "220 ProFTPD Server (archive) [198.19.0.1]",
            "331 Password required for %s",
            "230 User %s logged in",
            "200 %s command successful",
            "227 Entering Passive Mode (%s).",
            "229 Entering Extended Passive Mode (|||%s|)",
            "150 Opening BINARY mode data connection for %s",
            "226 Transfer complete",
            "221 Goodbye.",
            Habit.FROM_20),
    PURE_FTPD(
            """
            220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------
            220-You are user number 7 of 50 allowed.
            220-Local time is now 09:14. Server port: 21.
            220-This is a private system - No anonymous login
            220 You will be disconnected after 15 minutes of inactivity.""",
            "331 User %s OK. Password required",
            "230 OK. Current directory is /",
            "200 %s command successful",
            "227 Entering Passive Mode (%s)",
            "229 Extended Passive mode OK (|||%s|)",
            "150 Accepted data connection",
            "226-File successfully transferred\n226 0.002 seconds (measured here), 4.11 Mbytes per second",
            "221-Goodbye. You uploaded 0 and downloaded 2 kbytes.\n221 Logout.",
            Habit.FROM_20),
    PYFTPDLIB(
            "220 pyftpdlib 1.5.9 ready.",
            "331 Username ok, send password.",
            "230 Login successful.",
            "200 Active data connection established.",
            "227 Entering passive mode (%s).",
            "229 Entering extended passive mode (|||%s|).",
            "125 Data connection already open. Transfer starting.",
            "226 Transfer complete.",
            "221 Goodbye.",
            Habit.CONNECTS_FIRST),
    IIS(
            "220 Microsoft FTP Service",
            "331 Password required for %s.",
            "230-Directory has 51,200,000,000 bytes of disk space available.\n230 User logged in.",
            "200 %s command successful.",
            "227 Entering Passive Mode (%s).",
            "229 Entering Extended Passive Mode (|||%s|)",
            "125 Data connection already open; Transfer starting.",
            "226 Transfer complete.",
            "221 Goodbye.",
            Habit.FROM_20),
    FILEZILLA(
            """
            220-FileZilla Server 1.8.2
            220-Written by the archive team
            220 Please visit https://example.net/""",
            "331 Please, specify the password.",
            "230 Login successful.",
            "200 %s command successful",
            "227 Entering Passive Mode (%s)",
            "229 Entering Extended Passive Mode (|||%s|)",
            "150 About to start data transfer.",
            "226 Operation successful",
            "221 Goodbye.",
            Habit.ANY_PORT),
    WU_FTPD(
            """
            220-
            220-  227 Entering Passive Mode (198,19,0,1,4,1) is what you will read here.
            220-
            220 archive FTP server (Version wu-2.6.2(1)) ready.""",
            "331 Password required for %s.",
            "230 User %s logged in.  Access restrictions apply.",
            "200 %s command successful.",
            "227 Entering Passive Mode (%s)",
            "229 Entering Extended Passive Mode (|||%s|)",
            "150 Opening BINARY mode data connection for %s.",
            "226 Transfer complete.",
            "221-You have transferred 1080 bytes in 1 files.\n221 Goodbye.",
            Habit.FROM_20),
    Z_OS(
            "220-FTPD1 IBM FTP CS V2R4 at S0W1, 09:12:04 on 2026-03-02.\n"
                    + "220 Connection will close if idle for more than 5 minutes.",
            "331 Send password please.",
            "230 %s is logged on.  Working directory is \"/u/batch\".",
            "200 %s request OK.",
            "227 Entering Passive Mode (%s)",
            "229 Entering Extended Passive Mode (|||%s|)",
            "125 Sending data set /u/batch/%s",
            "250 Transfer completed successfully.",
            "221 Quit command received. Goodbye.",
            Habit.FROM_20),
    PUBLICFILE(
            "220 Features: a p .",
            "331 Hello.",
            "230 Hi. No need to log in; I'm an anonymous ftp server.",
            "200 Okay.",
            "227 =%s",
            "229 Okay (!!!%s!)",
            "150 Making transfer connection...",
            "226 Success.",
            "221 Bye.",
            Habit.ANY_PORT),
    BARE(
            "220 device FTP ready",
            "331 pw",
            "230 ok",
            "200 ok",
            "227 Passive mode on %s",
            "229 Modo pasivo (|||%s|)",
            "150 ok",
            "226 ok",
            "221 bye",
            Habit.ANY_PORT);

    /** How a server opens active data connections. */
    enum Habit {
        FROM_20,
        ANY_PORT,
        /** Connects, from any port, before it answers PORT; as pyftpdlib does. */
        CONNECTS_FIRST
    }

    final String banner;
    final String askPassword;
    final String loggedIn;
    private final String activeOk;
    private final String passive;
    private final String extendedPassive;
    private final String opening;
    final String complete;
    final String bye;
    final Habit habit;

    FtpServer(
            String banner,
            String askPassword,
            String loggedIn,
            String activeOk,
            String passive,
            String extendedPassive,
            String opening,
            String complete,
            String bye,
            Habit habit) {
        this.banner = banner;
        this.askPassword = askPassword;
        this.loggedIn = loggedIn;
        this.activeOk = activeOk;
        this.passive = passive;
        this.extendedPassive = extendedPassive;
        this.opening = opening;
        this.complete = complete;
        this.bye = bye;
        this.habit = habit;
    }

    /** The answer to a command that opens no data connection. */
    String answer(String command) {
        String argument = command.substring(command.indexOf(' ') + 1);
        String verb = command.split(" ", 2)[0].toUpperCase(Locale.ROOT);
        return switch (verb) {
            case "USER" -> askPassword.replace("%s", argument);
            case "PASS" -> loggedIn.replace("%s", "anna");
            case "SYST" -> this == IIS ? "215 Windows_NT" : "215 UNIX Type: L8";
            case "PWD" -> "257 \"/\" is the current directory";
            case "FEAT" ->
                    "211-Features:\n EPRT\n EPSV\n MDTM\n PASV\n REST STREAM\n SIZE\n TVFS\n211 End";
            case "SIZE" -> "213 1080";
            case "MDTM" -> "213 20260301120000";
            case "CWD" -> "250 Directory successfully changed.";
            case "REST" -> "350 Restarting at " + argument + ".";
            case "HELP" ->
                    "214-The following commands are recognized.\n PORT PASV RETR\n214 Help OK.";
            case "STAT" ->
                    "211-Status of archive:\n     227 transfers today\n     TYPE: BINARY\n211 End";
            case "AUTH" -> "502 Command not implemented.";
            case "EPSV" -> "200 EPSV ALL ok.";
            case "CLNT", "SITE", "HOST" -> "500 '" + command + "': command not understood.";
            case "QUIT" -> bye;
            default -> "200 " + verb + " ok.";
        };
    }

    /** The answer to an active announcement. */
    String active(TransferMode mode) {
        return activeOk.replace("%s", mode == TransferMode.ACTIVE ? "PORT" : mode.name());
    }

    /** The answer to a passive one. */
    String passive(TransferMode mode, Host host, int port) {
        return switch (mode) {
            case PASSIVE -> passive.replace("%s", EndPoints.rfc959(host.address, port));
            case LPSV ->
                    "228 Entering Long Passive Mode ("
                            + EndPoints.rfc1639(host.address, port)
                            + ")";
            default -> extendedPassive.replace("%s", Integer.toString(port));
        };
    }

    String opening(String file) {
        return opening.replace("%s", file);
    }
}
