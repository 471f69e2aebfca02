package io.pinhole.core;

/**
 * Direction of a packet within its flow: {@code ORIGINAL} is that of the flow's first packet. Never
 * to be mixed up with client and server, which are FTP roles.
 */
public enum Direction {
    ORIGINAL,
    REPLY;

    public Direction opposite() {
        return this == ORIGINAL ? REPLY : ORIGINAL;
    }
}
