package io.pinhole.cli;

import io.pinhole.control.ControlAddress;
import io.pinhole.control.ControlClient;
import io.pinhole.control.ControlException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which gateway to ask, for {@code @Mixin} into a command. */
final class ControlClientOptions {
    @Option(
            names = "--control",
            paramLabel = "ADDRESS",
            description = {
                "The gateway's control API: unix:PATH (default",
                "unix:" + ControlServerOptions.USUAL + ") or ADDRESS:PORT."
            })
    private @Nullable String control;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description = "File with the API's token, where it asks for one.")
    private @Nullable Path tokenFile;

    @Option(
            names = "--ca",
            paramLabel = "FILE",
            description = "PEM file with the certificate to trust: use TLS.")
    private @Nullable Path authority;

    @Option(names = "--json", description = "JSON for machines, one object a line.")
    boolean json;

    ControlClient client() throws UserError {
        String where = control == null ? "unix:" + ControlServerOptions.USUAL : control;
        ControlAddress address = ControlAddress.parse(where);
        if (address == null) {
            throw new UserError(
                    "--control "
                            + SettingsText.quoted(where)
                            + " is not unix:PATH or ADDRESS:PORT");
        }
        return new ControlClient(
                new ControlClient.Target(
                        address, ControlServerOptions.token(tokenFile), authority));
    }

    /** What went wrong, for the user. */
    static UserError told(ControlException e) {
        return new UserError(
                String.valueOf(e.getMessage()),
                "Is 'pinhole gateway' running, and may you open its socket?"
                        + " --control says where it is.");
    }
}
