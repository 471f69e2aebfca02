package io.pinhole.ftp;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds a product's name and version in a greeting. */
final class ServerSoftware {
    private static final int LONGEST_VERSION = 24;

    /** As their makers write them. A name that holds another one comes first. */
    private static final List<String> PRODUCTS =
            List.of(
                    "vsFTPd",
                    "ProFTPD",
                    "Pure-FTPd",
                    "pyftpdlib",
                    "FileZilla Server",
                    "Microsoft FTP Service",
                    "Apache FtpServer",
                    "Serv-U",
                    "CrushFTP",
                    "WS_FTP Server",
                    "Wing FTP Server",
                    "Xlight",
                    "Titan FTP Server",
                    "Cerberus FTP Server",
                    "Gene6 FTP Server",
                    "GlobalSCAPE",
                    "glFTPd",
                    "NcFTPd",
                    "Bftpd",
                    "BusyBox",
                    "uftpd",
                    "SFTPGo",
                    "wu-ftpd",
                    "GNU inetutils");

    private ServerSoftware() {}

    /**
     * @param greeting printable text
     * @return such as {@code vsFTPd 3.0.3} or {@code ProFTPD}; null if no product is known
     */
    static @Nullable String in(String greeting) {
        for (String product : PRODUCTS) {
            int length = product.length();
            for (int at = 0; at <= greeting.length() - length; at++) {
                if (greeting.regionMatches(true, at, product, 0, length)) {
                    String version = version(greeting, at + length);
                    return version.isEmpty() ? product : product + " " + version;
                }
            }
        }
        return null;
    }

    /** What stands after the name and one separator, if it begins with a digit. */
    private static String version(String greeting, int afterName) {
        int start = afterName;
        if (start < greeting.length() && " /-".indexOf(greeting.charAt(start)) >= 0) {
            start++;
        }
        if (start == afterName || start >= greeting.length() || !isDigit(greeting.charAt(start))) {
            return "";
        }
        int end = start;
        int limit = Math.min(greeting.length(), start + LONGEST_VERSION);
        while (end < limit && isVersionChar(greeting.charAt(end))) {
            end++;
        }
        // A full stop may end the sentence.
        while (!isDigit(greeting.charAt(end - 1)) && !isLetter(greeting.charAt(end - 1))) {
            end--;
        }
        return greeting.substring(start, end);
    }

    private static boolean isVersionChar(char c) {
        return isDigit(c) || isLetter(c) || c == '.' || c == '-' || c == '_';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isLetter(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
    }
}
