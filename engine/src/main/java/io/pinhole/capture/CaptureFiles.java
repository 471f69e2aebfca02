package io.pinhole.capture;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * The packets of one or more capture files, as one source.
 *
 * <p>Files are sorted by the time of their first packet (files without one come last; equal ones
 * keep the order given) and handed out one after another, each in file order. Times are the files'
 * own and may run backwards.
 *
 * <p>Formats, each also packed with gzip (several members too):
 *
 * <ul>
 *   <li>pcap 2.x, microseconds or nanoseconds, either byte order, and Kuznetzov's modified records
 *       (pcap-savefile(5), draft-ietf-opsawg-pcap)
 *   <li>pcapng 1.0, several sections of either byte order, several interfaces
 *       (draft-ietf-opsawg-pcapng)
 * </ul>
 *
 * <p>Damage ends a file, not the run: {@link #next} throws once, and the next call goes on with the
 * next file. Whoever asks again can rely on everything before the damage having been handed out.
 *
 * <p>Packets that {@linkplain CapturedPacket#stays stay} where they are do so until their file is
 * {@linkplain #release released}.
 *
 * <p>One thread.
 */
public final class CaptureFiles implements PacketSource {
    private static final String STANDARD_INPUT = "-";

    private final List<CaptureInput> files;
    private int current;
    private int released;
    private long finishedBytes;

    private CaptureFiles(List<CaptureInput> files) {
        this.files = files;
    }

    /**
     * Opens all files and puts them in order.
     *
     * @param names at least one; {@code -} is standard input, at most once
     * @param stdin read only if {@code -} is among the names; closed with this source
     * @throws CaptureException {@code UNREADABLE} if any of them is missing, not permitted, empty,
     *     no capture, or a pcap of a link type that cannot be decoded; nothing is left open then
     */
    public static CaptureFiles open(List<String> names, InputStream stdin) throws CaptureException {
        if (names.isEmpty()) {
            throw new IllegalArgumentException("no capture file named");
        }
        if (Collections.frequency(names, STANDARD_INPUT) > 1) {
            throw new CaptureException(
                    CaptureException.Kind.UNREADABLE, "standard input can be read only once");
        }
        List<CaptureInput> files = new ArrayList<>();
        boolean opened = false;
        try {
            for (String name : names) {
                CaptureInput file =
                        new CaptureInput(name, name.equals(STANDARD_INPUT) ? stdin : null);
                files.add(file);
                file.open();
            }
            if (files.size() > 1) {
                sortByFirstTime(files);
            }
            opened = true;
            return new CaptureFiles(List.copyOf(files));
        } finally {
            if (!opened) {
                files.forEach(CaptureInput::close);
            }
        }
    }

    /**
     * Whether a file is a recording of the gateway, whose notes belong to its packets.
     *
     * @return false where that cannot be seen: standard input, compressed or unreadable files
     */
    public static boolean isRecording(String name) {
        if (name.equals(STANDARD_INPUT)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(Path.of(name))) {
            return PcapngReader.beginsWithNote(in.readNBytes(PcapngReader.HEAD_BYTES));
        } catch (IOException | InvalidPathException e) {
            return false; // whoever opens it says why
        }
    }

    private static void sortByFirstTime(List<CaptureInput> files) {
        record Dated(long firstTime, CaptureInput file) {}
        List<Dated> dated = new ArrayList<>();
        for (CaptureInput file : files) {
            dated.add(new Dated(file.firstTime(), file));
        }
        dated.sort(Comparator.comparingLong(Dated::firstTime));
        files.clear();
        for (Dated one : dated) {
            files.add(one.file);
        }
    }

    @Override
    public boolean next(CapturedPacket into) throws CaptureException {
        while (current < files.size()) {
            CaptureInput file = files.get(current);
            boolean more = false;
            try {
                more = file.next(into);
            } finally {
                if (!more) {
                    finish(file);
                }
            }
            if (more) {
                into.file = current;
                return true;
            }
        }
        return false;
    }

    /**
     * Ends the current file, as damage found by {@link #next} does, after the caller's own reading
     * of a packet failed: where a mapped file becomes shorter, the JVM throws an InternalError at
     * whoever touches the missing page, or shortly after.
     *
     * @param fault rethrown if it is something else
     * @return {@code DAMAGED}, to be reported
     */
    public CaptureException endFileAfter(InternalError fault) {
        if (current == files.size()) {
            throw fault;
        }
        CaptureInput file = files.get(current);
        CaptureException damage = file.endAfter(fault);
        finish(file);
        return damage;
    }

    private void finish(CaptureInput file) {
        finishedBytes += Math.max(file.size(), file.position());
        file.end();
        current++;
    }

    /**
     * Closes the files before this one that are finished: nobody needs the memory of their packets
     * any more.
     */
    public void release(int file) {
        while (released < Math.min(file, current)) {
            files.get(released++).close();
        }
    }

    /** How many files there are, with and without packets. */
    public int fileCount() {
        return files.size();
    }

    /**
     * The file that the next call reads first; {@link #fileCount()} once all are read. All below it
     * are finished. A file without packets never appears in a {@link CapturedPacket#file}.
     */
    public int currentFile() {
        return current;
    }

    /** The name as it was given to {@link #open}, of a file in the order used. */
    public String fileName(int file) {
        return files.get(file).name();
    }

    /** What was handed out so far of a file in the order used. */
    public FileTotals totals(int file) {
        return files.get(file).totals();
    }

    @Override
    public long position() {
        return current < files.size()
                ? finishedBytes + files.get(current).position()
                : finishedBytes;
    }

    @Override
    public long size() {
        long sum = 0;
        for (CaptureInput file : files) {
            if (file.size() < 0) {
                return -1;
            }
            sum += file.size();
        }
        return sum;
    }

    @Override
    public void close() {
        current = files.size();
        files.forEach(CaptureInput::close);
    }
}
