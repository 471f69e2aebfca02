package io.pinhole.control;

import io.pinhole.core.IpAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where the control API listens. */
public sealed interface ControlAddress {
    /** Longest path of a socket: sockaddr_un.sun_path holds 108 bytes with the final zero. */
    int MAX_PATH = 107;

    /** A socket in the file system: who may open the file may ask. */
    record Unix(Path path) implements ControlAddress {
        @Override
        public String toString() {
            return "unix:" + path;
        }
    }

    /** A TCP port. */
    record Tcp(IpAddress address, int port) implements ControlAddress {
        /** 127/8 or ::1. */
        public boolean isLoopback() {
            return address.isV4()
                    ? address.v4Bits() >>> 24 == 127
                    : address.high() == 0 && address.low() == 1;
        }

        @Override
        public String toString() {
            return address.isV4() ? address + ":" + port : "[" + address + "]:" + port;
        }
    }

    /**
     * Reads {@code unix:/run/pinhole/control.sock}, a path with a slash, {@code 127.0.0.1:7621} or
     * {@code [::1]:7621}.
     *
     * @return null if it is none of these
     */
    static @Nullable ControlAddress parse(String text) {
        if (text.startsWith("unix:") || text.startsWith("/") || text.startsWith("./")) {
            String path = text.startsWith("unix:") ? text.substring(5) : text;
            try {
                return path.isEmpty() || path.length() > MAX_PATH ? null : new Unix(Path.of(path));
            } catch (InvalidPathException e) {
                return null;
            }
        }
        int colon = text.lastIndexOf(':');
        if (colon < 1) {
            return null;
        }
        String host = text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.equals("localhost")) {
            host = "127.0.0.1";
        }
        IpAddress address = IpAddress.parse(host);
        String port = text.substring(colon + 1);
        if (address == null
                || port.isEmpty()
                || port.length() > 5
                || !port.chars().allMatch(c -> c >= '0' && c <= '9')
                || Integer.parseInt(port) > 65_535) {
            return null;
        }
        return new Tcp(address, Integer.parseInt(port));
    }

    /** For a channel. */
    default java.net.SocketAddress socket() {
        return switch (this) {
            case Unix(Path path) -> UnixDomainSocketAddress.of(path);
            case Tcp(IpAddress address, int port) -> {
                try {
                    yield new InetSocketAddress(InetAddress.getByName(address.toString()), port);
                } catch (UnknownHostException e) {
                    throw new IllegalStateException(e); // a literal needs no look-up
                }
            }
        };
    }
}
