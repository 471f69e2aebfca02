package io.pinhole.cli;

import io.pinhole.control.ControlAddress;
import io.pinhole.control.ControlException;
import io.pinhole.control.ControlOptions;
import io.pinhole.control.ControlServer;
import io.pinhole.control.api.Gateway;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the gateway's control API listens, for {@code @Mixin} into a command. */
final class ControlServerOptions {
    /** Where gateway and clients meet if nobody says otherwise. */
    static final String USUAL = "/run/pinhole/control.sock";

    @Option(
            names = "--control",
            paramLabel = "ADDRESS",
            description = {
                "Where the control API listens: unix:PATH (default",
                "unix:" + USUAL + "), a loopback",
                "address with port, any other only with token and TLS;",
                "none for no API."
            })
    private @Nullable String control;

    @Option(
            names = "--control-token-file",
            paramLabel = "FILE",
            description = "File with the token that API clients must send.")
    private @Nullable Path tokenFile;

    @Option(
            names = "--control-tls",
            split = ",",
            paramLabel = "CERT,KEY",
            description = "PEM files with certificate chain and key for the API.")
    private Path[] tls = {};

    /**
     * Starts the API.
     *
     * @return null if none is wanted, or the usual place cannot be had: nobody asked for it, and a
     *     gateway without an API still judges
     * @throws UserError if the place that was asked for cannot be had
     */
    @Nullable ControlServer start(Gateway gateway) throws UserError {
        if ("none".equals(control)) {
            return null;
        }
        try {
            if (control == null) {
                Files.createDirectories(Path.of(USUAL).getParent());
            }
            return ControlServer.start(gateway, options());
        } catch (ControlException e) {
            return without(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return without(
                    "control API: cannot make the folder of " + USUAL + ": " + e.getMessage());
        }
    }

    private ControlOptions options() throws UserError {
        String where = control == null ? "unix:" + USUAL : control;
        ControlAddress address = ControlAddress.parse(where);
        if (address == null) {
            throw new UserError(
                    "--control "
                            + SettingsText.quoted(where)
                            + " is not unix:PATH or ADDRESS:PORT; none for no API");
        }
        if (tls.length != 0 && tls.length != 2) {
            throw new UserError("--control-tls takes CERT,KEY");
        }
        return new ControlOptions(
                address,
                token(tokenFile),
                tls.length == 2 ? tls[0] : null,
                tls.length == 2 ? tls[1] : null);
    }

    private @Nullable ControlServer without(String why) throws UserError {
        String cure = "--control names another address, --control none does without.";
        if (control != null) {
            throw new UserError(why, cure);
        }
        System.err.println("pinhole: " + why + "; going on without it");
        System.err.println(cure);
        return null;
    }

    /** The token in a file, without the end of its line; null for no file. */
    static @Nullable String token(@Nullable Path file) throws UserError {
        if (file == null) {
            return null;
        }
        try {
            if (Files.size(file) > 4096) {
                throw new UserError(file + " is too long for a token");
            }
            String token = Files.readString(file).strip();
            if (token.isEmpty() || token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
                throw new UserError(file + " holds no token: one line of printable ASCII");
            }
            return token;
        } catch (IOException e) {
            throw new UserError("cannot read the token file " + file + ": " + e.getMessage());
        }
    }
}
