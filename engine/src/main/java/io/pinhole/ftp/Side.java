package io.pinhole.ftp;

/** An FTP role, and the direction of what it sends. Not to be mixed up with original and reply. */
public enum Side {
    CLIENT,
    SERVER;

    public Side other() {
        return this == CLIENT ? SERVER : CLIENT;
    }
}
