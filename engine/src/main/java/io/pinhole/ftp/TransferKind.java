package io.pinhole.ftp;

import org.jspecify.annotations.Nullable;

/** What a data connection carries, by the command that asked for it. */
public enum TransferKind {
    /** The server sends a file: RETR. */
    DOWNLOAD,
    /** The client sends a file: STOR, STOU, APPE. */
    UPLOAD,
    /** The server sends a listing: LIST, NLST, MLSD. */
    LISTING;

    /**
     * @param command a verb in any case
     * @return null if it opens no data connection
     */
    public static @Nullable TransferKind of(String command) {
        return Command.of(command).transfer();
    }

    /** The side whose bytes fill the data connection. */
    public Side sender() {
        return this == UPLOAD ? Side.CLIENT : Side.SERVER;
    }
}
