package io.pinhole.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file name in, its text out, or one line that says why not. */
final class SettingsFile {
    private static final int MAX_BYTES = 1 << 20;

    /** The file cannot be read as settings; the message starts with its name. */
    static final class UnreadableException extends Exception {
        private static final long serialVersionUID = 1;

        UnreadableException(String message) {
            super(message);
        }
    }

    private SettingsFile() {}

    /**
     * The text of {@code file} without a byte order mark.
     *
     * @param required whether it must exist; if not, a missing file is an empty one
     */
    static String read(Path file, boolean required) throws UnreadableException {
        String name = name(file);
        byte[] bytes;
        try {
            if (file.toString().isEmpty()) throw new NoSuchFileException("");
            if (Files.isDirectory(file)) throw new UnreadableException(name + ": is a directory");
            // Not Files.size: a pipe has none.
            try (InputStream in = Files.newInputStream(file)) {
                bytes = in.readNBytes(MAX_BYTES + 1);
            }
        } catch (NoSuchFileException e) {
            if (!required) return "";
            throw new UnreadableException(name + ": no such file");
        } catch (AccessDeniedException e) {
            throw new UnreadableException(name + ": permission denied");
        } catch (IOException e) {
            throw new UnreadableException(name + ": " + reason(e));
        }
        if (bytes.length > MAX_BYTES) {
            throw new UnreadableException(name + ": larger than 1 MiB, so these are no settings");
        }
        return decoded(name, bytes);
    }

    /** The name as messages and comments give it. */
    static String name(Path file) {
        String name = SettingsText.visible(file.toString());
        return name.isEmpty() ? "''" : name;
    }

    private static String decoded(String name, byte[] bytes) throws UnreadableException {
        CharBuffer text = CharBuffer.allocate(bytes.length);
        boolean malformed =
                StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(bytes), text, true)
                        .isError();
        String decoded = text.flip().toString();
        if (malformed) {
            long line = 1 + decoded.chars().filter(c -> c == '\n').count();
            int column = decoded.length() - decoded.lastIndexOf('\n');
            throw new UnreadableException(name + ":" + line + ":" + column + ": not UTF-8");
        }
        return decoded.startsWith("\ufeff") ? decoded.substring(1) : decoded;
    }

    private static String reason(IOException e) {
        String message = e.getMessage();
        return SettingsText.visible(message == null ? e.getClass().getSimpleName() : message);
    }
}
