package io.pinhole.gateway;

import io.pinhole.capture.CapturedPacket;
import io.pinhole.capture.PcapngWriter;
import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.path.JournalEntry;
import io.pinhole.path.Positions;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what is judged, in files that {@code analyze} reads: every packet with its time and
 * interfaces before it is judged, and between packets what else changed verdicts. Bounded: after so
 * many bytes a new file begins, after so many files the oldest goes.
 *
 * <p>Several threads; what one call writes stays together, and times never run backwards.
 */
final class Recorder implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Recorder.class);
    private static final DateTimeFormatter NAME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

    private final GatewayOptions.Recording where;
    private final Clock clock;
    private final String program;
    private final EventHub events;
    private final Deque<Path> kept = new ArrayDeque<>();
    private final String start;
    private final CapturedPacket packet = new CapturedPacket();
    private final PacketView view = new PacketView();
    private @Nullable PcapngWriter writer;
    private String rules;
    private int file = -1;
    private long number;
    private long bytes;
    private boolean failed;
    private long deleted;

    /** When and under which position a packet was recorded. Owned by a shard. */
    static final class Stamp {
        long position;
        long timeNanos;
    }

    Recorder(
            GatewayOptions.Recording where,
            Clock clock,
            String program,
            String rules,
            EventHub events)
            throws IOException {
        this.where = where;
        this.clock = clock;
        this.program = program;
        this.rules = rules;
        this.events = events;
        Files.createDirectories(where.folder());
        start = NAME.format(Instant.now());
        nextFile();
    }

    private void nextFile() throws IOException {
        PcapngWriter last = writer;
        writer = null;
        if (last != null) {
            last.close();
        }
        file++;
        number = 0;
        bytes = 0;
        String name = String.format(Locale.ROOT, "pinhole-%s-%05d.pcapng", start, file);
        Path path = where.folder().resolve(name);
        PcapngWriter next =
                new PcapngWriter(
                        new BufferedOutputStream(Files.newOutputStream(path), 1 << 20), program);
        writer = next;
        next.note(new JournalEntry.Begin(program, rules).text());
        events.beginFile(file, name);
        kept.addLast(path);
        while (kept.size() > where.files()) {
            Files.deleteIfExists(kept.removeFirst());
            deleted++;
        }
    }

    /**
     * Records a packet that is about to be judged.
     *
     * @param checksumPending the sender left the checksum to its hardware: it is written into the
     *     packet, so that a replay finds it good as the gateway does
     * @param outOfWindow what else the path is told of it
     */
    synchronized void packet(
            MemorySegment data,
            long offset,
            int captured,
            int wire,
            LinkType link,
            @Nullable String input,
            @Nullable String output,
            boolean checksumPending,
            boolean outOfWindow,
            Stamp into) {
        if (bytes >= where.fileBytes()) {
            attempt(this::nextFile);
        }
        long now = clock.nanos();
        into.timeNanos = now;
        into.position = Positions.of(file, ++number);
        PcapngWriter to = writer;
        if (failed || to == null) {
            return;
        }
        if (checksumPending && view.wrap(data, offset, captured, wire, link) == Anomaly.NONE) {
            Checksums.write(view);
        }
        packet.data = data;
        packet.offset = offset;
        packet.capturedLength = captured;
        packet.wireLength = wire;
        packet.linkType = link;
        packet.linkNumber = link.number();
        packet.timeNanos = now;
        packet.timeDigits = 9;
        packet.interfaceName = input;
        packet.outputName = output;
        attempt(
                () -> {
                    if (outOfWindow) {
                        to.note(new JournalEntry.OutOfWindow().text());
                    }
                    to.write(packet, null);
                });
        bytes += captured + 64;
    }

    synchronized void note(JournalEntry entry) {
        if (entry instanceof JournalEntry.Reload(String name, String text)) {
            rules = name;
        }
        PcapngWriter to = writer;
        if (!failed && to != null) {
            attempt(() -> to.note(entry.text()));
        }
    }

    private interface Write {
        void run() throws IOException;
    }

    private void attempt(Write write) {
        try {
            write.run();
        } catch (IOException e) {
            failed = true;
            LOG.error("recording ends: {}: {}", where.folder(), e.getMessage());
        }
    }

    /** Whether an error ended the recording. */
    synchronized boolean failed() {
        return failed;
    }

    /** Old files that went. */
    synchronized long deleted() {
        return deleted;
    }

    synchronized void flush() {
        PcapngWriter to = writer;
        if (!failed && to != null) {
            attempt(to::flush);
        }
    }

    @Override
    public synchronized void close() {
        PcapngWriter to = writer;
        writer = null;
        if (to != null) {
            attempt(to::close);
        }
    }
}
