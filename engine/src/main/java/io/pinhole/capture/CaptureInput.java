package io.pinhole.capture;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One input of {@link CaptureFiles}: opens it, finds its format, counts what it hands out.
 *
 * <p>A plain regular file is mapped. What is compressed, or is a pipe or a device, is streamed. A
 * compressed file that has to wait for its turn is closed meanwhile, so that a thousand of them do
 * not need a thousand file descriptors.
 */
final class CaptureInput implements AutoCloseable {
    private static final int MAGIC_LENGTH = 4;

    private final String name;
    private final @Nullable InputStream stdin;
    private final String label;
    private @Nullable FormatReader reader;
    private @Nullable GzipChannel gzip;
    private @Nullable CapturedPacket first;
    private @Nullable CaptureException firstDamage;
    private boolean waiting;
    private boolean regular;
    private long size = -1;
    private long packets;
    private long bytes;
    private long unsupportedLinks;
    private @Nullable String damage;

    /**
     * @param name as the user gave it
     * @param stdin where the name means standard input, else null
     */
    CaptureInput(String name, @Nullable InputStream stdin) {
        this.name = name;
        this.stdin = stdin;
        label = stdin == null ? name : "standard input";
    }

    String name() {
        return name;
    }

    /** Bytes of the input as it lies, -1 if unknown. */
    long size() {
        return size;
    }

    /** Bytes consumed of the input as it lies. */
    long position() {
        if (reader == null) {
            return 0;
        }
        return gzip == null ? reader.window.offset() : gzip.consumed();
    }

    FileTotals totals() {
        return new FileTotals(packets, bytes, unsupportedLinks, damage);
    }

    /** Reads the file header; {@code UNREADABLE} if there is none that can be read. */
    void open() throws CaptureException {
        Window window = null;
        try {
            window = stdin == null ? openFile() : openStream(Channels.newChannel(stdin));
            reader = openFormat(window);
        } catch (IOException e) {
            throw unreadable(Text.reason(e));
        } catch (InternalError e) {
            throw shrunk(CaptureException.Kind.UNREADABLE, e);
        } finally {
            if (reader == null && window != null) {
                window.close();
            }
        }
    }

    /**
     * Reads the first packet and keeps it for {@link #next}.
     *
     * @return its time; {@code Long.MAX_VALUE} if there is none
     */
    long firstTime() {
        CapturedPacket packet = new CapturedPacket();
        long time = Long.MAX_VALUE;
        try {
            if (read(packet)) {
                first = packet;
                time = packet.timeNanos;
            }
        } catch (CaptureException e) {
            firstDamage = e;
        }
        if (regular && gzip != null) {
            close();
            first = null;
            firstDamage = null;
            waiting = true;
        }
        return time;
    }

    /** As {@link FormatReader#next}. */
    boolean next(CapturedPacket into) throws CaptureException {
        try {
            if (waiting) {
                waiting = false;
                open();
            }
            if (firstDamage != null) {
                throw firstDamage;
            }
            if (first != null) {
                into.set(first);
                first = null;
            } else if (!read(into)) {
                return false;
            }
        } catch (CaptureException e) {
            firstDamage = null;
            end();
            damage = e.getMessage();
            // A file that was fine a moment ago: others have been judged since.
            throw new CaptureException(CaptureException.Kind.DAMAGED, e.getMessage());
        }
        packets++;
        bytes += into.wireLength;
        if (into.unsupportedLink) {
            unsupportedLinks++;
        }
        return true;
    }

    private boolean read(CapturedPacket into) throws CaptureException {
        try {
            return reader != null && reader.next(into);
        } catch (InternalError e) {
            throw shrunk(CaptureException.Kind.DAMAGED, e);
        }
    }

    /** Ends this input because of a fault in its mapped memory; rethrows any other error. */
    CaptureException endAfter(InternalError e) {
        CaptureException answer = shrunk(CaptureException.Kind.DAMAGED, e);
        damage = answer.getMessage();
        end();
        return answer;
    }

    /** The JVM answers an access to a mapped page that is gone with an InternalError. */
    private CaptureException shrunk(CaptureException.Kind kind, InternalError e) {
        if (!String.valueOf(e.getMessage()).contains("unsafe memory access")) {
            throw e;
        }
        return new CaptureException(
                kind, label + ": file became shorter, or its disk failed, while it was read");
    }

    private Window openFile() throws CaptureException, IOException {
        Path path;
        try {
            path = Path.of(name);
        } catch (InvalidPathException e) {
            throw unreadable("not a file name: " + e.getReason());
        }
        if (Files.isDirectory(path)) {
            throw unreadable("is a directory; name the capture files in it");
        }
        regular = Files.isRegularFile(path);
        FileChannel file = FileChannel.open(path);
        try {
            Window window = regular ? openRegular(file) : openStream(file);
            if (window.isMapped()) {
                file.close();
            }
            return window;
        } catch (IOException | CaptureException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private Window openRegular(FileChannel file) throws CaptureException, IOException {
        size = file.size();
        ByteBuffer magic = ByteBuffer.allocate(MAGIC_LENGTH);
        while (magic.hasRemaining() && file.read(magic, magic.position()) >= 0) {
            // until four bytes or the end
        }
        if (isGzip(magic)) {
            gzip = new GzipChannel(file);
            return Window.streamed(gzip);
        }
        try {
            return Window.mapped(file);
        } catch (IOException e) {
            return Window.streamed(file); // some file systems cannot map
        }
    }

    private Window openStream(ReadableByteChannel channel) throws IOException {
        ByteBuffer magic = ByteBuffer.allocate(MAGIC_LENGTH);
        while (magic.hasRemaining() && channel.read(magic) >= 0) {
            // until four bytes or the end
        }
        boolean packed = isGzip(magic);
        ReadableByteChannel all = new Rejoined(magic.flip(), channel);
        if (packed) {
            gzip = new GzipChannel(all);
            return Window.streamed(gzip);
        }
        return Window.streamed(all);
    }

    private static boolean isGzip(ByteBuffer magic) {
        return magic.position() >= 2
                && Byte.toUnsignedInt(magic.get(0)) == GzipChannel.MAGIC_1
                && Byte.toUnsignedInt(magic.get(1)) == GzipChannel.MAGIC_2;
    }

    private FormatReader openFormat(Window window) throws CaptureException {
        if (!window.has(MAGIC_LENGTH)) {
            String failure = window.failure();
            if (failure != null) {
                throw unreadable(failure);
            }
            long length = window.available();
            throw unreadable(
                    length == 0
                            ? "is empty (0 bytes)"
                            : "is no capture file: it has only %d bytes".formatted(length));
        }
        int magic = window.segment().get(Window.I32, window.at());
        if (PcapReader.isMagic(magic)) {
            return new PcapReader(label, window);
        }
        if (magic == PcapngReader.SECTION_HEADER) {
            return new PcapngReader(label, window);
        }
        throw unreadable(Text.notACapture(magic, gzip != null));
    }

    private CaptureException unreadable(String why) {
        return new CaptureException(CaptureException.Kind.UNREADABLE, label + ": " + why);
    }

    /** Gives up the rest; packets of a mapped file stay where they are until {@link #close}. */
    void end() {
        if (reader != null) {
            reader.end();
        }
    }

    @Override
    public void close() {
        if (reader != null) {
            reader.close();
            reader = null;
        }
    }

    /** The bytes that were looked at, then the rest of the channel they came from. */
    private record Rejoined(ByteBuffer head, ReadableByteChannel rest)
            implements ReadableByteChannel {
        @Override
        public int read(ByteBuffer into) throws IOException {
            if (!head.hasRemaining()) {
                return rest.read(into);
            }
            int length = Math.min(head.remaining(), into.remaining());
            into.put(head.slice().limit(length));
            head.position(head.position() + length);
            return length;
        }

        @Override
        public boolean isOpen() {
            return rest.isOpen();
        }

        @Override
        public void close() throws IOException {
            rest.close();
        }
    }
}
