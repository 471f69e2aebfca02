package io.pinhole.ftp;

import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Recognises requests of protocols whose clients a stranger can make speak to an FTP port, with FTP
 * commands in their body: NAT slipstreaming and cross-protocol requests.
 */
final class ForeignProtocols {
    private static final int LONGEST_VERB = 12;
    private static final int LONGEST_TEXT = 60;

    /** HTTP (RFC 9110), SIP (RFC 3261), RTSP (RFC 7826), SMTP (RFC 5321). */
    private static final Set<String> VERBS =
            Set.of(
                    "GET",
                    "HEAD",
                    "POST",
                    "PUT",
                    "DELETE",
                    "CONNECT",
                    "OPTIONS",
                    "TRACE",
                    "PATCH",
                    "INVITE",
                    "ACK",
                    "BYE",
                    "CANCEL",
                    "REGISTER",
                    "SUBSCRIBE",
                    "NOTIFY",
                    "MESSAGE",
                    "DESCRIBE",
                    "SETUP",
                    "PLAY",
                    "TEARDOWN",
                    "EHLO",
                    "HELO",
                    "STARTTLS");

    private ForeignProtocols() {}

    /**
     * @return the beginning of the line if it is such a request; it cannot hold an FTP password,
     *     because it begins with another verb
     */
    static @Nullable String request(Line line, int start, int end) {
        if (end - start > LONGEST_VERB) {
            return null;
        }
        String verb = line.latin1(start, end).toUpperCase(Locale.ROOT);
        return VERBS.contains(verb) ? line.printable(start, LONGEST_TEXT) : null;
    }
}
