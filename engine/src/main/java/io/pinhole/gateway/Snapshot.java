package io.pinhole.gateway;

import io.pinhole.path.JournalEntry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The established connections of a bridge, in a file: what the kernel's table is to a routing host
 * after a restart. Text, one connection a line, as in a recording's notes.
 */
final class Snapshot {
    private static final String HEADER = "pinhole-snapshot 1 ";

    /** Longer than TCP tries again: what is older is no one's any more. */
    private static final long MAX_AGE_MILLIS = 15 * 60_000L;

    private static final int MAX_CONNECTIONS = 4_194_304;

    private Snapshot() {}

    /** Writes all or nothing. */
    static void write(Path file, List<JournalEntry.TakeOver> connections, long nowMillis)
            throws IOException {
        StringBuilder text = new StringBuilder(HEADER).append(nowMillis).append('\n');
        for (JournalEntry.TakeOver one : connections) {
            text.append(one.text()).append('\n');
        }
        Path next = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(next, text, StandardCharsets.UTF_8);
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @return empty if there is no file or it is too old
     * @throws IOException if it is no snapshot; says which line
     */
    static List<JournalEntry.TakeOver> read(Path file, long nowMillis) throws IOException {
        List<JournalEntry.TakeOver> out = new ArrayList<>();
        if (!Files.exists(file)) {
            return out;
        }
        try (var lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            String first = lines.readLine();
            if (first == null || !first.startsWith(HEADER)) {
                throw new IOException(file + ":1: not a snapshot of pinhole");
            }
            long written;
            try {
                written = Long.parseLong(first.substring(HEADER.length()));
            } catch (NumberFormatException e) {
                throw new IOException(file + ":1: no time", e);
            }
            if (nowMillis - written > MAX_AGE_MILLIS || written > nowMillis) {
                return out;
            }
            int number = 1;
            String line;
            while ((line = lines.readLine()) != null) {
                number++;
                if (!(JournalEntry.parse(line) instanceof JournalEntry.TakeOver one)
                        || out.size() == MAX_CONNECTIONS) {
                    throw new IOException(file + ":" + number + ": not a connection");
                }
                out.add(one);
            }
        }
        return out;
    }
}
