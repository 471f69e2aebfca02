package io.pinhole.capture.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Tells systemd how the service does (sd_notify(3)). Where it did not ask, nothing is sent. Any
 * thread.
 */
public final class NotifySocket implements AutoCloseable {
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int MAX_PATH = 108;

    private final Arena arena = Arena.ofShared();
    private final Sys sys = new Sys(arena);
    private final int fd;
    private final MemorySegment address;
    private boolean closed;

    /**
     * @param path what systemd put into NOTIFY_SOCKET; empty where it did not
     */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    public NotifySocket(String path) {
        byte[] name = path.getBytes(StandardCharsets.UTF_8);
        boolean usable =
                name.length > 0 && name.length < MAX_PATH && (name[0] == '/' || name[0] == '@');
        address = arena.allocate(usable ? 2 + name.length : 2, 8);
        address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
        if (usable) {
            MemorySegment.copy(name, 0, address, ValueLayout.JAVA_BYTE, 2, name.length);
            if (name[0] == '@') {
                address.set(ValueLayout.JAVA_BYTE, 2, (byte) 0); // the abstract namespace
            }
        }
        fd = usable ? sys.socket(AF_UNIX, SOCK_DGRAM | Sys.SOCK_CLOEXEC, 0) : -1;
    }

    /**
     * Sends one message, such as {@code READY=1}.
     *
     * @return false if there is nobody to tell, or it did not arrive
     */
    public synchronized boolean send(String message) {
        if (fd < 0 || closed) {
            return false;
        }
        byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
        try (Arena local = Arena.ofConfined()) {
            MemorySegment data = local.allocate(bytes.length);
            MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return sys.sendto(fd, data, bytes.length, Sys.MSG_DONTWAIT, address) == bytes.length;
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (fd >= 0) {
            sys.close(fd);
        }
        arena.close();
    }
}
