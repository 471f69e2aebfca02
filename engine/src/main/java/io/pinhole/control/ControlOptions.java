package io.pinhole.control;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How the control API is served.
 *
 * @param token what clients must send as {@code Authorization: Bearer}; null for none
 * @param certificate PEM file with the certificate chain; null for no TLS
 * @param key PEM file with the private key, PKCS #8
 */
public record ControlOptions(
        ControlAddress address,
        @Nullable String token,
        @Nullable Path certificate,
        @Nullable Path key) {
    /** Shortest token that is taken: 128 bits in hex. */
    public static final int MIN_TOKEN = 32;

    /** What is wrong with them, or null. */
    public @Nullable String problem() {
        if ((certificate == null) != (key == null)) {
            return "TLS takes both a certificate and a key";
        }
        if (token != null && token.length() < MIN_TOKEN) {
            return "the token is too short: " + MIN_TOKEN + " characters at least";
        }
        if (address instanceof ControlAddress.Tcp tcp
                && !tcp.isLoopback()
                && (token == null || certificate == null)) {
            return tcp + " can be reached from outside: it takes a token and TLS";
        }
        return null;
    }
}
