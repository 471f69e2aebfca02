package io.pinhole.capture;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** Words of messages that more than one class needs. */
final class Text {
    private Text() {}

    /** What an operating system error means, on one line and without the file's name. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> "no such file";
            case AccessDeniedException denied -> "permission denied";
            case FileSystemException other when other.getReason() != null -> other.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }

    /**
     * Says what a file is that is no capture, with the cure where there is one.
     *
     * @param first its first four bytes as an int in native order
     * @param unpacked whether they came out of gzip
     */
    static String notACapture(int first, boolean unpacked) {
        int magic = Window.NATIVE_BIG_ENDIAN ? first : Integer.reverseBytes(first);
        String other = foreign(magic);
        if (other != null) {
            return other;
        }
        return unpacked
                ? "is gzip, but what is inside is no pcap or pcapng"
                : "is no capture file; supported: pcap, pcapng, and either packed with gzip";
    }

    private static @Nullable String foreign(int magic) {
        if (magic >>> 8 == 0x425a68) {
            return "is packed with bzip2; unpack it first: bunzip2 -k FILE";
        }
        return switch (magic) {
            case 0x28b52ffd -> "is packed with zstd; unpack it first: zstd -d FILE";
            case 0x04224d18 -> "is packed with lz4; unpack it first: lz4 -d FILE";
            case 0xfd377a58 -> "is packed with xz; unpack it first: xz -dk FILE";
            case 0x504b0304 -> "is a zip archive; unpack it first: unzip FILE";
            case 0x1f8b0800, 0x1f8b0808 ->
                    "is packed with gzip twice; unpack it first: gunzip FILE";
            case 0x736e6f6f -> "is a snoop capture; convert it: editcap -F pcapng FILE NEW";
            default -> null;
        };
    }
}
